"""LSTM and GRU encoders: read a text left to right, pool the states."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from textvae.layers import LockedDropout, pool
from textvae.registry import PartConfig, register
from textvae.types import Batch


class RecurrentEncoderConfig(PartConfig):
    """Options of the recurrent encoders."""

    embedding: int = Field(default=256, gt=0, description="width of the word embeddings")
    hidden: int = Field(default=256, gt=0, description="width of the recurrent state")
    layers: int = Field(default=1, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1, description="locked dropout on the embeddings")
    pooling: Literal["last", "mean", "max", "all"] = Field(
        default="all",
        description="the last state, or mean or maximum of all (Long et al. 2019), or all three",
    )


class _RecurrentEncoder(nn.Module):
    """x -> features (B, F): the recurrent net's states h_1 … h_T, pooled over the text's own tokens.

    Long et al. 2019, "Preventing posterior collapse in sequence VAEs with pooling": max and mean pooling
    keep q(z|x) from collapsing where the last state alone forgets the text.
    """

    network: type[nn.LSTM] | type[nn.GRU]

    def __init__(self, config: RecurrentEncoderConfig, vocab_size: int):
        super().__init__()
        self.ways = ("last", "mean", "max") if config.pooling == "all" else (config.pooling,)
        self.embedding = nn.Embedding(vocab_size, config.embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.dropout = LockedDropout(config.dropout)
        self.rnn = self.network(config.embedding, config.hidden, config.layers, batch_first=True)
        self.out_features = config.hidden * len(self.ways)

    def forward(self, batch: Batch) -> Tensor:
        """(B, F) float32."""
        states, _ = self.rnn(self.dropout(self.embedding(batch.targets)))
        # reading left to right, the states of a text's own tokens can't have seen its pads
        return pool(states, batch, self.ways)


@register("encoder", "lstm", RecurrentEncoderConfig, provides=("tokens",))
class LSTMEncoder(_RecurrentEncoder):
    """Hochreiter & Schmidhuber 1997, as the encoder of Bowman et al. 2016."""

    network = nn.LSTM


@register("encoder", "gru", RecurrentEncoderConfig, provides=("tokens",))
class GRUEncoder(_RecurrentEncoder):
    """Cho et al. 2014."""

    network = nn.GRU
