"""The diagonal Gaussian posterior."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from textvae.registry import PartConfig, register

# exp(±12/2): wide enough never to bind in a healthy model, narrow enough never to overflow
_LOG_VARIANCE_LIMIT = 12.0


class GaussianPosteriorConfig(PartConfig):
    """The Gaussian posterior has no options."""


@register(
    "posterior",
    "gaussian",
    GaussianPosteriorConfig,
    provides=("rsample", "log_prob", "kl", "textwise", "gaussian"),
    requires=("euclidean",),
)
class GaussianPosterior(nn.Module):
    """q(z|x) = N(μ(x), diag σ²(x)), with log σ² linear in the features (Kingma & Welling 2014, appendix C.2)."""

    def __init__(self, config: PartConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.loc = nn.Linear(in_features, latent_dim)
        self.log_variance = nn.Linear(in_features, latent_dim)
        # start near the prior's scale but clearly narrower, so that the first gradients carry the text
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, -1.0)

    def forward(self, features: Tensor) -> Independent:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        # float32 whatever autocast says: variances and KL do not bear eight bits
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            return Independent(Normal(self.mean(features), self.stddev(features), validate_args=False), 1)

    def mean(self, features: Tensor) -> Tensor:
        """(B, F) -> μ (B, Z)."""
        return self.loc(features)

    def stddev(self, features: Tensor) -> Tensor:
        """(B, F) -> σ (B, Z)."""
        log_variance = self.log_variance(features).clamp(-_LOG_VARIANCE_LIMIT, _LOG_VARIANCE_LIMIT)
        return (0.5 * log_variance).exp()
