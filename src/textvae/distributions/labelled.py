"""A label and a latent together, as one vector."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints, kl_divergence, register_kl

from textvae.distributions.codes import Codes


class Labelled(Distribution):
    """p(y) p(z'|y) over the vectors z = (√C · one-hot of y, z'), with y one of C labels; event shape (Z,).

    √C gives the labels' numbers the scale of the others. In draws of z the gradient passes to p(z'|y), not to p(y).

    Args:
        log_probs: (*B, C) of the labels.
        given: p(z'|y) of each label, batch shape (*B, C), event shape (Z − C,).
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    has_rsample = True

    def __init__(self, log_probs: Tensor, given: Independent):
        self.log_probs, self.given = log_probs, given
        self.labels = log_probs.shape[-1]
        one_hots = torch.eye(self.labels, device=log_probs.device) * self.labels**0.5
        self.label = Codes(log_probs[..., None, :], one_hots[None])
        size = torch.Size([self.labels + given.event_shape[0]])
        super().__init__(log_probs.shape[:-1], size, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return torch.cat([self.label.mean, self._expect(self.given.mean)], -1)

    @property
    def variance(self) -> Tensor:
        of_means = self._expect(self.given.mean**2) - self._expect(self.given.mean) ** 2
        return torch.cat([self.label.variance, self._expect(self.given.variance) + of_means.clamp_min(0)], -1)

    @property
    def mode(self) -> Tensor:
        """The likeliest label, and the mode of z' with it."""
        best = self.log_probs.argmax(-1)
        return self.joined(best, _chosen(self.given.mode, best))

    def of(self, label: int) -> Labelled:
        """The same with all its mass on one label."""
        certain = torch.full_like(self.log_probs, -torch.inf)
        certain[..., label] = 0.0
        return Labelled(certain, self.given)

    def at(self, *index: Tensor) -> Independent:
        """p(z'|y) at an index into (*B, C), the last of whose tensors are labels."""
        base: Any = self.given.base_dist
        return Independent(Normal(base.loc[index], base.scale[index], validate_args=False), 1)

    def joined(self, label: Tensor, rest: Tensor) -> Tensor:
        """Labels (*) and z' (*, Z − C) as z (*, Z)."""
        one_hot = F.one_hot(label, self.labels).to(rest.dtype)
        return torch.cat([one_hot * self.labels**0.5, rest], -1)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = torch.Size(sample_shape)
        drawn = self.label.sample(shape)[..., : self.labels].argmax(-1)
        return self.joined(drawn, _chosen(self.given.rsample(shape), drawn))

    def log_prob(self, value: Tensor) -> Tensor:
        label, rest = value[..., : self.labels], value[..., self.labels :]
        given = self.given.log_prob(rest[..., None, :])  # (*, B, C)
        return self.label.log_prob(label) + _chosen(given[..., None], label.argmax(-1))[..., 0]

    def _expect(self, each: Tensor) -> Tensor:
        """(*B, C, D) -> (*B, D)."""
        return (self.log_probs.exp()[..., None] * each).sum(-2)


def _chosen(each: Tensor, label: Tensor) -> Tensor:
    """Of (*, C, D) what belongs to the labels (*): (*, D)."""
    shape = torch.broadcast_shapes(label.shape, each.shape[:-2])
    index = label.expand(shape)[..., None, None].expand(*shape, 1, each.shape[-1])
    return each.expand(*shape, *each.shape[-2:]).gather(-2, index)[..., 0, :]


@register_kl(Labelled, Labelled)
def _kl_labelled(q: Labelled, p: Labelled) -> Tensor:
    """KL(q(y) ‖ p(y)) + Σ_y q(y) KL(q(z'|y) ‖ p(z'|y))."""
    given = kl_divergence(q.given, p.given)  # (*B, C)
    return kl_divergence(q.label, p.label) + (q.log_probs.exp() * given).sum(-1)


def standard_labelled(log_probs: Tensor, size: int) -> Labelled:
    """p(y) N(z'; 0, I), for z' of a size."""
    zeros = log_probs.new_zeros(*log_probs.shape, size)
    return Labelled(log_probs, Independent(Normal(zeros, torch.ones_like(zeros), validate_args=False), 1))
