"""Distributions in rotated coordinates: z·R for z ~ q and an orthogonal R."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    TransformedDistribution,
    constraints,
    kl_divergence,
    register_kl,
)
from torch.distributions.transforms import Transform

from textvae.distributions.flow import Flow


def turn(z: Tensor, matrix: Tensor) -> Tensor:
    """z·R for z (*, Z), in float32 whatever autocast says: coordinates do not bear eight bits."""
    with torch.autocast(z.device.type, enabled=False):
        return z.float() @ matrix


class Turn(Transform):
    """z -> z·R, R (Z, Z) orthogonal. Volumes stay as they are."""

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, matrix: Tensor):
        super().__init__()
        self.matrix = matrix

    def _call(self, x: Tensor) -> Tensor:
        return turn(x, self.matrix)

    def _inverse(self, y: Tensor) -> Tensor:
        return turn(y, self.matrix.T)

    def log_abs_det_jacobian(self, x: Tensor, y: Any) -> Tensor:
        return torch.zeros_like(x[..., 0])


class Rotated(TransformedDistribution):
    """z·R for a Gaussian z, diagonal or not: its covariance is RᵀΣR, and it is drawn from the same noise as z."""

    base_dist: Independent | MultivariateNormal

    def __init__(self, base: Independent | MultivariateNormal, matrix: Tensor):
        super().__init__(base, [Turn(matrix)], validate_args=False)
        self.matrix = matrix

    @property
    def mean(self) -> Tensor:
        """μR."""
        return turn(self.base_dist.mean, self.matrix)

    @property
    def mode(self) -> Tensor:
        """The mean."""
        return self.mean

    @property
    def variance(self) -> Tensor:
        """The diagonal of RᵀΣR."""
        if isinstance(self.base_dist, MultivariateNormal):
            return (turn(self.base_dist.scale_tril.mT, self.matrix) ** 2).sum(-2)
        return turn(self.base_dist.variance, self.matrix**2)


def rotated(q: Distribution, matrix: Tensor) -> Distribution:
    """The distribution of z·R for z ~ q, a Gaussian or a flow."""
    if isinstance(q, Flow):
        return Flow(q.base_dist, [*q.transforms, Turn(matrix)])
    assert isinstance(q, Independent | MultivariateNormal)
    return Rotated(q, matrix)


def is_standard_normal(p: Distribution) -> bool:
    """Whether p is N(0, I), which is the same in any rotated coordinates."""
    normal = isinstance(p, Independent) and isinstance(p.base_dist, Normal)
    return normal and bool((p.mean == 0).all() and (p.stddev == 1).all())


@register_kl(Rotated, Independent)
def _kl_rotated(q: Rotated, p: Independent) -> Tensor:
    """That of the unrotated q, where p has no axes."""
    if not is_standard_normal(p):
        raise NotImplementedError
    return kl_divergence(q.base_dist, p)
