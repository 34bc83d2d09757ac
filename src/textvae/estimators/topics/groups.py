"""Topics by group: how much of each there is in documents of a label or of a time, and how its words change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.stats import norm

from textvae.errors import TextVAEError

Period = Literal["year", "month", "week", "day"]
_UNITS = {"year": "Y", "month": "M", "week": "W", "day": "D"}
_NUMBERS_AT_ONCE = 2**22


class Prevalence(NamedTuple):
    """Topics in groups of documents.

    Attributes:
        groups: (G,) in order.
        documents: (G,) how many there are.
        share: (G, K) the mean share of each topic.
        lower, upper: (G, K) between which it is, at the level asked for.
    """

    groups: list[Any]
    documents: np.ndarray
    share: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def group_numbers(by: Any, count: int, period: Period | None = None) -> tuple[list[Any], np.ndarray]:
    """The groups in order, and the number (N,) of each document's; −1 for one without a label.

    Args:
        by: (N,) labels, or dates as strings (``2024-03-31``) or ``datetime`` where a ``period`` is given.
        count: N.
        period: what of its date a document's group is.

    Raises:
        TextVAEError: another number of labels, no labels, or dates that are none.
    """
    labels = np.asarray(by, dtype=object).ravel()
    if len(labels) != count:
        raise TextVAEError(f"There are {count} documents, and {len(labels)} labels to group them by.")
    known = np.array([label is not None and label == label and label != "" for label in labels], bool)
    if not known.any():
        raise TextVAEError("No document has a label to group it by.")
    chosen: Any = labels[known]
    if period is not None:
        if period not in _UNITS:
            raise TextVAEError(f"There is no period '{period}'; there are: {', '.join(_UNITS)}.")
        try:
            dates = [np.datetime64(d if isinstance(d, date) else str(d)) for d in chosen]
            chosen = np.array(dates).astype(f"datetime64[{_UNITS[period]}]")
        except (ValueError, TypeError) as error:
            raise TextVAEError(f"There is a date that can't be read: {error}.") from error
        chosen = chosen.astype(str)
    try:
        groups, numbers = np.unique(chosen, return_inverse=True)
    except TypeError:  # labels of several types have no order but that of their names
        groups, numbers = np.unique(chosen.astype(str), return_inverse=True)
    all_numbers = np.full(count, -1)
    all_numbers[known] = numbers
    return groups.tolist(), all_numbers


def prevalence(
    theta: np.ndarray, unsure: np.ndarray, groups: Sequence[Any], numbers: np.ndarray, level: float
) -> Prevalence:
    """The mean shares of documents of each group, with normal intervals for what they are in documents of that kind.

    The variance of a mean of n documents is (s² + v̄) / n: s² how much their shares differ, v̄ how unsure they are on
    average. A group of one document has no s² and takes that of all documents.

    Args:
        theta: (N, K) shares.
        unsure: (K,) v̄, the mean variance of a share given its document.
        groups, numbers: of ``group_numbers``.
        level: in (0, 1).
    """
    size = np.bincount(numbers[numbers >= 0], minlength=len(groups))
    share, error = np.empty((len(groups), theta.shape[1])), np.empty((len(groups), theta.shape[1]))
    for g, n in enumerate(size):
        mine = numbers == g
        between = theta[mine if n > 1 else numbers >= 0].var(0, ddof=1) if len(theta) > 1 else 0.0
        share[g] = theta[mine].mean(0)
        error[g] = np.sqrt((between + unsure) / n)
    width = norm.ppf(0.5 + level / 2) * error
    return Prevalence(list(groups), size, share, np.maximum(share - width, 0), np.minimum(share + width, 1))


def word_changes(
    counts: Any,
    theta: np.ndarray,
    topics: np.ndarray,
    topic: int,
    numbers: np.ndarray,
    n_groups: int,
) -> np.ndarray:
    """(G, V) z-scores: how much more documents of a group use each word for a topic than those of the other groups.

    A word of a document counts for the topic in the share p(k|v, θ) = θ_k β_kv / Σ_j θ_j β_jv. The figure is the log
    odds ratio of a group to all others over its standard error, with the words of all groups as an informative
    Dirichlet prior of as many words as a tenth of them (Monroe, Colaresi & Quinn 2008, equations 16 to 22). Beyond ±2
    it is hardly chance.

    Args:
        counts: (N, V).
        theta: (N, K).
        topics: (K, V) probabilities of words.
        topic: k.
        numbers: (N,) of ``group_numbers``.
        n_groups: G.
    """
    used = np.zeros((n_groups, counts.shape[1]))
    document = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    at_once = max(1, _NUMBERS_AT_ONCE // theta.shape[1])
    for start in range(0, counts.nnz, at_once):
        part = slice(start, start + at_once)
        row, word = document[part], counts.indices[part]
        joint = theta[row] * topics.T[word]  # (n, K)
        mine = counts.data[part] * joint[:, topic] / np.maximum(joint.sum(1), 1e-30)
        grouped = numbers[row] >= 0
        np.add.at(used, (numbers[row][grouped], word[grouped]), mine[grouped])
    total = used.sum(0)
    prior = 0.1 * total + 1e-2
    own, rest = used + prior, total - used + prior
    odds = _log_odds(own) - _log_odds(rest)
    return odds / np.sqrt(1 / own + 1 / rest)


def _log_odds(numbers: np.ndarray) -> np.ndarray:
    return np.log(numbers) - np.log(numbers.sum(1, keepdims=True) - numbers + math.ulp(1.0))
