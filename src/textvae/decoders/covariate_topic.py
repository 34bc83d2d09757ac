"""Topics beside what is known of a document: covariates that move its words, labels that its topics tell."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.decoders.counts import Counts, FromCounts
from textvae.decoders.topic import TopicDecoderConfig
from textvae.decoders.topic_matrix import TopicMatrix
from textvae.errors import TextVAEError
from textvae.registry import register
from textvae.types import Rows


class CovariateTopicConfig(TopicDecoderConfig):
    """Options of topics beside covariates and labels."""

    words: Literal["product"] = Field(
        default="product", description="logits are what covariates can be added to"
    )
    covariates: int = Field(
        default=0, ge=0, description="columns of a document's context that move its words"
    )
    classes: int = Field(
        default=0, ge=0, description="columns after those: one for each class, all 0 where it is unknown"
    )


class LabelledCounts(FromCounts):
    """p(x, y|z) = p(x|z) p(y|z), y a class, of logits ``classes`` (*, B, C): a document's last columns of context."""

    def __init__(self, words: Counts, classes: Tensor):
        super().__init__(words)
        self.classes = classes

    def log_prob(self, value: Rows) -> Tensor:
        """(*, B) nats: log p(x|z) + log p(y|z), the latter 0 where the class is unknown."""
        labels = _context(value)[:, -self.classes.shape[-1] :]
        return self.words.log_prob(value) + (labels * self.classes.log_softmax(-1)).sum(-1)

    def draw_one(self, p: np.ndarray, length: int, stream: np.random.Generator) -> np.ndarray:
        return self.words.draw_one(p, length, stream)


@register("decoder", "covariate_topic", CovariateTopicConfig, provides=("topics",), requires=("rows",))
class CovariateTopic(TopicMatrix):
    """p(v|z, c) = softmax(b + θ B + c Bᶜ)_v and p(y|z) = softmax(W θ + w)_y (Card et al. 2018, Scholar, section 3).

    Without the interactions of topics with covariates. A document's ``context`` holds c and then y, one-hot.
    """

    def __init__(self, config: CovariateTopicConfig, vocab_size: int, latent_dim: int):
        super().__init__(config, vocab_size, latent_dim)
        self.config = config
        self.deviations = (
            nn.Parameter(torch.zeros(config.covariates, vocab_size)) if config.covariates else None
        )
        self.classes = nn.Linear(latent_dim, config.classes) if config.classes else None

    def forward(self, z: Tensor, batch: Rows | None = None) -> Counts:
        p = super().forward(z, batch)
        if self.classes is None or batch is None:
            return p
        return LabelledCounts(p, self.classes(self.theta(z)))

    def scores(self, weights: Tensor, batch: Rows | None) -> Tensor:
        scores = super().scores(weights, batch)
        if self.deviations is None or batch is None:
            return scores
        return scores + _context(batch)[:, : len(self.deviations)] @ self.deviations


def _context(batch: Rows) -> Tensor:
    """(B, C)."""
    if batch.context is None:
        raise TextVAEError("This model was made for documents with covariates or labels, and none are given.")
    return batch.context
