"""A Transformer encoder with mean and maximum pooling."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.layers import TransformerConfig, sinusoidal_positions, stack
from textvae.registry import register
from textvae.types import Batch


class TransformerEncoderConfig(TransformerConfig):
    """Options of the Transformer encoder."""

    dropout: float = Field(default=0.1, ge=0, lt=1)


@register("encoder", "transformer", TransformerEncoderConfig, provides=("tokens",))
class TransformerEncoder(nn.Module):
    """x -> features (B, 2·width): mean and maximum of the last layer over the text's own tokens.

    Vaswani et al. 2017 with pre-norm blocks and sinusoidal positions.
    """

    def __init__(self, config: TransformerEncoderConfig, vocab_size: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = stack(config.layers, config.width, config.heads, config.dropout)
        self.norm = nn.LayerNorm(config.width)
        self.out_features = 2 * config.width

    def forward(self, batch: Batch) -> Tensor:
        """(B, F) float32."""
        ids, mask = batch.targets, batch.mask
        width = self.embedding.embedding_dim
        x = self.embedding(ids) * width**0.5 + sinusoidal_positions(ids.shape[1], width).to(ids.device)
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, mask=mask)
        x = self.norm(x).float()
        mean = (x * mask[..., None]).sum(1) / batch.lengths[:, None]
        maximum = x.masked_fill(~mask[..., None], -1e4).amax(1)
        return torch.cat([mean, maximum], 1)
