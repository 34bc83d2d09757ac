"""A bag-of-words encoder: how often each word occurs, whatever the order."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.errors import TextVAEError
from textvae.layers import MLP, MLPConfig
from textvae.registry import register
from textvae.types import AnyBatch, Rows


class BagOfWordsEncoderConfig(MLPConfig):
    """Options of the bag-of-words encoder."""

    counts: Literal["log", "share"] = Field(
        default="log", description="log(1 + count) of each word, or its share of the text's words"
    )


@register("encoder", "bow", BagOfWordsEncoderConfig, provides=("tokens", "rows"))
class BagOfWordsEncoder(nn.Module):
    """x -> features (B, F) = MLP(counts of x), the inference network of Miao et al. 2016.

    "Neural Variational Inference for Text Processing", section 3. Reads texts, whose tokens it counts with the
    end of sentence and without the pads, and rows of counts alike.

    Raises:
        TextVAEError: a row has a negative number in it, so it counts nothing.
    """

    def __init__(self, config: BagOfWordsEncoderConfig, vocab_size: int):
        super().__init__()
        self.vocab_size, self.counts = vocab_size, config.counts
        self.net = MLP(vocab_size, config)
        self.out_features = self.net.out_features

    def forward(self, batch: AnyBatch) -> Tensor:
        """(B, F) float32."""
        counts = self._count(batch)
        if self.counts == "log":
            return self.net(counts.log1p()).float()
        return self.net(counts / counts.sum(1, keepdim=True).clamp_min(1e-8)).float()

    def _count(self, batch: AnyBatch) -> Tensor:
        """(B, V) float32."""
        if isinstance(batch, Rows):
            if bool((batch.values < 0).any()):
                raise TextVAEError("Encoder bow reads counts, and the matrix has negative numbers in it.")
            return batch.values
        empty = torch.zeros(len(batch), self.vocab_size, device=batch.tokens.device)
        return empty.scatter_add(1, batch.targets, batch.mask.to(empty.dtype))
