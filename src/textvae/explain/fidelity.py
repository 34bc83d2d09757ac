"""Whether an explanation says where a text lies: a simulator that knows nothing but the explanation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata

_RIDGE = 1.0  # per standardised cue and text, of the weights that the cues are given
_RANDOM = 200  # directions


class Fidelity(NamedTuple):
    """How well a simulator tells texts above the median from those below, on texts it has not seen.

    ``auc`` with its 95 % ``interval``; ``random``: the mean of the same over random directions at right angles to the
    one explained (one close to it would be no control), each taken the way round that suits the simulator, and
    ``random_interval``: the middle 95 % of those.
    """

    auc: float
    interval: tuple[float, float]
    random: float
    random_interval: tuple[float, float]

    @property
    def explained(self) -> bool:
        """Whether all of the interval lies above that of random directions."""
        return self.interval[0] > self.random_interval[1]


def cues(
    texts: Sequence[Sequence[str]],
    words: Mapping[str, float],
    means: Sequence[np.ndarray],
    codes: Sequence[np.ndarray],
    low: Sequence[Sequence[str]],
    high: Sequence[Sequence[str]],
) -> np.ndarray:
    """What an explanation says of texts, (N, 2 + attributes).

    Args:
        texts: the words of each.
        words: word -> effect; the first cue is their sum over the different words of a text.
        means, codes: of each attribute listed, the mean position (values,) and the text's value (N,).
        low, high: the words of the texts at both ends; the second cue is how much more a text shares with the high
            ones: Σ over its different words of the share of high ones that have it, less that of low ones.
    """
    ends = Counter[str]()
    for rows, sign in ((high, 1), (low, -1)):
        for row in rows:
            for word in set(row):
                ends[word] += sign / len(rows)  # pyright: ignore[reportArgumentType]
    found = np.zeros((len(texts), 2 + len(means)))
    for i, text in enumerate(texts):
        different = set(text)
        found[i, 0] = sum(words.get(word, 0.0) for word in different)
        found[i, 1] = sum(ends[word] for word in different if word in ends)
    for place, (mean, code) in enumerate(zip(means, codes, strict=True), 2):
        found[:, place] = mean[code]
    return found


class Simulator:
    """Position on a dimension as a weighted sum of an explanation's cues, fitted by ridge regression.

    ``weights`` (cues,) are of standardised cues; they are fitted on the texts that the explanation was made from, and
    are a part of it.
    """

    def __init__(self, cues: np.ndarray, z: np.ndarray) -> None:
        self._centre, self._scale = cues.mean(0), np.maximum(cues.std(0), 1e-9)
        x, y = self._standard(cues), (z - z.mean()) / max(float(z.std()), 1e-9)
        self.weights = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ y)

    def _standard(self, cues: np.ndarray) -> np.ndarray:
        return (cues - self._centre) / self._scale

    def __call__(self, cues: np.ndarray) -> np.ndarray:
        """(N, cues) -> (N,) positions, in standard deviations."""
        return self._standard(cues) @ self.weights


def fidelity(predicted: np.ndarray, z: np.ndarray, axis: np.ndarray, rng: np.random.Generator) -> Fidelity:
    """The simulator's figures on held-out texts.

    Args:
        predicted: (N,) what the simulator says.
        z: (N, Z) the texts' latents.
        axis: (Z,) the direction that was explained, of length 1.
    """
    position = z @ axis
    score, interval = auc(predicted, position > np.median(position))
    directions = rng.standard_normal((_RANDOM, len(axis)))
    directions -= np.outer(directions @ axis, axis)
    # where there is no other direction, all positions are the same: no text is above the median
    others = np.round(z @ directions.T, 6)  # (N, R)
    above = (others > np.median(others, axis=0)).T
    ranks, n = rankdata(predicted), above.sum(1)
    random = (above @ ranks - n * (n + 1) / 2) / np.maximum(n * (len(ranks) - n), 1)
    random = np.where(n > 0, 0.5 + np.abs(random - 0.5), 0.5)
    low, high = np.percentile(random, (2.5, 97.5))
    return Fidelity(score, interval, float(random.mean()), (float(low), float(high)))


def auc(score: np.ndarray, above: np.ndarray) -> tuple[float, tuple[float, float]]:
    """The chance that a text above scores higher than one below, ties counted half, and its 95 % interval.

    The standard error is that of DeLong et al. 1988 ("Comparing the areas under two or more correlated receiver
    operating characteristic curves"), computed from ranks.
    """
    yes, no = score[above], score[~above]
    if not (len(yes) and len(no)):
        return 0.5, (0.0, 1.0)
    ranks = rankdata(np.concatenate([yes, no]))
    beaten = (ranks[: len(yes)] - rankdata(yes)) / len(no)  # by each above: share of those below
    beating = 1 - (ranks[len(yes) :] - rankdata(no)) / len(yes)
    area = float(beaten.mean())
    variance = beaten.var(ddof=1) / len(yes) if len(yes) > 1 else 0.25
    variance += beating.var(ddof=1) / len(no) if len(no) > 1 else 0.25
    half = float(norm.ppf(0.975) * np.sqrt(variance))
    return area, (max(0.0, area - half), min(1.0, area + half))
