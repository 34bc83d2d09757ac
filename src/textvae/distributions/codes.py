"""Distributions over codes: z is M vectors side by side, each chosen among K."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl

# Most numbers in a block of distances to code vectors: 16 MiB of float32.
_BLOCK = 2**22


class Codes(Distribution):
    """M independent choices among K vectors of length D each.

    ``log_probs`` (*B, M, K) of the choices, ``codebook`` (M, K, D); z is (*B, Z) with Z = M·D. Probabilities, not
    densities: ``log_prob(z)`` is that of the code nearest to z, at most 0.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, log_probs: Tensor, codebook: Tensor):
        self.log_probs, self.codebook = log_probs, codebook
        codes, _, width = codebook.shape
        super().__init__(log_probs.shape[:-2], torch.Size([codes * width]), validate_args=False)

    @property
    def probs(self) -> Tensor:
        """(*B, M, K)."""
        return self.log_probs.exp()

    @property
    def mode(self) -> Tensor:
        return embed(self.log_probs.argmax(-1), self.codebook)

    @property
    def mean(self) -> Tensor:
        return self._expect(self.codebook)

    @property
    def variance(self) -> Tensor:
        return (self._expect(self.codebook**2) - self.mean**2).clamp_min(0)

    def _expect(self, vectors: Tensor) -> Tensor:
        return torch.einsum("...mk,mkd->...md", self.probs, vectors).flatten(-2)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            shape = torch.Size(sample_shape)
            probs = self.probs.expand(*shape, *self.probs.shape)
            drawn = torch.multinomial(probs.reshape(-1, probs.shape[-1]), 1)
            return embed(drawn.view(probs.shape[:-1]), self.codebook)

    def log_prob(self, value: Tensor) -> Tensor:
        index = nearest(value, self.codebook)
        shape = torch.broadcast_shapes(index.shape[:-1], self.batch_shape)
        table = self.log_probs.expand(*shape, *self.log_probs.shape[-2:])
        index = index.expand(*shape, index.shape[-1])
        return table.gather(-1, index[..., None])[..., 0].sum(-1)


class Quantised(Codes):
    """The point mass on the codes nearest to ``vectors`` (B, M, D), to which z passes its gradient straight through.

    Attributes:
        index: (B, M), the codes.
        penalty: (B,) ``commitment`` · Σ ‖v − e‖², what the encoder is to pay for lying off its codes.
    """

    has_rsample = True

    def __init__(self, vectors: Tensor, codebook: Tensor, commitment: float = 0.0):
        self.index = nearest(vectors.flatten(-2), codebook)
        chosen = torch.zeros(*self.index.shape, codebook.shape[1], device=vectors.device)
        log_probs = chosen.scatter(-1, self.index[..., None], 1.0).log()  # 0 and −∞
        super().__init__(log_probs, codebook)
        codes, flat = embed(self.index, codebook).detach(), vectors.flatten(-2)
        self.penalty = commitment * ((flat - codes) ** 2).sum(-1)
        self._z = codes + (flat - flat.detach())  # the codes to the last digit

    @property
    def mode(self) -> Tensor:
        return self._z

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._z.expand(*torch.Size(sample_shape), *self._z.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """0 at z, −∞ elsewhere: by the vector, as of two codes at one place rounding alone says which is nearest."""
        here = (value == self._z).all(-1)
        return torch.zeros(here.shape, device=here.device).masked_fill(~here, -torch.inf)


@register_kl(Codes, Codes)
def _kl_codes(q: Codes, p: Codes) -> Tensor:
    """Σ_m Σ_k q log(q/p), where 0 log 0 = 0."""
    lowest = torch.finfo(q.log_probs.dtype).min
    ratio = q.log_probs.clamp_min(lowest) - p.log_probs.clamp_min(lowest)
    return (q.probs * ratio).sum((-2, -1))


def embed(index: Tensor, codebook: Tensor) -> Tensor:
    """The codes (*, M) as z (*, M·D)."""
    return codebook[torch.arange(len(codebook), device=index.device), index].flatten(-2)


def nearest(z: Tensor, codebook: Tensor) -> Tensor:
    """The codes (*, M) whose vectors are nearest to z (*, M·D)."""
    codes, choices, width = codebook.shape
    rows = z.detach().reshape(-1, codes, width)
    squares = (codebook**2).sum(-1)
    found = [
        (squares - 2 * torch.einsum("nmd,mkd->nmk", part, codebook)).argmin(-1)
        for part in rows.split(max(1, _BLOCK // (codes * choices)))
    ]
    return torch.cat(found).view(*z.shape[:-1], codes)
