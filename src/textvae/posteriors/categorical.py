"""The categorical posterior: choices instead of numbers, relaxed while it is trained."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.codes import Codes
from textvae.registry import PartConfig, register


class CategoricalPosteriorConfig(PartConfig):
    """Options of the categorical posterior."""

    classes: int = Field(default=8, ge=2, description="K; latent_dim / K variables make such a choice")
    temperature: float = Field(
        default=1.0, gt=0, description="of the relaxed samples: lower is nearer to choices"
    )

    def check_latent_dim(self, latent_dim: int) -> None:
        if latent_dim % self.classes:
            raise ValueError(
                f"latent_dim {latent_dim} is not a multiple of posterior.classes {self.classes}: "
                "z is a vector of that length for each variable"
            )


@register(
    "posterior",
    "categorical",
    CategoricalPosteriorConfig,
    provides=("rsample", "kl"),
    requires=("codes",),
    defaults={"prior": "uniform_codes"},
)
class CategoricalPosterior(nn.Module):
    """q(z|x) = Π_m Cat(z_m; π_m(x)): Z/K choices among K classes, z their one-hot vectors times √K.

    In training samples are relaxed, softmax((log π + Gumbel noise) / τ) with a fixed τ (Jang et al. 2017, eq. 2;
    Maddison et al. 2017); in evaluation they are choices. KL is exact in both, that of the choices.
    So the ELBO is a bound in evaluation and an approximation in training. √K makes a prior's z of the order of 1.
    """

    def __init__(self, config: CategoricalPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.classes, self.temperature = config.classes, config.temperature
        self.logits = nn.Linear(in_features, latent_dim)
        self.codebook: Tensor
        one_hots = torch.eye(config.classes) * config.classes**0.5
        self.register_buffer(
            "codebook", one_hots.repeat(latent_dim // config.classes, 1, 1), persistent=False
        )

    def forward(self, features: Tensor) -> Codes:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        with torch.autocast(features.device.type, enabled=False):
            logits = self.logits(features.float()).unflatten(-1, (-1, self.classes))
            relaxation = self.temperature if self.training else None
            return _Choices(logits.log_softmax(-1), self.codebook, relaxation)


class _Choices(Codes):
    """Codes that are one-hot vectors, with samples to learn from."""

    has_rsample = True

    def __init__(self, log_probs: Tensor, codebook: Tensor, temperature: float | None):
        super().__init__(log_probs, codebook)
        self.temperature = temperature

    @property
    def mode(self) -> Tensor:
        """The likeliest choices; the gradient is the mean's (Bengio et al. 2013, straight through)."""
        return self.mean + (super().mode - self.mean).detach()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        if self.temperature is None:
            return self.sample(sample_shape)
        logits = self.log_probs.expand(*torch.Size(sample_shape), *self.log_probs.shape)
        relaxed = F.gumbel_softmax(logits, self.temperature)
        return torch.einsum("...mk,mkd->...md", relaxed, self.codebook).flatten(-2)
