"""Random numbers row by row: row i's are a function of (seed, i) and of what they are for, whatever the other rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    TransformedDistribution,
)
from torch.distributions.transforms import ComposeTransform


class Use(IntEnum):
    """What numbers are for. Different uses have streams that share nothing: a latent is not its words' noise."""

    POSTERIOR = 0
    WORDS = 1
    PRIOR = 2
    TRAINING = 3
    VALIDATION = 4
    WEIGHTS = 5
    VALUES = 6


def stream(seed: int, index: int, use: Use) -> np.random.Generator:
    """A counter-based generator (Salmon et al. 2011, Philox) of its own for each seed, row and use."""
    key = np.array([seed % 2**64, index], np.uint64)
    # the counter's last word is out of reach of the numbers drawn
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, 0, use], np.uint64)))


@contextmanager
def seeded(device: torch.device, *seed: int) -> Iterator[None]:
    """torch's global generators started from ``seed``, as they were before on leaving."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        words = [number % 2**64 for number in seed]
        start = int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(start)  # of torch.manual_seed, what takes no time
        if device.type == "cuda":
            torch.cuda.manual_seed(start)
        yield


def posterior_normals(indices: Sequence[int], samples: int, latent_dim: int, seed: int) -> np.ndarray:
    """(K, B, Z) float32 standard normals for the texts at ``indices``; fewer samples are the first of more."""
    noise = np.empty((samples, len(indices), latent_dim), np.float32)
    for row, index in enumerate(indices):
        noise[:, row] = stream(seed, index, Use.POSTERIOR).standard_normal((samples, latent_dim), np.float32)
    return noise


def word_uniforms(rows: Iterable[int], steps: int, seed: int) -> np.ndarray:
    """(B, steps) uniforms in [0, 1); fewer steps are the first of more."""
    return np.stack([stream(seed, row, Use.WORDS).random(steps) for row in rows])


def prior_draws(p: Distribution, n: int, seed: int) -> Tensor:
    """z ~ p(z), (N, Z) float32, on the prior's device; fewer are the first of more.

    What is made of a normal is drawn as ``image`` makes it, from a stream keyed by (seed, i); other priors by their
    own ``sample``, one z at a time from a generator seeded the same way.
    """
    with torch.no_grad():
        device = p.mean.device
        if made_of_normal(p):
            noise = np.empty((n, *p.event_shape), np.float32)
            for i in range(n):
                noise[i] = stream(seed, i, Use.PRIOR).standard_normal(p.event_shape, np.float32)
            return image(p, torch.from_numpy(noise).to(device)).float()
        drawn = torch.empty(n, *p.event_shape, device=device)
        for i in range(n):
            with seeded(device, seed, i, Use.PRIOR):
                drawn[i] = p.sample()
        return drawn


def made_of_normal(q: Distribution) -> bool:
    """Whether z ~ q is a function of standard normals of the same shape: a Gaussian, or a flow from one."""
    if isinstance(q, TransformedDistribution):
        return made_of_normal(q.base_dist)
    diagonal = isinstance(q, Independent) and isinstance(q.base_dist, Normal)
    return diagonal or isinstance(q, MultivariateNormal)


def image(q: Distribution, noise: Tensor) -> Tensor:
    """The z ~ q that standard normals (*, Z) become, where q is made of them: μ + σ·ε, μ + Lε, or f(μ + σ·ε)."""
    if isinstance(q, TransformedDistribution):
        return ComposeTransform(q.transforms)(image(q.base_dist, noise))  # pyright: ignore[reportReturnType]
    if isinstance(q, MultivariateNormal):
        return q.loc + (q.scale_tril @ noise[..., None])[..., 0]
    return q.mean + q.stddev * noise
