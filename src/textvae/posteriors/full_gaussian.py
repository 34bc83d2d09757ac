"""The Gaussian posterior with a full covariance."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from textvae.posteriors.gaussian import GaussianPosterior
from textvae.registry import PartConfig, register


class FullGaussianPosteriorConfig(PartConfig):
    """The full Gaussian posterior has no options."""


@register(
    "posterior",
    "full_gaussian",
    FullGaussianPosteriorConfig,
    provides=("rsample", "log_prob", "kl", "textwise"),
    requires=("euclidean",),
)
class FullGaussianPosterior(nn.Module):
    """q(z|x) = N(μ(x), L(x) L(x)ᵀ), L lower triangular (Kingma & Welling 2019, section 2.5.1).

    log of L's diagonal and what lies below it are linear in the features: Z (Z + 3) / 2 numbers a text. It starts as
    the diagonal Gaussian.
    """

    def __init__(self, config: FullGaussianPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.diagonal = GaussianPosterior(config, in_features, latent_dim)
        self.below = nn.Linear(in_features, latent_dim * (latent_dim - 1) // 2)
        nn.init.zeros_(self.below.weight)
        nn.init.zeros_(self.below.bias)
        self.places: Tensor
        self.register_buffer("places", torch.tril_indices(latent_dim, latent_dim, -1), persistent=False)

    def forward(self, features: Tensor) -> MultivariateNormal:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            scale = torch.diag_embed(self.diagonal.stddev(features))
            row, column = self.places
            scale[:, row, column] = self.below(features)
            return MultivariateNormal(self.diagonal.mean(features), scale_tril=scale, validate_args=False)
