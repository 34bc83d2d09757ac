"""How sure a topic model is: whether intervals hold the true shares, and which documents it says no topic fits.

python benchmarks/topic_certainty.py intervals [--seeds 3]
python benchmarks/topic_certainty.py fits DATA --known bbc --foreign 20ng [--seeds 3]
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from topic_sets import SETS, TopicSet

from textvae import TopicVAE
from textvae.metrics.topics import align

_TOPICS, _WORDS, _TRAIN, _TEST = 10, 500, 2000, 500  # of the documents that an LDA makes
_LEVELS = (0.5, 0.8, 0.9, 0.95)
_LEAST_WORDS = 10  # that a document has of the vocabulary, to be asked about
_KEPT = 0.2  # of documents that are one corpus, from training


def coverage(seed: int) -> dict[str, float]:
    """The part of true shares that intervals of each level hold: all of them, and those above a tenth."""
    rng = np.random.default_rng(seed)
    topics = rng.dirichlet(np.full(_WORDS, 0.05), size=_TOPICS)
    theta = rng.dirichlet(np.full(_TOPICS, 0.2), size=_TRAIN + _TEST)
    counts = scipy.sparse.csr_array(
        np.array([rng.multinomial(rng.integers(30, 150), shares @ topics) for shares in theta])
    )
    names = [f"w{i}" for i in range(_WORDS)]
    mixing = {"decoder.words": "mixture", "train.lr": 0.01}
    model = TopicVAE(_TOPICS, vocabulary=names, random_state=seed, epochs=40, set=mixing).fit(counts[:_TRAIN])
    partner, _ = align(topics, model.components_)
    truth = theta[_TRAIN:]
    figures = {}
    for level in _LEVELS:
        lower, _, upper = (edge[:, partner] for edge in model.intervals(counts[_TRAIN:], level))
        inside = (lower <= truth) & (truth <= upper)
        figures[f"{level:.0%} of all"] = float(inside.mean())
        figures[f"{level:.0%} of those above 0.1"] = float(inside[truth > 0.1].mean())
    return figures


def flagged(known: TopicSet, foreign: TopicSet, seed: int) -> dict[str, float]:
    """The part of documents that no topic is said to fit."""
    train, test = known.train, known.test
    if train is test:
        order = np.random.default_rng(seed).permutation(train.shape[0])
        kept = round(_KEPT * len(order))
        train, test = train[np.sort(order[kept:])], train[np.sort(order[:kept])]
    model = TopicVAE(50, vocabulary=known.words, random_state=seed).fit(train)
    frequency = np.asarray(train.sum(0), float).ravel()
    foreign_counts = _columns(foreign, known.words)
    # as long as the known ones, their words drawn from the whole corpus: of everything at once
    lengths = np.asarray(_enough(test).sum(1), np.int64).ravel()
    rng = np.random.default_rng(seed)
    mixed = np.stack([rng.multinomial(n, frequency / frequency.sum()) for n in lengths])
    return {
        name: float(1 - model.fits(_enough(counts)).mean())
        for name, counts in {
            "known": test,
            "foreign": foreign_counts,
            "of everything at once": scipy.sparse.csr_array(mixed),
        }.items()
    } | {"foreign documents": float(_enough(foreign_counts).shape[0])}


def _columns(data: TopicSet, words: list[str]) -> Any:
    """The counts of test documents, (N, V) by other words."""
    place = {word: i for i, word in enumerate(words)}
    pairs = [(i, place[word]) for i, word in enumerate(data.words) if word in place]
    rows, columns = zip(*pairs, strict=True)
    chosen = scipy.sparse.csr_array((np.ones(len(pairs)), (rows, columns)), (len(data.words), len(words)))
    return scipy.sparse.csr_array(data.test @ chosen)


def _enough(counts: Any) -> Any:
    return counts[np.flatnonzero(np.asarray(counts.sum(1)).ravel() >= _LEAST_WORDS)]


def main() -> None:
    """Prints the mean of the seeds and, after ±, their standard deviation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["intervals", "fits"])
    parser.add_argument("data", type=Path, nargs="?", help="the folder of the data sets")
    parser.add_argument("--known", choices=SETS, default="bbc")
    parser.add_argument("--foreign", choices=SETS, default="20ng")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if options.what == "fits" and options.data is None:
        parser.error("fits needs the folder of the data sets")
    warnings.simplefilter("ignore")  # documents without a word are left out, as everywhere here
    if options.what == "intervals":
        runs = [coverage(seed) for seed in range(options.seeds)]
    else:
        known, foreign = (SETS[name](options.data) for name in (options.known, options.foreign))
        runs = [flagged(known, foreign, seed) for seed in range(options.seeds)]
    for name in runs[0]:
        values = np.array([run[name] for run in runs])
        print(f"{name}: {values.mean():.3f} ± {values.std():.3f}")


if __name__ == "__main__":
    main()
