"""Random numbers row by row: row i's are a function of (seed, i) and of what they are for, whatever the other rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal


class Use(IntEnum):
    """What numbers are for. Different uses have streams that share nothing: a latent is not its words' noise."""

    POSTERIOR = 0
    WORDS = 1
    PRIOR = 2


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
        torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]))
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

    A diagonal Gaussian is drawn as μ + σ·ε, with ε from a stream keyed by (seed, i); other priors by their own
    ``sample``, one z at a time from a generator seeded the same way.
    """
    with torch.no_grad():
        mean = p.mean.float()
        if isinstance(p, Independent) and isinstance(p.base_dist, Normal):
            noise = np.empty((n, *p.event_shape), np.float32)
            for i in range(n):
                noise[i] = stream(seed, i, Use.PRIOR).standard_normal(p.event_shape, np.float32)
            return mean + p.stddev.float() * torch.from_numpy(noise).to(mean.device)
        drawn = mean.new_empty(n, *p.event_shape)
        for i in range(n):
            with seeded(mean.device, seed, i, Use.PRIOR):
                drawn[i] = p.sample()
        return drawn
