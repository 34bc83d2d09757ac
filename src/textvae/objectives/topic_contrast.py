"""The ELBO beside a contrast of documents by their topics, for short texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.objectives.weighted_elbo import WeightedElbo, WeightedElboConfig
from textvae.registry import register


class TopicContrastConfig(WeightedElboConfig):
    """Options of the contrast of topics."""

    contrast: float = Field(default=5.0, ge=0, description="weight of the contrast, in nats a text")
    temperature: float = Field(default=0.5, gt=0, description="of the likeness of two texts")


@register("objective", "topic_contrast", TopicContrastConfig, requires=("rsample", "kl", "topics"))
class TopicContrast(Objective):
    """The weighted ELBO and λ · contrast: texts of one topic are drawn together, others apart (Wu et al. 2022, TSCTM).

    What a short text says of its topics is little; that texts of one topic are alike says more. The topic is the
    text's largest share, where the paper looks up the nearest of learned codes.
    """

    def __init__(self, config: TopicContrastConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config = config
        self.elbo = WeightedElbo(config)

    def phases(self, model: Any) -> Iterator[Phase]:
        """One phase. It raises another thing than the ELBO, which selects no weights."""
        yield Phase("elbo", 1.0, [Update(list(model.parameters()), self._loss)], validated=True)

    def _loss(self, model: Any, batch: Any, progress: float) -> Losses:
        terms = model(batch)
        losses = self.elbo(terms, progress)
        apart = contrast(model.decoder.theta(terms.q.mean), self.config.temperature)
        return replace(losses, loss=losses.loss + self.config.contrast * apart)


def contrast(theta: Tensor, temperature: float) -> Tensor:
    """The mean over texts of −log Σ_{j ∈ P(i)} exp(s_ij / τ) / Σ_{j ≠ i} exp(s_ij / τ): a scalar.

    s_ij is the cosine of the shares of topics (B, K) of two texts, P(i) the others whose largest share is of the same
    topic; a text without any is left out.
    """
    shares = F.normalize(theta, dim=1)
    likeness = shares @ shares.T / temperature
    itself = torch.eye(len(theta), dtype=torch.bool, device=theta.device)
    topic = theta.argmax(1)
    same = (topic[:, None] == topic) & ~itself
    near = likeness.masked_fill(~same, -torch.inf).logsumexp(1)
    all_others = likeness.masked_fill(itself, -torch.inf).logsumexp(1)
    paired = same.any(1)
    return (all_others - near)[paired].sum() / max(int(paired.sum()), 1)
