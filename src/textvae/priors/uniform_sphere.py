"""The uniform prior on a sphere."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.distributions.sphere import UniformSphere
from textvae.registry import PartConfig, register


class UniformSpherePriorConfig(PartConfig):
    """The uniform prior on a sphere has no options."""


@register("prior", "uniform_sphere", UniformSpherePriorConfig, provides=("prior_log_prob", "sphere"))
class UniformSpherePrior(nn.Module):
    """p(z) is uniform on the sphere of radius √Z (Davidson et al. 2018, section 3.1, on the unit sphere)."""

    def __init__(self, config: UniformSpherePriorConfig, latent_dim: int):
        super().__init__()
        self.zero: Tensor
        self.register_buffer("zero", torch.zeros(latent_dim), persistent=False)

    def forward(self) -> UniformSphere:
        """p(z), event shape (Z,)."""
        return UniformSphere(self.zero, len(self.zero) ** 0.5)
