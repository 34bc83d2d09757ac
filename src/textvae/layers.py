"""Layers that encoders and decoders share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Self

import torch
import torch.nn.functional as F
from pydantic import BeforeValidator, Field, PositiveInt, model_validator
from torch import Tensor, nn

from textvae.processes import mean_over_batch
from textvae.registry import PartConfig
from textvae.types import Batch

# where a maximum must not look; far from float32's end, so that no arithmetic on it overflows
_FAR_BELOW = -1e4
_MOMENTUM = 0.1  # of a batch in the running statistics


def pool(states: Tensor, batch: Batch, ways: Sequence[str]) -> Tensor:
    """States (B, T, H) of texts -> (B, len(ways)·H) float32, over each text's own tokens.

    ``ways`` are 'last', 'mean' and 'max', put side by side in this order.
    """
    states, mask = states.float(), batch.mask[..., None]

    def one(way: str) -> Tensor:
        if way == "last":
            return states[torch.arange(len(states), device=states.device), batch.lengths - 1]
        if way == "mean":
            return (states * mask).sum(1) / batch.lengths[:, None]
        return states.masked_fill(~mask, _FAR_BELOW).amax(1)

    return torch.cat([one(way) for way in ways], 1)


class LockedDropout(nn.Module):
    """Dropout with one mask for all positions of a text (Gal & Ghahramani 2016).

    Regularises recurrent models better than a mask per position, and draws T times fewer numbers.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(*, T, D) -> the same shape."""
        if not self.training or self.p == 0:
            return x
        shape = (*x.shape[:-2], 1, x.shape[-1])
        mask = torch.empty(shape, device=x.device).bernoulli_(1 - self.p).div_(1 - self.p)
        return x * mask.to(x.dtype)


class WeightDropout(nn.Module):
    """Dropout of weights, anew in each batch: DropConnect on recurrent matrices (Merity et al. 2018, section 2)."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, weight: Tensor) -> Tensor:
        """A matrix with a share of its numbers at 0 and the others scaled up."""
        if not self.training or self.p == 0:
            return weight
        # a byte for each number, eight at a draw: `bernoulli_` takes thirty times as long on a processor
        draws = torch.empty(-(-weight.numel() // 8), dtype=torch.int64, device=weight.device)
        chance = draws.random_(-(2**63), None).view(torch.uint8)[: weight.numel()].view_as(weight)
        threshold = round(256 * self.p)
        return weight * (chance >= threshold) * (256 / (256 - threshold))


class WordDropout(nn.Module):
    """Replaces input words by ``<unk>`` with probability p, so that a decoder leans on z (Bowman et al. 2016)."""

    def __init__(self, p: float, unknown: int, keep_below: int):
        super().__init__()
        self.p, self.unknown, self.keep_below = p, unknown, keep_below

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) ids -> (B, T) ids; ids below ``keep_below`` (pads, start, end) stay."""
        if not self.training or self.p == 0:
            return ids
        drop = (torch.rand(ids.shape, device=ids.device) < self.p) & (ids >= self.keep_below)
        return ids.masked_fill(drop, self.unknown)


class BatchNorm(nn.Module):
    """(x − E x) / sd x for each number of x over the texts of a batch (Ioffe & Szegedy 2015), without scale and shift.

    In training the batch is all processes'; in evaluation there are running averages, so that no text depends on its
    company. Where a batch is one text there is no variance: it gets 0, and the averages stay.

    Args:
        size: numbers of each text.
        least: a floor under the variance.
    """

    def __init__(self, size: int, least: float):
        super().__init__()
        self.least = least
        self.running_mean: Tensor
        self.running_variance: Tensor
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_variance", torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) -> the same shape."""
        if not self.training:
            return self.settled(x)
        mean, variance = self._statistics(x)
        return (x - mean) * variance.clamp_min(self.least).rsqrt()

    def settled(self, x: Tensor) -> Tensor:
        """The same by the running averages, whatever the mode: for x that are no batch of texts."""
        return (x - self.running_mean) * self.running_variance.clamp_min(self.least).rsqrt()

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = mean_over_batch(x)
        variance = mean_over_batch((x - mean) ** 2)
        with torch.no_grad():
            weight = _MOMENTUM * (variance > 0)
            self.running_mean.lerp_(mean, weight)
            self.running_variance.lerp_(variance, weight)
        return mean, variance


def _widths(given: Any) -> Any:
    return (given,) if isinstance(given, int) else given


class MLPConfig(PartConfig):
    """The size of a multilayer perceptron."""

    hidden: Annotated[tuple[PositiveInt, ...], BeforeValidator(_widths)] = Field(
        default=(256,),
        description="widths of the hidden layers, one or a list; an empty list makes it linear",
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout after each hidden layer")


class MLP(nn.Sequential):
    """(*, D) -> (*, F), the last hidden layer: each is linear, ReLU, dropout. Without any, F is D."""

    def __init__(self, in_features: int, config: MLPConfig):
        widths = (in_features, *config.hidden)
        steps = [
            nn.Sequential(nn.Linear(before, after), nn.ReLU(), nn.Dropout(config.dropout))
            for before, after in pairwise(widths)
        ]
        super().__init__(*steps)
        self.out_features = widths[-1]


class TransformerConfig(PartConfig):
    """The size of a stack of Transformer blocks."""

    width: int = Field(default=256, gt=0)
    heads: int = Field(default=4, gt=0)
    layers: int = Field(default=2, gt=0)

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and a feed-forward net (Vaswani et al. 2017; Xiong et al. 2020).

    ``forward`` sees whole texts; ``step`` sees one position and the keys and values before it.
    """

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(dropout)

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm_attention(x)).chunk(3, -1)
        split = (batch, length, self.heads, width // self.heads)
        return q.view(split).transpose(1, 2), k.view(split).transpose(1, 2), v.view(split).transpose(1, 2)

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.drop(self.merge(attended.transpose(1, 2).flatten(2)))
        return x + self.drop(self.feed(self.norm_feed(x)))

    def forward(self, x: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """x (B, T, D); mask (B, T), true where a position may be seen; causal sees only what came before."""
        q, k, v = self._project(x)
        attended = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=None if mask is None else mask[:, None, None],
            dropout_p=self.drop.p if self.training else 0.0,
            is_causal=causal,
        )
        return self._finish(x, attended)

    def step(self, x: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, 1, D); keys and values (B, heads, t, D/heads) so far -> x and both, one position longer."""
        q, k, v = self._project(x)
        keys, values = torch.cat([keys, k], 2), torch.cat([values, v], 2)
        attended = F.scaled_dot_product_attention(q, keys, values)
        return self._finish(x, attended), keys, values


class BlockList(nn.ModuleList):
    """Transformer blocks, known to be such."""

    def __iter__(self) -> Iterator[TransformerBlock]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().__iter__()  # pyright: ignore[reportReturnType]


def stack(layers: int, width: int, heads: int, dropout: float) -> BlockList:
    """``layers`` Transformer blocks."""
    return BlockList(TransformerBlock(width, heads, dropout) for _ in range(layers))


class CausalTransformer(nn.Module):
    """Inputs to states that know the inputs so far: positions, blocks, a last norm (Vaswani et al. 2017).

    ``forward`` sees whole texts; ``start`` and ``step`` go position by position, with the keys and values of
    those before in a cache.
    """

    def __init__(self, config: TransformerConfig, dropout: float):
        super().__init__()
        self.width, self.heads = config.width, config.heads
        self.blocks = stack(config.layers, config.width, config.heads, dropout)
        self.norm = nn.LayerNorm(config.width)

    def _placed(self, x: Tensor, start: int) -> Tensor:
        return x + sinusoidal_positions(x.shape[1], self.width, start).to(x.device)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, D) -> (B, T, D)."""
        x = self._placed(x, 0)
        for block in self.blocks:
            x = block(x, causal=True)
        return self.norm(x)

    def start(self, like: Tensor) -> tuple[Tensor, ...]:
        """The cache before the first position, for as many texts as ``like`` (B, *) has."""
        empty = like.new_zeros(len(like), self.heads, 0, self.width // self.heads)
        return (empty,) * (2 * len(self.blocks))

    def step(self, x: Tensor, cache: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """x (B, D) at the next position and the cache -> its state (B, D) and the cache, one longer."""
        x = self._placed(x[:, None], start=cache[0].shape[2])
        # a longer copy each time: 3% of a step at 40 positions, and a state stays what it was
        grown: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x, keys, values = block.step(x, cache[2 * i], cache[2 * i + 1])
            grown += [keys, values]
        return self.norm(x)[:, 0], tuple(grown)


def sinusoidal_positions(length: int, width: int, start: int = 0) -> Tensor:
    """(length, width) position codes (Vaswani et al. 2017, section 3.5); no length is out of range."""
    position = torch.arange(start, start + length, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(10_000.0)) / width))
    codes = torch.zeros(length, width)
    codes[:, 0::2] = torch.sin(position * rate)
    codes[:, 1::2] = torch.cos(position * rate[: width // 2])
    return codes
