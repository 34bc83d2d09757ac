"""A Gaussian prior whose softmax is nearly Dirichlet."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from textvae.registry import PartConfig, register


class LogisticNormalPriorConfig(PartConfig):
    """Options of the logistic-normal prior."""

    concentration: float = Field(
        default=1.0, gt=0, description="α of the Dirichlet that softmax(z) is nearly distributed as"
    )


@register("prior", "logistic_normal", LogisticNormalPriorConfig, provides=("prior_log_prob", "euclidean"))
class LogisticNormalPrior(nn.Module):
    """p(z) = N(0, s² I), s² = (1 − 1/Z) / α: Laplace's approximation of Dirichlet(α, …, α) in the basis of the softmax.

    MacKay 1998; Srivastava & Sutton 2017, equation 1, of which this is the symmetric case.
    """

    def __init__(self, config: LogisticNormalPriorConfig, latent_dim: int):
        super().__init__()
        self.scale: Tensor
        variance = (1 - 1 / max(latent_dim, 2)) / config.concentration
        # not saved: it is the option
        self.register_buffer("scale", torch.full((latent_dim,), variance**0.5), persistent=False)

    def forward(self) -> Independent:
        """p(z), event shape (Z,)."""
        return Independent(Normal(torch.zeros_like(self.scale), self.scale, validate_args=False), 1)
