"""Mixtures of many components, in bounded memory."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, MixtureSameFamily

# Most numbers in a block of z by components: 16 MiB of float32.
_BLOCK = 2**22


class Mixture(MixtureSameFamily):
    """Σ_k π_k p_k(z), π = softmax(``logits`` (K,)), p_k the ``components``: batch shape (K,), event shape (Z,)."""

    def __init__(self, logits: Tensor, components: Distribution):
        super().__init__(Categorical(logits=logits, validate_args=False), components, validate_args=False)

    def log_prob(self, x: Tensor) -> Tensor:
        """z (*, Z) -> (*) nats. Each z meets each component, so many z are taken block by block."""
        rows = x.reshape(-1, x.shape[-1])
        size = self.component_distribution.batch_shape.numel() * x.shape[-1]
        parts = [super(Mixture, self).log_prob(part) for part in rows.split(max(1, _BLOCK // size))]
        return torch.cat(parts).view(x.shape[:-1])
