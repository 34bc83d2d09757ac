"""Whether the latent carries anything: mutual information, KL and active units over the whole data set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from textvae.distributions.divergence import kl_to_prior
from textvae.metrics.draws import posterior_draws
from textvae.model import VAE, evaluating
from textvae.text.batch import token_batches
from textvae.types import Data

# A unit is active where the variance of its posterior mean exceeds this (Burda et al. 2016, appendix C).
ACTIVE_VARIANCE = 0.01

# Most numbers in a block of the texts-by-texts matrix of densities: 32 MiB of float64.
_BLOCK = 2**22


@dataclass(frozen=True)
class Collapse:
    """How much of the latent the encoder uses, in nats.

    Attributes:
        n_texts: N. The mutual information's estimate can't exceed ln N.
        kl: mean KL(q(z|x) ‖ p(z)).
        mi: I(x; z) under q, estimated over all N texts.
        mi_stderr: its standard error over the texts.
        marginal_kl: KL(q(z) ‖ p(z)) of the aggregate posterior; kl = mi + marginal_kl
            (Hoffman & Johnson 2016).
        variance: (Z,) variance over texts of the posterior means.
        has_latent: the model's: without one these are no faults.
    """

    n_texts: int
    kl: float
    mi: float
    mi_stderr: float
    marginal_kl: float
    variance: np.ndarray
    has_latent: bool = True

    @property
    def active_units(self) -> int:
        """Dimensions whose posterior mean varies over the texts by more than ``ACTIVE_VARIANCE``."""
        return int((self.variance > ACTIVE_VARIANCE).sum())

    @property
    def latent_dim(self) -> int:
        """Z."""
        return len(self.variance)


def measure_collapse(model: VAE, dataset: Data, *, seed: int = 0, max_tokens: int = 16_384) -> Collapse:
    """Encodes every text once and measures what its latent tells about it.

    Each text contributes one draw z_i ~ q(z|x_i) to the mutual information: the mean of
    log q(z_i|x_i) − log q(z_i). Taking the difference draw by draw, rather than subtracting an analytic
    entropy, makes the estimate exact where q(z|x) has collapsed.
    """
    posteriors: list[Distribution] = []
    means, draws, kls = [], [], []
    with evaluating(model) as device, torch.autocast(device.type, enabled=False):
        p = model.prior()
        for indices in token_batches(dataset.lengths, max_tokens):
            batch = dataset.batch(indices).to(device)
            q = model.encode(batch)
            z = posterior_draws(model, q, batch, 1, seed)
            posteriors.append(q)
            means.append(q.mean)
            draws.append(z[0])
            kls.append(kl_to_prior(q, p, z))
        own = torch.cat([wide(q.log_prob(z)) for q, z in zip(posteriors, draws, strict=True)])
        z = torch.cat(draws)
        marginal = log_aggregate(posteriors, z)
        gained = own - marginal
        return Collapse(
            n_texts=len(dataset),
            kl=float(wide(torch.cat(kls)).mean()),
            mi=float(gained.mean()),
            mi_stderr=float(gained.std(correction=0)) / math.sqrt(len(dataset)),
            marginal_kl=float((marginal - wide(p.log_prob(z))).mean()),
            variance=wide(torch.cat(means)).var(0, correction=0).cpu().numpy(),
            has_latent=model.has_latent,
        )


def log_aggregate(posteriors: Sequence[Distribution], z: Tensor) -> Tensor:
    """log q(z) = log 1/N Σ_n q(z|x_n), the aggregate posterior, at z (M, Z): (M,) float64, in nats.

    ``posteriors`` hold the N texts between them, in batches. Works through the (M, N) matrix of densities
    in blocks, so that memory stays bounded.
    """
    texts = sum(q.batch_shape[0] for q in posteriors)
    if all(diagonal(q) for q in posteriors):
        posteriors = [_merge(posteriors)]
    total = wide(z.new_full((len(z),), -torch.inf))
    for q in posteriors:
        row = q.batch_shape[0] * (1 if diagonal(q) else z.shape[1])
        for start in range(0, len(z), max(1, _BLOCK // row)):
            part = slice(start, start + max(1, _BLOCK // row))
            total[part] = torch.logaddexp(total[part], _log_densities(q, z[part]).logsumexp(1))
    return total - math.log(texts)


def diagonal(q: Distribution) -> bool:
    """Whether a distribution is a diagonal Gaussian."""
    return isinstance(q, Independent) and isinstance(q.base_dist, Normal)


def wide(x: Tensor) -> Tensor:
    """In float64, where there is one: not on Apple's GPUs."""
    return (x.cpu() if x.device.type == "mps" else x).double()


def _merge(posteriors: Sequence[Distribution]) -> Independent:
    mean = torch.cat([q.mean for q in posteriors])
    stddev = torch.cat([q.stddev for q in posteriors])
    return Independent(Normal(mean, stddev, validate_args=False), 1)


def _log_densities(q: Distribution, z: Tensor) -> Tensor:
    """log q_n(z_m) for every pair: (M, N) from N posteriors and z (M, Z)."""
    if not diagonal(q):
        return wide(q.log_prob(z[:, None]))
    # Σ_d (z − μ)²/σ² multiplied out: two matrix products instead of an (M, N, Z) tensor. What cancels
    # in it needs float64.
    mean, stddev, z = wide(q.mean), wide(q.stddev), wide(z)
    precision = stddev**-2
    square = z**2 @ precision.T - 2 * z @ (mean * precision).T + (mean**2 * precision).sum(1)
    return -0.5 * (square + z.shape[1] * math.log(2 * math.pi)) - stddev.log().sum(1)
