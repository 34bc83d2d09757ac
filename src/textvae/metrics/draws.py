"""Samples of z for evaluation: reproducible text by text, whatever batch a text is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import Distribution

from textvae.distributions.codes import Quantised
from textvae.noise import image, made_of_normal, posterior_normals, seeded
from textvae.types import AnyBatch

if TYPE_CHECKING:
    from textvae.model import VAE


def posterior_draws(model: VAE, q: Distribution, batch: AnyBatch, samples: int, seed: int) -> Tensor:
    """z ~ q(z|x): (K, B, Z) float32, where text i's draws are a function of its own q, ``seed`` and i only.

    What is made of normals, as a Gaussian or a flow is, is made of a counter-based stream's, keyed by (seed, i), and
    of a point mass there is one z to draw. Other posteriors are drawn by their own ``rsample``, one text at a time
    from a generator seeded the same way.
    """
    if made_of_normal(q):
        noise = posterior_normals(batch.index.tolist(), samples, q.event_shape[0], seed)
        return image(q, torch.from_numpy(noise).to(q.mean.device))
    if isinstance(q, Quantised):
        return q.rsample((samples,)).float()
    drawn = []
    for row, index in enumerate(batch.index.tolist()):
        with seeded(batch.index.device, seed, index):
            drawn.append(model.encode(batch.only(row)).rsample((samples,)))
    return torch.cat(drawn, 1).float()
