"""How much an attribute tells about where on a dimension a text lies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BINS = 8  # of a coordinate, equally full
_SHUFFLES = 20
_RESAMPLES = 200
_INTERVAL = (2.5, 97.5)


class Information(NamedTuple):
    """``mi``: nats; ``interval``: its 95 % bootstrap interval; ``share``: of the attribute's entropy."""

    mi: float
    interval: tuple[float, float]
    share: float


def quantile_bins(z: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Each coordinate's bin by its rank among the N of its column: (N, K) -> (N, K) int64."""
    ranks = z.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return ranks * bins // len(z)


def mutual_information(z_bins: np.ndarray, codes: np.ndarray, rng: np.random.Generator) -> Information:
    """I(bin of z; attribute), both (N,) int64, less what shuffled texts show.

    The plug-in estimate of a table is too high by about (r − 1)(c − 1)/2N nats, and so high it is where nothing is to
    be found: its mean over shuffles is taken off. Resampling texts is, bins and values being fixed, drawing tables
    from a multinomial; the spread of those gives the interval.
    """
    texts, rows, columns = len(codes), int(z_bins.max()) + 1, int(codes.max()) + 1
    table = _table(z_bins, codes, rows, columns)
    shuffled = [_table(z_bins, rng.permutation(codes), rows, columns) for _ in range(_SHUFFLES)]
    mi = float(_plug_in(table) - _plug_in(np.stack(shuffled)).mean())
    drawn = rng.multinomial(texts, table.ravel() / texts, size=_RESAMPLES).reshape(-1, rows, columns)
    resampled = _plug_in(drawn)
    low, high = np.percentile(resampled - resampled.mean(), _INTERVAL) + mi
    share = table.sum(0) / texts
    entropy = float(-(share[share > 0] * np.log(share[share > 0])).sum())
    return Information(max(mi, 0.0), (float(max(low, 0.0)), float(max(high, 0.0))), max(mi, 0.0) / entropy)


def _table(a: np.ndarray, b: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns)


def _plug_in(tables: np.ndarray) -> np.ndarray:
    """Mutual information in nats of tables of counts (*, r, c)."""
    p = tables / tables.sum((-2, -1), keepdims=True)
    independent = p.sum(-1, keepdims=True) * p.sum(-2, keepdims=True)
    terms = np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / np.where(independent > 0, independent, 1)), 0)
    return terms.sum((-2, -1))
