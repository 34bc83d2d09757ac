"""The Gaussian posterior whose means can't collapse: they are batch-normalised."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.layers import BatchNorm
from textvae.posteriors.gaussian import GaussianPosterior
from textvae.registry import PartConfig, register

# A floor under the variance, where a constant is usually added to it: training would shrink μ until that counted,
# and so escape the bound on the KL.
_LEAST_VARIANCE = 1e-12


class BatchNormPosteriorConfig(PartConfig):
    """Options of the batch-normalised posterior."""

    gamma: float = Field(default=0.6, gt=0, description="standard deviation of each mean over the texts")


@register(
    "posterior",
    "batch_norm",
    BatchNormPosteriorConfig,
    provides=("rsample", "log_prob", "kl", "gaussian"),
    requires=("euclidean",),
)
class BatchNormPosterior(GaussianPosterior):
    """q(z|x) = N(γ (μ(x) − E μ) / sd μ + β, diag σ²(x)), γ fixed and β learned (Zhu et al. 2020, BN-VAE).

    The mean KL to N(0, I) is then at least Z (γ² + β²) / 2. Mean and variance of μ are a training batch's,
    and in evaluation running averages, so that no text depends on its company. Where a batch is one text there is no
    variance: it gets β, and the averages stay.
    """

    def __init__(self, config: BatchNormPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__(config, in_features, latent_dim)
        self.loc = nn.Linear(
            in_features, latent_dim, bias=False
        )  # which the normalisation would take off again
        self.gamma = config.gamma
        self.beta = nn.Parameter(torch.zeros(latent_dim))
        self.norm = BatchNorm(latent_dim, _LEAST_VARIANCE)

    def mean(self, features: Tensor) -> Tensor:
        return self.gamma * self.norm(self.loc(features)) + self.beta
