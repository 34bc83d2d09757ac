"""Texts to latents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from textvae.text.batch import Dataset, token_batches

if TYPE_CHECKING:
    from textvae.model import VAE


class Posterior(NamedTuple):
    """q(z|x) of every text, summed up by its first two moments.

    ``mean`` and ``stddev`` are (N, Z) float32.
    """

    mean: np.ndarray
    stddev: np.ndarray


@contextmanager
def evaluating(module: nn.Module) -> Iterator[torch.device]:
    """Evaluation mode without gradients; yields the module's device and restores every part's mode."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield next((t.device for t in (*module.parameters(), *module.buffers())), torch.device("cpu"))
    finally:
        for part, training in modes:
            part.training = training


def encode(
    model: VAE,
    dataset: Dataset,
    *,
    max_tokens: int = 16_384,
    progress: Callable[[float], object] | None = None,
) -> Posterior:
    """The posterior's mean and standard deviation for every text, in the data set's order.

    Runs in float32 whatever precision the model was trained in.

    Args:
        max_tokens: most tokens in a batch, pads included.
        progress: called with the share done, in (0, 1].
    """
    mean = np.empty((len(dataset), model.latent_dim), np.float32)
    stddev = np.empty_like(mean)
    done = 0
    with evaluating(model) as device, torch.autocast(device.type, enabled=False):
        for indices in token_batches(dataset.lengths, max_tokens):
            q = model.encode(dataset.batch(indices).to(device))
            mean[indices] = q.mean.float().cpu().numpy()
            stddev[indices] = q.stddev.float().cpu().numpy()
            done += len(indices)
            if progress:
                progress(done / len(dataset))
    return Posterior(mean, stddev)
