"""Texts to latents."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from textvae.device import Precision, autocast
from textvae.model import VAE, evaluating
from textvae.text.batch import token_batches
from textvae.types import Data


class Posterior(NamedTuple):
    """q(z|x) of every text, summed up by its first two moments and its mode, each (N, Z) float32.

    The mode is the latent that a text is written again from. It is the mean of a Gaussian, but the mean of directions
    or of codes is none itself.
    """

    mean: np.ndarray
    stddev: np.ndarray
    mode: np.ndarray


def encode(
    model: VAE,
    dataset: Data,
    *,
    max_tokens: int | None = None,
    precision: Precision = "fp32",
    progress: Callable[[float], object] | None = None,
) -> Posterior:
    """The posterior's mean, standard deviation and mode for every text, in the data set's order.

    Args:
        max_tokens: most tokens in a batch, pads included; by default few enough for a processor's caches, and more
            for other devices.
        precision: of the matrix products, whatever the model was trained in: ``bf16`` by autocast, which moves z by
            about a hundredth of its spread; ``auto`` is bf16 where that is faster.
        progress: called with the share done, in (0, 1].
    """
    mean = np.empty((len(dataset), model.latent_dim), np.float32)
    stddev, mode = np.empty_like(mean), np.empty_like(mean)
    done = 0
    with evaluating(model) as device, autocast(device, precision):
        if max_tokens is None:
            usual = 4_096 if device.type == "cpu" else 16_384
            max_tokens = max(usual, int(dataset.lengths.max()))
        for indices in token_batches(dataset.lengths, max_tokens):
            q = model.encode(dataset.batch(indices).to(device))
            mean[indices] = q.mean.float().cpu().numpy()
            stddev[indices] = q.stddev.float().cpu().numpy()
            mode[indices] = q.mode.float().cpu().numpy()
            done += len(indices)
            if progress:
                progress(done / len(dataset))
    return Posterior(mean, stddev, mode)


def unit_length(z: np.ndarray) -> np.ndarray:
    """Latents (N, Z) scaled to length 1 each."""
    return z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
