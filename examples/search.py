"""Search by meaning, and clusters with the texts at their centres.

python examples/search.py --query "The waiter was rude."
python examples/search.py reviews.csv --text-column review --query "breakfast was cold" --clusters 12
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from common import label_of, options, prepare
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from textvae.latent.neighbours import nearest


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints what is near the query and each cluster's most typical texts; returns both."""
    parser = options(__doc__)
    parser.add_argument("--query", default="The waiter was very rude.")
    parser.add_argument("--clusters", type=int, default=8)
    vae, train, _, chosen = prepare(parser, argv)
    near = vae.neighbours(chosen.query, train.texts, k=5)
    print(chosen.query, *(f"{hit.distance:.3f}  {hit.text}" for hit in near), sep="\n  ")
    z = vae.encode(train.texts)
    kmeans = KMeans(chosen.clusters, n_init=4, random_state=chosen.seed)  # pyright: ignore[reportArgumentType]
    clustering = kmeans.fit(z)
    centres = clustering.cluster_centers_
    typical = nearest(z, centres, k=3, metric="euclidean").indices
    for cluster, row in enumerate(typical):
        print(f"\ncluster {cluster}: {np.sum(clustering.labels_ == cluster):,} texts")
        print(*(f"  {train.texts[i]}" for i in row), sep="\n")
    result: dict[str, Any] = {"near": [hit.text for hit in near], "clusters": clustering.labels_}
    for name in [chosen.label_column] if chosen.label_column else sorted(train.labels):
        labels = label_of(train, name)
        if labels is not None:
            result[f"nmi_{name}"] = float(normalized_mutual_info_score(labels, clustering.labels_))
            print(f"\nclusters and {name}: normalised mutual information {result[f'nmi_{name}']:.2f}")
    return result


if __name__ == "__main__":
    main()
