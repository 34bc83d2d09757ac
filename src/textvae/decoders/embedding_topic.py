"""Topics among the words' vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from textvae.decoders.topic import TopicDecoder, TopicDecoderConfig
from textvae.distributions.transport import transport_plan
from textvae.matrix import RowsDataset
from textvae.registry import register
from textvae.text.word_vectors import word_vectors


class EmbeddingTopicConfig(TopicDecoderConfig):
    """Options of topics among words' vectors."""

    embedding: int = Field(default=100, gt=0, description="dimensions of the words' vectors and the topics'")
    train_words: bool = Field(default=True, description="whether the words' vectors are trained on")


@register("decoder", "embedding_topic", EmbeddingTopicConfig, provides=("topics",), requires=("rows",))
class EmbeddingTopic(TopicDecoder):
    """logits_kv = ρ_v · α_k, words' vectors ρ and topics' vectors α (Dieng et al. 2020, the embedded topic model).

    The words' vectors start at those of the training counts (``text/word_vectors.py``), or at given ones.
    """

    def __init__(self, config: EmbeddingTopicConfig, vocab_size: int, latent_dim: int):
        super().__init__(config, vocab_size, latent_dim)
        self.words = nn.Parameter(F.normalize(torch.randn(vocab_size, config.embedding), dim=1))
        self.words.requires_grad_(config.train_words)
        self.centres = nn.Parameter(F.normalize(torch.randn(latent_dim, config.embedding), dim=1))

    def set_corpus(self, rows: RowsDataset, vectors: Tensor | None = None) -> None:
        """Starts at the words' vectors too: those given, (V, ``embedding``), or those of the counts."""
        super().set_corpus(rows)
        if vectors is None:
            vectors = torch.from_numpy(word_vectors(rows.sparse(), self.words.shape[1]))
        with torch.no_grad():
            self.words.copy_(F.normalize(vectors, dim=1))

    def logits(self) -> Tensor:
        return self.centres @ self.words.T


class ClusteredTopicConfig(EmbeddingTopicConfig):
    """Options of topics at the centres of clusters of words."""

    temperature: float = Field(
        default=0.2, gt=0, description="τ of the words' shares among the topics, in squared distances"
    )
    clustering: float = Field(
        default=250.0,
        ge=0,
        description="weight of the regulariser, in nats a document for each squared distance",
    )
    entropy: float = Field(
        default=0.05,
        gt=0,
        description="ε, how soft the clusters of the regulariser are, in squared distances",
    )


@register("decoder", "clustered_topic", ClusteredTopicConfig, provides=("topics",), requires=("rows",))
class ClusteredTopic(EmbeddingTopic):
    """Topics' vectors are kept at the centres of clusters of words, each of its own (Wu et al. 2023, ECRTM).

    logits_kv = softmax_k(−‖ρ_v − α_k‖² / τ) (equation 8). The regulariser is Σ_vk π_vk ‖ρ_v − α_k‖², π the optimal
    transport from words to topics of equal size with entropy ε (equations 4 to 7).
    """

    def __init__(self, config: ClusteredTopicConfig, vocab_size: int, latent_dim: int):
        super().__init__(config, vocab_size, latent_dim)
        self.config = config

    def distances(self) -> Tensor:
        """(K, V) ‖ρ_v − α_k‖²."""
        squares = self.centres.square().sum(1)[:, None] + self.words.square().sum(1)
        return (squares - 2 * self.centres @ self.words.T).clamp_min(0)

    def logits(self) -> Tensor:
        return (-self.distances() / self.config.temperature).softmax(0)

    def penalty(self) -> Tensor:
        if not self.training:
            return super().penalty()
        distances = self.distances()
        # the gradient of the least cost is the plan itself, so none goes through how it was found
        plan = transport_plan(distances.detach(), self.config.entropy)
        return super().penalty() + self.config.clustering * (plan * distances).sum()
