"""Figures over the steps since the last row."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from textvae.metrics.collapse import ACTIVE_VARIANCE
from textvae.objectives.phase import Losses
from textvae.train.tracking import Row


class Window:
    """Sums over steps, kept as tensors until a row is due, so that no step waits for the device."""

    def __init__(self) -> None:
        self.texts = 0.0
        self._sums: Tensor | None = None
        self._beta = torch.zeros(())
        self._latent_dim = 0

    def add(self, losses: Losses, texts: float) -> None:
        """Takes in the losses of a batch, which count as those of so many texts."""
        means = losses.posterior_mean.detach().float()
        scalars = torch.stack([losses.loss, losses.reconstruction, losses.kl]).detach().float()
        sums = torch.cat([scalars, means.mean(0), (means**2).mean(0)]) * texts
        self._sums = sums if self._sums is None else self._sums + sums
        self._beta, self._latent_dim = losses.beta.detach(), means.shape[1]
        self.texts += texts

    def figures(self, total: Callable[[Tensor], Tensor]) -> Row:
        """Means in nats per text, and active units; ``total`` adds a tensor up over processes."""
        assert self._sums is not None, "no step was taken in"
        sums = total(torch.cat([self._sums, self._sums.new_tensor([self.texts])]))
        mean = sums[:-1] / sums[-1]
        loss, reconstruction, kl = mean[:3].tolist()
        first, second = mean[3:].split(self._latent_dim)
        return {
            "loss": loss,
            "reconstruction": reconstruction,
            "kl": kl,
            "beta": float(self._beta),
            "active_units": int((second - first**2 > ACTIVE_VARIANCE).sum()),
        }
