"""Few labels: do texts that the model writes around the labelled ones help a small classifier?

The VAE is trained on all texts without labels. Latents around each labelled text's are decoded; what comes out gets its
label, and is left out where the classifier that the labelled texts alone make would give it another. Compared are that
classifier, the same with the new texts, and a linear classifier of latents, which needs no new texts.

Run it:

    python examples/augmentation.py --labels 8 --runs 10
    python examples/augmentation.py reviews.csv --text-column review --label-column stars
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from common import label_of, options, prepare
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from textvae import TextVAE
from textvae.errors import TextVAEError


def around(
    vae: TextVAE, texts: Sequence[str], copies: int, spread: float, rng: np.random.Generator
) -> list[str]:
    """``copies`` texts for each, in its order, from latents that are a normal step of size ``spread`` away."""
    z = np.repeat(vae.encode(texts), copies, axis=0)
    moved = z + spread * rng.normal(size=z.shape).astype(np.float32)
    return vae.decode(
        moved, method="sample", temperature=0.7, seed=int(rng.integers(2**31)), allow_unknown=False
    )


def main(argv: Sequence[str] | None = None) -> dict[str, list[float]]:
    """Prints accuracies with their spread over runs; returns one for each run."""
    parser = options(__doc__)
    parser.add_argument("--labels", type=int, default=8, help="labelled texts of each class")
    parser.add_argument("--copies", type=int, default=5, help="new texts for each of them")
    parser.add_argument("--spread", type=float, default=0.3, help="how far from a labelled text")
    parser.add_argument("--runs", type=int, default=10, help="draws of the labelled texts")
    vae, train, held_out, chosen = prepare(parser, argv, target_kl=15)
    wanted = chosen.label_column or ("aspect" if chosen.file == "grammar" else None)
    known, asked = label_of(train, wanted), label_of(held_out, wanted)
    if known is None or asked is None:
        raise TextVAEError("A classifier needs labels: name their column with --label-column.")
    words = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)), LogisticRegression(C=10))
    latents = make_pipeline(StandardScaler(), LogisticRegression())
    z = vae.encode(held_out.texts)
    results: dict[str, list[float]] = {"labelled alone": [], "with new texts": [], "latents": []}
    for run in range(chosen.runs):
        rng = np.random.default_rng((chosen.seed, run))
        rows = np.concatenate(
            [rng.permutation(np.flatnonzero(known == c))[: chosen.labels] for c in np.unique(known)]
        )
        texts, labels = [train.texts[i] for i in rows], known[rows]
        words.fit(texts, labels)
        results["labelled alone"].append(words.score(held_out.texts, asked))
        new = around(vae, texts, chosen.copies, chosen.spread, rng)
        given = np.repeat(labels, chosen.copies)
        kept = np.flatnonzero(words.predict(new) == given)
        words.fit([*texts, *(new[i] for i in kept)], np.concatenate([labels, given[kept]]))
        results["with new texts"].append(words.score(held_out.texts, asked))
        results["latents"].append(latents.fit(vae.encode(texts), labels).score(z, asked))
    print(f"accuracy on {len(asked):,} texts, {chosen.labels} labelled of each class, {chosen.runs} runs")
    for name, scores in results.items():
        print(f"  {name:<15} {np.mean(scores):.3f} ± {np.std(scores):.3f}")
    gains = np.subtract(results["with new texts"], results["labelled alone"])
    print(f"  gain of the new texts, run by run: {np.mean(gains):+.3f} ± {np.std(gains):.3f}")
    return results


if __name__ == "__main__":
    main()
