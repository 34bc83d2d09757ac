"""No encoder, for models without a latent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.registry import PartConfig, register
from textvae.types import Batch


class NoEncoderConfig(PartConfig):
    """No encoder has no options."""


@register("encoder", "none", NoEncoderConfig, provides=("tokens",))
class NoEncoder(nn.Module):
    """x -> one feature (B, 1), which is 1 whatever x is."""

    def __init__(self, config: NoEncoderConfig, vocab_size: int):
        super().__init__()
        self.one: Tensor
        # not saved: it only tells the features their device
        self.register_buffer("one", torch.ones(1, 1), persistent=False)
        self.out_features = 1

    def forward(self, batch: Batch) -> Tensor:
        """(B, 1) float32."""
        return self.one.expand(len(batch), 1)
