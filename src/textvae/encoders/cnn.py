"""A convolutional encoder: filters of several widths, each with its largest response."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from textvae.layers import LockedDropout, pool
from textvae.registry import PartConfig, register
from textvae.types import Batch


class CNNEncoderConfig(PartConfig):
    """Options of the convolutional encoder."""

    embedding: int = Field(default=256, gt=0, description="width of the word embeddings")
    filters: int = Field(default=100, gt=0, description="filters of each width")
    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = Field(
        default=(3, 4, 5), description="tokens that a filter sees"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="locked dropout on the embeddings")


@register("encoder", "cnn", CNNEncoderConfig, provides=("tokens",))
class CNNEncoder(nn.Module):
    """x -> features (B, F): max_t ReLU(W_w · [e_{t-w+1} … e_t] + b_w) for every width w, side by side.

    Kim 2014, "Convolutional Neural Networks for Sentence Classification", equations 2 to 4. A window ends at one
    of the text's own tokens and may begin before its first one, where there is nothing, so that the shortest text
    has windows too and none reaches into the pads.
    """

    def __init__(self, config: CNNEncoderConfig, vocab_size: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, config.embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.dropout = LockedDropout(config.dropout)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.embedding, config.filters, width) for width in config.widths
        )
        self.widths = config.widths
        self.out_features = config.filters * len(config.widths)

    def forward(self, batch: Batch) -> Tensor:
        """(B, F) float32."""
        words = self.dropout(self.embedding(batch.targets)).transpose(1, 2)  # (B, E, T)
        responses = [
            convolution(F.pad(words, (width - 1, 0))).relu()
            for width, convolution in zip(self.widths, self.convolutions, strict=True)
        ]
        return pool(torch.cat(responses, 1).transpose(1, 2), batch, ("max",))
