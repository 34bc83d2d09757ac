"""A dilated convolutional decoder: how far back it sees is an option."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from textvae.decoders.sequence import AutoregressiveDecoder, AutoregressiveDecoderConfig, State
from textvae.layers import LockedDropout
from textvae.registry import register


class CNNDecoderConfig(AutoregressiveDecoderConfig):
    """Options of the convolutional decoder."""

    embedding: int = Field(default=256, gt=0, description="width of the word embeddings and the output layer")
    hidden: int = Field(default=512, gt=0, description="width between the blocks")
    filters: int = Field(default=256, gt=0, description="width inside a block, where the convolution is")
    kernel: int = Field(default=3, gt=1, description="positions that a filter sees")
    dilations: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = Field(
        default=(1, 2, 4), description="distance between these positions, block by block"
    )
    dropout_in: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    dropout_block: float = Field(default=0.1, ge=0, lt=1, description="locked dropout after each block")


class _Block(nn.Module):
    """x + W₃ ReLU(W₂ * ReLU(W₁ ReLU(x))), where * is a causal dilated convolution and W₁, W₃ are 1 wide."""

    def __init__(self, config: CNNDecoderConfig, dilation: int):
        super().__init__()
        self.kernel, self.dilation = config.kernel, dilation
        self.narrow = nn.Linear(config.hidden, config.filters)
        self.convolve = nn.Linear(config.kernel * config.filters, config.filters)
        self.widen = nn.Linear(config.filters, config.hidden)
        self.dropout = LockedDropout(config.dropout_block)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, T, H) and the narrow states of the positions before it that count (N, M, F) -> the next x and past."""
        length = x.shape[1]
        narrow = self.narrow(x.relu()).relu()
        seen = torch.cat([past.to(narrow.dtype), narrow], 1)
        taps = [seen[:, i * self.dilation :][:, :length] for i in range(self.kernel)]
        convolved = self.convolve(torch.cat(taps, -1)).relu()
        return x + self.dropout(self.widen(convolved)), seen[:, length:]


@register("decoder", "cnn", CNNDecoderConfig, provides=("words",), requires=("tokens",))
class CNNDecoder(AutoregressiveDecoder):
    """Residual blocks of causal dilated convolutions over [e(x_<t); z].

    Yang et al. 2017, "Improved Variational Autoencoders for Text Modeling using Dilated Convolutions", section 3. A
    state sees 1 + (kernel - 1)·Σ dilations words and knows of the others by z alone: the fewer, the more z has
    to tell. Beyond the first words there is nothing, as zeros.
    """

    def __init__(self, config: CNNDecoderConfig, vocab_size: int, latent_dim: int):
        super().__init__(config, vocab_size, latent_dim, config.embedding)
        self.first = nn.Linear(config.embedding + latent_dim, config.hidden)
        self.blocks = nn.ModuleList(_Block(config, dilation) for dilation in config.dilations)
        self.last = nn.Linear(config.hidden, config.embedding)
        self.past_shapes = [((config.kernel - 1) * d, config.filters) for d in config.dilations]

    def _nothing(self, z: Tensor) -> list[Tensor]:
        """What each block has seen before the first word."""
        return [z.new_zeros(len(z), *shape) for shape in self.past_shapes]

    def _run(self, words: Tensor, z: Tensor, pasts: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        inputs = torch.cat([words, z[:, None].expand(-1, words.shape[1], -1).to(words.dtype)], -1)
        x, after = self.first(inputs), []
        for block, past in zip(self.blocks, pasts, strict=True):
            x, past = block(x, past)
            after.append(past)
        return self.last(x.relu()), after

    def states(self, words: Tensor, z: Tensor) -> Tensor:
        return self._run(words, z, self._nothing(z))[0]

    def start(self, z: Tensor) -> State:
        return (z, *self._nothing(z))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        z, *pasts = state
        states, after = self._run(self.embedding(tokens)[:, None], z, pasts)
        return self.log_probs(states[:, 0], z), (z, *after)
