"""A Transformer encoder, its states pooled."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from textvae.layers import TransformerConfig, pool, sinusoidal_positions, stack
from textvae.registry import register
from textvae.types import Batch


class TransformerEncoderConfig(TransformerConfig):
    """Options of the Transformer encoder."""

    dropout: float = Field(default=0.1, ge=0, lt=1)
    pooling: Literal["mean", "max", "all"] = Field(
        default="all", description="mean or maximum of the last layer's states, or both"
    )


@register("encoder", "transformer", TransformerEncoderConfig, provides=("tokens",))
class TransformerEncoder(nn.Module):
    """x -> features (B, F): the last layer's states, pooled over the text's own tokens.

    Vaswani et al. 2017 with pre-norm blocks and sinusoidal positions.
    """

    def __init__(self, config: TransformerEncoderConfig, vocab_size: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = stack(config.layers, config.width, config.heads, config.dropout)
        self.norm = nn.LayerNorm(config.width)
        self.ways = ("mean", "max") if config.pooling == "all" else (config.pooling,)
        self.out_features = config.width * len(self.ways)

    def forward(self, batch: Batch) -> Tensor:
        """(B, F) float32."""
        ids, mask = batch.targets, batch.mask
        width = self.embedding.embedding_dim
        x = self.embedding(ids) * width**0.5 + sinusoidal_positions(ids.shape[1], width).to(ids.device)
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, mask=mask)
        return pool(self.norm(x), batch, self.ways)
