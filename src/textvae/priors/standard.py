"""The standard normal prior."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Independent

from textvae.distributions.flow import standard_normal
from textvae.registry import PartConfig, register


class StandardPriorConfig(PartConfig):
    """The standard prior has no options."""


@register(
    "prior", "standard", StandardPriorConfig, provides=("prior_log_prob", "euclidean", "standard_normal")
)
class StandardPrior(nn.Module):
    """p(z) = N(0, I)."""

    def __init__(self, config: StandardPriorConfig, latent_dim: int):
        super().__init__()
        self.zero: Tensor
        # not saved: it only tells the distribution its device
        self.register_buffer("zero", torch.zeros(latent_dim), persistent=False)

    def forward(self) -> Independent:
        """p(z), event shape (Z,)."""
        return standard_normal(self.zero)
