"""No latent: what is left of the model is its decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.distributions.codes import Quantised
from textvae.registry import PartConfig, register


class NoPosteriorConfig(PartConfig):
    """No posterior has no options."""

    @property
    def fixed_rate(self) -> bool:
        return True


@register(
    "posterior",
    "none",
    NoPosteriorConfig,
    provides=("rsample", "kl"),
    requires=("codes",),
    defaults={"prior": "uniform_codes", "encoder": "none"},
)
class NoPosterior(nn.Module):
    """q(z|x) = p(z): the point mass on 0, the only code there is.

    So KL is 0 and p(x|0) is p(x): a language model, whose likelihood one sample gives exactly.
    """

    def __init__(self, config: NoPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.codebook: Tensor
        self.register_buffer("codebook", torch.zeros(1, 1, latent_dim), persistent=False)

    def forward(self, features: Tensor) -> Quantised:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        return Quantised(self.codebook.expand(len(features), -1, -1), self.codebook)
