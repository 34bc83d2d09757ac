"""Distributions on the simplex: numbers that are shares of one whole."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Dirichlet


class Shares(Dirichlet):
    """Dirichlet(α) over shares (Z,), whose ``mode`` is its mean.

    A concentration below 1 has its modes in the corners, and a text is of several topics.
    """

    def __init__(self, concentration: Tensor):
        super().__init__(concentration, validate_args=False)

    @property
    def mode(self) -> Tensor:
        return self.mean
