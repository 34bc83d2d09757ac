"""Means and variances of any number of rows, without keeping the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Moments:
    """Of ``n`` rows (*,): their ``total`` Σ x and their ``scatter`` Σ (x − mean)², both (*,) float64.

    Those of two sets of rows add up to those of both (Chan, Golub & LeVeque 1983).
    """

    n: int
    total: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Self:
        """Of rows (N, *), N at least 1."""
        rows = np.asarray(rows, np.float64)
        return cls(len(rows), rows.sum(0), ((rows - rows.mean(0)) ** 2).sum(0))

    def __add__(self, other: Moments) -> Moments:
        n = self.n + other.n
        apart = other.mean - self.mean
        scatter = self.scatter + other.scatter + apart**2 * (self.n * other.n / n)
        return Moments(n, self.total + other.total, scatter)

    @property
    def mean(self) -> np.ndarray:
        """(*,)."""
        return self.total / self.n

    def variance(self, ddof: int = 0) -> np.ndarray:
        """(*,), over n − ``ddof``."""
        return self.scatter / (self.n - ddof)

    def to_json(self) -> list[Any]:
        """Plain numbers, from which ``from_json`` makes the same moments, bit for bit."""
        return [self.n, self.total.tolist(), self.scatter.tolist()]

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """The moments that ``to_json`` gave."""
        n, total, scatter = value
        return cls(n, np.array(total), np.array(scatter))
