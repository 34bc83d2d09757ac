"""A decoder of vectors: a Gaussian or Bernoulli distribution over the rows of a matrix."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal, constraints

from textvae.errors import TextVAEError
from textvae.layers import MLP, MLPConfig
from textvae.registry import register
from textvae.types import Rows

# A Gaussian whose variance may go to 0 has no largest likelihood (Mattei & Frellsen 2018): σ stays above
# exp(-12/2), a four-hundredth, which standardised columns never need.
_LOG_VARIANCE_LIMIT = 12.0
# shares of ones that a Bernoulli starts from at most, so that no logit is infinite
_LEAST_SHARE = 1e-4


class VectorDecoderConfig(MLPConfig):
    """Options of the decoder of vectors."""

    likelihood: Literal["gaussian", "bernoulli"] = Field(
        default="gaussian", description="of numbers of any size, or of numbers in [0, 1]"
    )
    variance: Literal["shared", "column", "predicted"] = Field(
        default="shared",
        description="of the Gaussian: one learned number, one for each column, or a function of z",
    )


class VectorLikelihood(Distribution):
    """p(x|z) over vectors: batch shape (*, B), event shape (D,); its ``log_prob`` takes ``Rows``."""

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, base: Independent):
        self.base = base
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)

    def log_prob(self, value: Rows) -> Tensor:
        """(*, B) nats: Σ_d log p(x_d | z).

        Raises:
            TextVAEError: a Bernoulli is to score numbers outside [0, 1].
        """
        x = value.values
        if isinstance(self.base.base_dist, Bernoulli) and not bool(((x >= 0) & (x <= 1)).all()):
            raise TextVAEError(
                "The Bernoulli likelihood of decoder vector takes numbers in [0, 1], and there are others in the "
                "matrix: scale it, or use decoder.likelihood=gaussian."
            )
        return self.base.log_prob(x)

    @property
    def mean(self) -> Tensor:
        """(*, B, D) E[x|z]."""
        return self.base.mean

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        """(*, B, D) x ~ p(x|z)."""
        return self.base.sample(sample_shape)


@register("decoder", "vector", VectorDecoderConfig, requires=("rows",))
class VectorDecoder(nn.Module):
    """p(x|z) = Π_d p(x_d|z) for x in R^D, with an MLP of z (Kingma & Welling 2014, appendices C.1 and C.2).

    - ``gaussian``: x_d ~ N(μ_d(z), σ²_d). σ² is learned: one number, as in probabilistic PCA and in Rybkin et al.
      2021; one for each column, as in factor analysis; or a function of z. Its logarithm is bounded.
    - ``bernoulli``: x_d ~ Bernoulli(π_d(z)). For numbers between 0 and 1 this is the expected log-likelihood of
      drawing each as a 0 or a 1; no density of the numbers themselves (Loaiza-Ganem & Cunningham 2019).
    """

    def __init__(self, config: VectorDecoderConfig, columns: int, latent_dim: int):
        super().__init__()
        self.config, self.columns, self.latent_dim = config, columns, latent_dim
        self.net = MLP(latent_dim, config)
        self.output = nn.Linear(self.net.out_features, columns)
        self.log_variance: nn.Linear | _Constant | None = None
        if config.likelihood == "gaussian" and config.variance == "predicted":
            self.log_variance = nn.Linear(self.net.out_features, columns)
            nn.init.zeros_(self.log_variance.weight)
            nn.init.zeros_(self.log_variance.bias)
        elif config.likelihood == "gaussian":
            self.log_variance = _Constant(1 if config.variance == "shared" else columns)

    @torch.no_grad()
    def set_marginal(self, mean: Tensor, variance: Tensor) -> None:
        """Starts the output at the columns' own means and variances (D,), which saves it the first epochs."""
        if self.log_variance is None:
            self.output.bias.copy_(mean.clamp(_LEAST_SHARE, 1 - _LEAST_SHARE).logit())
        else:
            shared = self.config.variance == "shared"
            log_variance = (variance.mean() if shared else variance).log()
            self.output.bias.copy_(mean)
            self.log_variance.bias.copy_(log_variance.clamp(-_LOG_VARIANCE_LIMIT, _LOG_VARIANCE_LIMIT))

    @torch.no_grad()
    def reset(self) -> None:
        """Draws all weights anew; the output layer's bias (the columns' means) stays."""
        bias = self.output.bias.clone()
        self.load_state_dict(VectorDecoder(self.config, self.columns, self.latent_dim).state_dict())
        self.output.bias.copy_(bias)

    def forward(self, z: Tensor, batch: Rows | None = None) -> VectorLikelihood:
        """z (*, B, Z) -> p(x|z), batch shape (*, B), event shape (D,). It depends on z alone."""
        # float32 whatever autocast says: a small variance makes much of the mean's last bits
        with torch.autocast(z.device.type, enabled=False):
            hidden = self.net(z.float())
            output = self.output(hidden)
            if self.log_variance is None:
                base: Distribution = Bernoulli(logits=output, validate_args=False)
            else:
                scale = (0.5 * _bounded(self.log_variance(hidden))).exp()
                base = Normal(output, scale.expand_as(output), validate_args=False)
            return VectorLikelihood(Independent(base, 1, validate_args=False))


class _Constant(nn.Module):
    """What depends on nothing, called like the layer in whose place it stands."""

    def __init__(self, size: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, hidden: Tensor) -> Tensor:
        return self.bias


def _bounded(log_variance: Tensor) -> Tensor:
    """Within the limits, softly: beyond a hard one there is no gradient that leads back."""
    below = _LOG_VARIANCE_LIMIT - F.softplus(_LOG_VARIANCE_LIMIT - log_variance)
    return F.softplus(below + _LOG_VARIANCE_LIMIT) - _LOG_VARIANCE_LIMIT
