"""Several runs of one model: which topics come again, and how alike they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.metrics.topics import align

ALIKE = 0.7  # from this Bhattacharyya coefficient on, two topics of different runs count as the same


@dataclass(frozen=True)
class Consensus:
    """What runs with different seeds agree on, topic by topic of the run that agrees most with the others.

    Attributes:
        reference: the number of that run, whose topics are numbered as its model's are.
        topics: (K, V) the mean of each topic and its partners in the runs that have it.
        support: (K,) the share of the other runs with a partner at least ``ALIKE`` to the topic, 0 … 1.
        likeness: (K,) the mean likeness of a topic to its partners in all other runs, 0 … 1.
    """

    reference: int
    topics: np.ndarray
    support: np.ndarray
    likeness: np.ndarray

    def state(self, seeds: Sequence[int]) -> dict[str, Any]:
        """As JSON; the topics themselves are not in it."""
        return {
            "seeds": list(seeds),
            "reference": self.reference,
            "alike_from": ALIKE,
            "support": np.round(self.support, 4).tolist(),
            "likeness": np.round(self.likeness, 4).tolist(),
        }


def consensus(runs: Sequence[np.ndarray]) -> Consensus:
    """Aligns the topics (K, V) of two runs or more with those of the run that is most like all others.

    Topics are paired one to one, so that the pairs are most alike in all.
    """
    paired = {(a, b): align(runs[a], runs[b]) for a in range(len(runs)) for b in range(len(runs)) if a != b}
    total = [sum(paired[a, b][1].sum() for b in range(len(runs)) if b != a) for a in range(len(runs))]
    reference = int(np.argmax(total))
    others = [b for b in range(len(runs)) if b != reference]
    alike = np.stack([paired[reference, b][1] for b in others])  # (R - 1, K)
    same = alike >= ALIKE
    topics = np.array(runs[reference], np.float64)
    for row, b in enumerate(others):
        topics += same[row][:, None] * runs[b][paired[reference, b][0]]
    topics /= 1 + same.sum(0)[:, None]
    return Consensus(reference, topics, same.mean(0), alike.mean(0))


def stability(runs: Sequence[np.ndarray]) -> float:
    """The mean likeness of paired topics over all pairs of runs, 0 … 1."""
    pairs = [(a, b) for a in range(len(runs)) for b in range(a + 1, len(runs))]
    return float(np.mean([align(runs[a], runs[b])[1].mean() for a, b in pairs]))
