"""The symmetric Dirichlet prior: shares of topics."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.simplex import Shares
from textvae.registry import PartConfig, register


class DirichletPriorConfig(PartConfig):
    """Options of the Dirichlet prior."""

    concentration: float = Field(
        default=0.1, gt=0, description="α of every share: below 1, few of them are large"
    )


@register("prior", "dirichlet", DirichletPriorConfig, provides=("prior_log_prob", "simplex"))
class DirichletPrior(nn.Module):
    """p(z) = Dirichlet(α, …, α) on the simplex (Blei et al. 2003)."""

    def __init__(self, config: DirichletPriorConfig, latent_dim: int):
        super().__init__()
        self.concentration: Tensor
        # not saved: it is the option
        self.register_buffer(
            "concentration", torch.full((latent_dim,), config.concentration), persistent=False
        )

    def forward(self) -> Shares:
        """p(z), event shape (Z,)."""
        return Shares(self.concentration)
