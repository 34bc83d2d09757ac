"""Samples of z for evaluation: reproducible text by text, whatever batch a text is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from textvae.noise import posterior_normals, seeded
from textvae.types import AnyBatch

if TYPE_CHECKING:
    from textvae.model import VAE


def posterior_draws(model: VAE, q: Distribution, batch: AnyBatch, samples: int, seed: int) -> Tensor:
    """z ~ q(z|x): (K, B, Z) float32, where text i's draws are a function of its own q, ``seed`` and i only.

    A diagonal Gaussian is drawn as μ + σ·ε, with ε from a counter-based stream keyed by (seed, i). Other
    posteriors are drawn by their own ``rsample``, one text at a time from a generator seeded the same way.
    """
    if isinstance(q, Independent) and isinstance(q.base_dist, Normal):
        noise = posterior_normals(batch.index.tolist(), samples, q.event_shape[0], seed)
        return q.mean + q.stddev * torch.from_numpy(noise).to(q.mean.device)
    drawn = []
    for row, index in enumerate(batch.index.tolist()):
        with seeded(batch.index.device, seed, index):
            drawn.append(model.encode(batch.only(row)).rsample((samples,)))
    return torch.cat(drawn, 1).float()


def kl_to_prior(q: Distribution, p: Distribution, z: Tensor) -> Tensor:
    """KL(q(z|x) ‖ p(z)), (B,) nats: in closed form where there is one, else the mean over z (K, B, Z)."""
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return (q.log_prob(z) - p.log_prob(z)).mean(0)
