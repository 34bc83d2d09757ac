"""Texts unlike the others: by nats per token, with texts planted among them to see whether it works.

Planted are texts with their words in random order, which only grammar tells apart, and texts from elsewhere if
``--other`` names a file.

Run it:

    python examples/anomalies.py
    python examples/anomalies.py reviews.csv --text-column review --other headlines.txt
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from common import options, prepare
from sklearn.metrics import roc_auc_score

from textvae import TextVAE, load_corpus


def nats_per_token(vae: TextVAE, texts: Sequence[str], seed: int) -> np.ndarray:
    """(N,) surprise at each text, so that long ones are not strange for being long."""
    counted = np.array([len(ids) - 1 for ids in vae.tokenizer_.encode(list(texts))])
    return -vae.score(texts, iw_samples=20, seed=seed) / counted


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Prints the strangest texts; returns the AUC with which planted ones are told from the others."""
    parser = options(__doc__)
    parser.add_argument("--other", help="a file of other texts to plant")
    vae, _, held_out, chosen = prepare(parser, argv)
    usual = held_out.texts[:400]
    rng = np.random.default_rng(chosen.seed)
    planted = {
        "shuffled": [" ".join(rng.permutation(text.split())) for text in usual[:100] if len(text.split()) > 3]
    }
    if chosen.other is not None:
        planted["other"] = load_corpus(chosen.other).texts[:100]
    scores = nats_per_token(vae, usual, chosen.seed)
    print("Strangest of the texts:", *(usual[i] for i in np.argsort(-scores)[:5]), sep="\n  ")
    found = {}
    for name, texts in planted.items():
        both = np.concatenate([scores, nats_per_token(vae, texts, chosen.seed)])
        found[name] = float(roc_auc_score(np.arange(len(both)) >= len(scores), both))
        print(f"\nplanted, {name}: AUC {found[name]:.2f}")
    return found


if __name__ == "__main__":
    main()
