"""Finite scalar quantisation: every number of z is rounded."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.codes import Quantised
from textvae.registry import PartConfig, register


class FSQPosteriorConfig(PartConfig):
    """Options of finite scalar quantisation."""

    levels: int = Field(default=5, ge=2, description="L, the values that each number of z can take")

    @property
    def fixed_rate(self) -> bool:
        return True


@register(
    "posterior",
    "fsq",
    FSQPosteriorConfig,
    provides=("rsample", "kl"),
    requires=("codes",),
    defaults={"prior": "uniform_codes"},
)
class FSQPosterior(nn.Module):
    """q(z|x) puts all its mass on tanh of a linear map of the features, rounded to L levels (Mentzer et al. 2023).

    The levels are evenly spaced from −1 to 1 for every L: for an even one the paper shifts tanh instead. A codebook of
    L^Z codes that needs no learning, no commitment and no restarts; the gradient goes straight through the rounding.
    """

    def __init__(self, config: FSQPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.vectors = nn.Linear(in_features, latent_dim)
        self.codebook: Tensor
        grid = torch.linspace(-1, 1, config.levels)[None, :, None].repeat(latent_dim, 1, 1)
        self.register_buffer("codebook", grid, persistent=False)

    def forward(self, features: Tensor) -> Quantised:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        with torch.autocast(features.device.type, enabled=False):
            return Quantised(self.vectors(features.float()).tanh()[..., None], self.codebook)
