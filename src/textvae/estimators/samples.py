"""How good the texts are that a model writes from its prior."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textvae.latent.generate import generate
from textvae.metrics.sample_quality import sample_quality
from textvae.model import VAE
from textvae.noise import prior_draws
from textvae.types import BOS, EOS


def measure_samples(
    model: VAE,
    train: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    vocab_size: int,
    *,
    samples: int,
    max_length: int,
    seed: int = 0,
) -> dict[str, float | int]:
    """The figures of ``textvae.metrics.sample_quality`` for texts with z ~ p(z) and x ~ p(x|z).

    Args:
        train, held_out: token ids of real texts; as many held-out ones as samples make the figures comparable.
        samples: how many texts are written.
        max_length: most ids in one of them.
    """
    z = prior_draws(model.prior(), samples, seed)
    drawn = generate(model.decoder, z, method="sample", max_length=max_length, seed=seed).ids
    written = [np.array([BOS, *ids, EOS], np.int32) for ids in drawn]
    return sample_quality(written, train, held_out, vocab_size)
