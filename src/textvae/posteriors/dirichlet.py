"""The Dirichlet posterior: shares of topics."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.simplex import Shares
from textvae.registry import PartConfig, register


class DirichletPosteriorConfig(PartConfig):
    """Options of the Dirichlet posterior."""

    least: float = Field(
        default=1e-3, gt=0, description="the least concentration: below it, float32 has no shares but 0 and 1"
    )


@register(
    "posterior",
    "dirichlet",
    DirichletPosteriorConfig,
    provides=("rsample", "log_prob", "kl", "textwise"),
    requires=("simplex",),
    defaults={"prior": "dirichlet"},
)
class DirichletPosterior(nn.Module):
    """q(z|x) = Dirichlet(α(x)), α = softplus of a linear map of the features (Burkhardt & Kramer 2019, section 3).

    Samples are differentiable in α by the implicit function theorem, so they need no augmentation (Figurnov et al.
    2018); KL to a Dirichlet prior is exact.
    """

    def __init__(self, config: DirichletPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.concentration = nn.Linear(in_features, latent_dim)
        self.least = config.least

    def forward(self, features: Tensor) -> Shares:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        with torch.autocast(features.device.type, enabled=False):
            return Shares(F.softplus(self.concentration(features.float())) + self.least)
