"""Normalising flows: affine couplings, with which the density of any z is as cheap as a sample."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Independent, Normal, TransformedDistribution, constraints
from torch.distributions.transforms import ComposeTransform, Transform

# Largest |log scale| of a single coupling.
_LOG_SCALE = 2.0
_VARIANCE_DRAWS = 64


class Flow(TransformedDistribution):
    """z = f(ε) for ε ~ N(μ, diag σ²) and an invertible f."""

    base_dist: Independent

    def __init__(self, base: Independent, transforms: list[Transform]):
        super().__init__(base, transforms, validate_args=False)

    def _push(self, z: Tensor) -> Tensor:
        return ComposeTransform(self.transforms)(z)  # pyright: ignore[reportReturnType]

    @property
    def mode(self) -> Tensor:
        """f(μ), which stands in for the mode and for the mean: neither has a closed form."""
        return self._push(self.base_dist.mean)

    @property
    def mean(self) -> Tensor:
        """f(μ), as ``mode``."""
        return self.mode

    @property
    def variance(self) -> Tensor:
        """Of z around ``mean``, from the same few ε in every call."""
        mean, scale = self.base_dist.mean, self.base_dist.stddev
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(_VARIANCE_DRAWS, mean.shape[-1], generator=generator).to(mean)
        noise = noise.view(_VARIANCE_DRAWS, *[1] * (mean.ndim - 1), -1)
        return ((self._push(mean + scale * noise) - self.mean) ** 2).mean(0)


class Couplings(nn.Module):
    """Affine couplings (Dinh et al. 2017, eq. 9): y = m⊙x + (1−m)⊙(x⊙exp s(m⊙x, c) + t(m⊙x, c)).

    The halves m are told apart by one binary digit of a dimension's number, another one every two layers, so that any
    two dimensions stand on different sides somewhere. ``context`` c (*B, C) tells a conditional flow what it is of.
    """

    def __init__(self, dim: int, layers: int, hidden: int, context: int = 0):
        super().__init__()
        number, digits = torch.arange(dim), max(1, (dim - 1).bit_length())
        self.nets = nn.ModuleList()
        for layer in range(layers):
            kept = (number >> (layer // 2 % digits) & 1) == layer % 2
            self.nets.append(_Net(kept, hidden, context))

    def forward(self, context: Tensor | None = None) -> list[Transform]:
        """The couplings as transforms of (*, dim), for one use: each remembers what it was last applied to."""
        return [_Coupling(net, context) for net in self.nets]


class _Net(nn.Module):
    """The dimensions ``kept`` (dim,) bool, and c -> log scale and shift of the others; both 0 for those kept."""

    def __init__(self, kept: Tensor, hidden: int, context: int):
        super().__init__()
        self.kept: Tensor
        self.register_buffer("kept", kept, persistent=False)
        self.first = nn.Linear(len(kept), hidden)
        self.context = nn.Linear(context, hidden, bias=False) if context else None
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 2 * len(kept))
        # near the identity, so that a flow starts as what it is a flow of
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        # float32 whatever autocast says: the map and its inverse have to agree
        with torch.autocast(x.device.type, enabled=False):
            state = self.first(x * self.kept)
            if self.context is not None and context is not None:
                state = state + self.context(context)
            log_scale, shift = self.last(F.silu(self.second(F.silu(state)))).chunk(2, -1)
            moved = ~self.kept
            return moved * _LOG_SCALE * torch.tanh(log_scale / _LOG_SCALE), moved * shift


class _Coupling(Transform):
    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, net: nn.Module, context: Tensor | None):
        # a sample's own log density then needs no inverse
        super().__init__(cache_size=1)
        self.net, self.given = net, context

    def _call(self, x: Tensor) -> Tensor:
        log_scale, shift = self.net(x, self.given)
        return x * log_scale.exp() + shift

    def _inverse(self, y: Tensor) -> Tensor:
        log_scale, shift = self.net(y, self.given)  # what it reads of y is the same in x
        return (y - shift) * (-log_scale).exp()

    def log_abs_det_jacobian(self, x: Tensor, y: Any) -> Tensor:
        return self.net(x, self.given)[0].sum(-1)


def standard_normal(zero: Tensor) -> Independent:
    """N(0, I) in as many dimensions as ``zero`` (Z,) has, where it is."""
    return Independent(Normal(zero, torch.ones_like(zero), validate_args=False), 1)
