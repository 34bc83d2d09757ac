"""VampPrior: the posterior of learned pseudo-inputs."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.mixture import Mixture
from textvae.registry import PartConfig, register

_SPREAD = 0.5  # of the first pseudo-inputs: pooled states of a recurrent net lie between −1 and 1


class VampPriorConfig(PartConfig):
    """Options of VampPrior."""

    components: int = Field(default=100, gt=0, description="K, pseudo-inputs")


@register(
    "prior",
    "vamp",
    VampPriorConfig,
    provides=("prior_log_prob", "euclidean", "learned"),
    requires=("textwise",),
)
class VampPrior(nn.Module):
    """p(z) = 1/K Σ_k q(z|u_k) (Tomczak & Welling 2018): the aggregate posterior of K learned inputs u_k.

    A pseudo-input is not a text, which could not be learned, but what the encoder would make of one: u_k are features
    (F,) that the posterior alone turns into q(z|u_k). So this works with every encoder, and the encoder itself is not
    part of the prior. The posterior has to treat texts one by one, which a batch-normalised one does not.
    """

    def __init__(self, config: VampPriorConfig, latent_dim: int):
        super().__init__()
        self.components = config.components
        self.logits: Tensor
        self.register_buffer("logits", torch.zeros(config.components), persistent=False)

    def bind(self, model: Any) -> None:
        """Takes the model's posterior for its own, and draws the pseudo-inputs."""
        self.features = nn.Parameter(_SPREAD * torch.randn(self.components, model.encoder.out_features))
        self._of_model = (model.posterior,)  # in a tuple, so that it is no part of this part

    def forward(self) -> Mixture:
        """p(z), event shape (Z,)."""
        (posterior,) = self._of_model
        return Mixture(self.logits, posterior(self.features))
