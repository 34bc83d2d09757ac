"""The von Mises-Fisher posterior: directions instead of places."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.sphere import VonMisesFisher
from textvae.registry import PartConfig, register


class VonMisesFisherPosteriorConfig(PartConfig):
    """Options of the von Mises-Fisher posterior."""

    kappa: Annotated[float, Field(gt=0)] | Literal["learned"] = Field(
        default=80.0,
        description="concentration around the mean direction: a number, or learned for each text",
    )

    @property
    def fixed_rate(self) -> bool:
        return self.kappa != "learned"

    def check_latent_dim(self, latent_dim: int) -> None:
        if latent_dim < 2:
            raise ValueError(f"posterior vmf needs a latent_dim of 2 or more, a sphere's, not {latent_dim}")


@register(
    "posterior",
    "vmf",
    VonMisesFisherPosteriorConfig,
    provides=("rsample", "log_prob", "kl"),
    requires=("sphere",),
    defaults={"prior": "uniform_sphere"},
)
class VonMisesFisherPosterior(nn.Module):
    """q(z|x) = vMF(μ(x), κ) on a sphere, μ of unit length and linear in the features.

    With κ fixed (Xu & Durrett 2018) KL to the uniform prior is a constant, which κ and Z set and no decoder can
    lower; with κ = 1 + softplus(…) of each text (Davidson et al. 2018) it is learned as σ is.
    The sphere has the radius √Z, as the standard normal's shell has, so that each number in z is of the order
    of 1 whatever Z; KL and likelihood are those of the papers' unit sphere.
    """

    def __init__(self, config: VonMisesFisherPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.loc = nn.Linear(in_features, latent_dim)
        self.kappa = nn.Linear(in_features, 1) if config.kappa == "learned" else None
        self.fixed = 0.0 if config.kappa == "learned" else config.kappa
        self.radius = latent_dim**0.5

    def forward(self, features: Tensor) -> VonMisesFisher:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            loc = F.normalize(self.loc(features), dim=-1)
            return VonMisesFisher(loc, self.concentration(features), self.radius)

    def concentration(self, features: Tensor) -> Tensor:
        """(B, F) -> κ, (B,) or, where it is fixed, ()."""
        if self.kappa is None:
            return features.new_tensor(self.fixed)
        return 1 + F.softplus(self.kappa(features)[..., 0])
