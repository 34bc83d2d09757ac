"""A normalising flow as a prior."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.flow import Couplings, Flow, standard_normal
from textvae.registry import PartConfig, register


class FlowPriorConfig(PartConfig):
    """Options of the flow prior."""

    layers: int = Field(default=8, gt=0, description="couplings")
    hidden: int = Field(default=128, gt=0, description="width of the net in a coupling")

    def check_latent_dim(self, latent_dim: int) -> None:
        if latent_dim < 2:
            raise ValueError(f"prior flow needs a latent_dim of 2 or more to couple, not {latent_dim}")


@register("prior", "flow", FlowPriorConfig, provides=("prior_log_prob", "euclidean", "learned"))
class FlowPrior(nn.Module):
    """z = f(ε), ε ~ N(0, I), f learned affine couplings (Chen et al. 2017; Dinh et al. 2017 for f).

    KL(q(z|x) ‖ p(z)) has no closed form and is estimated from the samples of z.
    """

    def __init__(self, config: FlowPriorConfig, latent_dim: int):
        super().__init__()
        self.couplings = Couplings(latent_dim, config.layers, config.hidden)
        self.zero: Tensor
        self.register_buffer("zero", torch.zeros(latent_dim), persistent=False)

    def forward(self) -> Flow:
        """p(z), event shape (Z,)."""
        return Flow(standard_normal(self.zero), self.couplings())
