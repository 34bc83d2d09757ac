"""The Gaussian posterior that can't help telling something: its variance has a ceiling."""

from __future__ import annotations

import math

from pydantic import Field
from scipy.special import lambertw
from torch import Tensor

from textvae.posteriors.gaussian import GaussianPosterior
from textvae.registry import PartConfig, register

# e^(-2 · 20) is still a variance in float32
_MOST_NATS_PER_DIMENSION = 20.0


class CommittedPosteriorConfig(PartConfig):
    """Options of the posterior with a committed rate."""

    rate: float = Field(
        default=5.0,
        gt=0,
        description="δ, nats of KL that every text costs at least, a dimension's share of them equal",
    )

    def check_latent_dim(self, latent_dim: int) -> None:
        if self.rate > _MOST_NATS_PER_DIMENSION * latent_dim:
            raise ValueError(
                f"posterior.rate {self.rate} is more than latent_dim {latent_dim} can hold at "
                f"{_MOST_NATS_PER_DIMENSION:.0f} nats a dimension"
            )


@register(
    "posterior",
    "committed",
    CommittedPosteriorConfig,
    provides=("rsample", "log_prob", "kl", "textwise"),
    requires=("euclidean", "standard_normal"),
)
class CommittedPosterior(GaussianPosterior):
    """q(z|x) = N(μ(x), diag σ²(x)) with σ < c, so that KL(q ‖ N(0, I)) > δ for every text (Razavi et al. 2019, δ-VAE).

    A dimension's KL, ½ (μ² + σ² − 1 − ln σ²), is smallest at μ = 0 and, below σ = 1, falls as σ grows: c is where
    ½ (c² − 1 − ln c²) = δ/Z, which is c² = −W(−e^(−1 − 2δ/Z)) by Lambert's W. 1/σ = 1/s + 1/c for the s of the
    Gaussian posterior. The paper's independent posterior (appendix C) bounds the mean too, away from 0.
    """

    def __init__(self, config: CommittedPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__(config, in_features, latent_dim)
        self.ceiling = widest(config.rate / latent_dim)

    def stddev(self, features: Tensor) -> Tensor:
        free = super().stddev(features)
        return free * self.ceiling / (free + self.ceiling)


def widest(nats: float) -> float:
    """The standard deviation below 1 at which a Gaussian of mean 0 is so many nats of KL away from N(0, 1)."""
    return math.sqrt(-lambertw(-math.exp(-1 - 2 * nats)).real)
