"""The posterior of any shape: a Gaussian through a normalising flow."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.flow import Couplings, Flow
from textvae.posteriors.gaussian import GaussianPosterior
from textvae.registry import PartConfig, register


class FlowPosteriorConfig(PartConfig):
    """Options of the flow posterior."""

    layers: int = Field(default=4, gt=0, description="couplings")
    hidden: int = Field(default=64, gt=0, description="width of the net in a coupling")
    context: int = Field(default=64, gt=0, description="numbers about the text that the couplings read")

    def check_latent_dim(self, latent_dim: int) -> None:
        if latent_dim < 2:
            raise ValueError(f"posterior flow needs a latent_dim of 2 or more to couple, not {latent_dim}")


@register(
    "posterior",
    "flow",
    FlowPosteriorConfig,
    provides=("rsample", "log_prob", "kl", "textwise"),
    requires=("euclidean",),
)
class FlowPosterior(nn.Module):
    """z = f(ε; x), ε ~ N(μ(x), diag σ²(x)) (Rezende & Mohamed 2015).

    f are affine couplings (Dinh et al. 2017) that read a context of the text, as in inverse autoregressive flow
    (Kingma et al. 2016): a flow without it would only be another prior and decoder around a Gaussian q.
    Couplings, as the density of any z is needed, not just of a sample: for the aggregate posterior and for the
    mutual information. The KL is estimated from the samples.
    """

    def __init__(self, config: FlowPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.base = GaussianPosterior(config, in_features, latent_dim)
        self.context = nn.Linear(in_features, config.context)
        self.couplings = Couplings(latent_dim, config.layers, config.hidden, config.context)

    def forward(self, features: Tensor) -> Flow:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        base = self.base(features)
        with torch.autocast(features.device.type, enabled=False):
            context = self.context(features.float())
        return Flow(base, self.couplings(context))
