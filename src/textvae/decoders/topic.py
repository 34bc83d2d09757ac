"""What all topic decoders are: shares of topics, words of topics, and the likelihood of counts under both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.decoders.counts import Counts, MixtureCounts, ProductCounts, UrnCounts
from textvae.layers import BatchNorm
from textvae.matrix import RowsDataset
from textvae.registry import PartConfig
from textvae.types import Rows

_LEAST_VARIANCE = 1e-5  # of a word's logit over documents, below which normalising would make much of nothing
_SIZE = 1000.0  # words in the urn to start from; training finds how many they are
_HELD_RANK = 10  # a seed word is held among so many words of its topic


class TopicDecoderConfig(PartConfig):
    """Options of every topic decoder."""

    theta: Literal["softmax", "projected", "given", "free"] = Field(
        default="softmax",
        description="shares of topics from z: its softmax, the softmax of a linear map of it, z itself where that is "
        "shares already, or no shares but any numbers",
    )
    words: Literal["mixture", "product"] = Field(
        default="mixture",
        description="how topics make words: their distributions are averaged, or their logits",
    )
    counts: Literal["multinomial", "urn"] = Field(
        default="multinomial",
        description="how a document's words are drawn: each by itself, or from an urn to which each comes back twice, "
        "so that words that occurred are likely to again",
    )
    background: Literal["none", "fixed", "learned"] = Field(
        default="none",
        description="what topics are deviations from: nothing, the words' log frequencies, or what those become",
    )
    start: Literal["random", "clusters"] = Field(
        default="random", description="what topics start as: random numbers, or clusters of the documents"
    )
    normalise: bool = Field(default=False, description="batch-normalise the logits of words (product only)")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout of the shares of topics")

    @property
    def needs(self) -> frozenset[str]:
        """The space that z has to be in."""
        return frozenset({"simplex" if self.theta == "given" else "euclidean"})


class TopicDecoder(nn.Module, ABC):
    """z -> shares of K topics -> words. A topic is a row of logits over V words, which subclasses give.

    ``mixture``: p(v|z) = Σ_k θ_k softmax(b + logits_k)_v (Blei et al. 2003). ``product``: p(v|z) = softmax(b + Σ_k θ_k
    logits_k)_v, a product of experts (Srivastava & Sutton 2017, section 4). b are the log frequencies of the words in
    the corpus where there is a ``background`` (Eisenstein et al. 2011), else 0.
    """

    def __init__(self, config: TopicDecoderConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.options = config
        self.background: Tensor
        if config.background == "learned":
            self.background = nn.Parameter(torch.zeros(vocab_size))
        else:
            self.register_buffer("background", torch.zeros(vocab_size))
        self.project: nn.Linear | None = None
        if config.theta == "projected":
            self.project = nn.Linear(latent_dim, latent_dim)
            # from random weights all shares are alike at first, and stay so for long
            nn.init.eye_(self.project.weight)
        self.drop = nn.Dropout(config.dropout)
        self.log_size = nn.Parameter(torch.tensor(_SIZE).log()) if config.counts == "urn" else None
        self.norm = BatchNorm(vocab_size, _LEAST_VARIANCE) if config.normalise else None
        self._seeds: dict[int, Tensor] = {}
        self._strength = 0.0

    @abstractmethod
    def logits(self) -> Tensor:
        """(K, V) the topics' own logits, without the background."""

    def theta(self, z: Tensor) -> Tensor:
        """z (*, Z) -> (*, K), shares of topics that sum to 1. Where z is free, its softmax."""
        if self.options.theta == "given":
            return z
        return (z if self.project is None else self.project(z)).softmax(-1)

    def topics(self) -> Tensor:
        """(K, V) word distributions: p(v | θ is topic k alone)."""
        scores = self.background + self.logits()
        return (scores if self.norm is None else self.norm.settled(scores)).softmax(-1)

    def foremost(self) -> Tensor:
        """(K, V) scores by which a topic's words are put in order for a reader: here their log probabilities."""
        return self.topics().log()

    def penalty(self) -> Tensor:
        """A scalar that the decoder owes beside the ELBO: what seed words cost that have left their topics."""
        owed = self.background.new_zeros(())
        if not self._seeds:
            return owed
        scores = self.foremost()
        for topic, words in self._seeds.items():
            least = scores[topic].topk(_HELD_RANK).values[-1].detach()
            owed = owed + (least - scores[topic, words]).clamp_min(0).sum()
        return self._strength * owed

    @torch.no_grad()
    def set_corpus(self, rows: RowsDataset) -> None:
        """Starts at what the training counts tell: how frequent words are."""
        if self.options.background != "none":
            frequency = rows.moments()[0].to(self.background) * len(rows) + 0.5
            self.background.copy_((frequency / frequency.sum()).log())

    def hold(self, seeds: Mapping[int, Sequence[int]], strength: float) -> None:
        """From now on training keeps each topic's seed words, ids, among its ten foremost.

        Each costs ``strength`` nats a document for each nat that its score lies below the tenth's.
        """
        device = self.background.device
        self._seeds = {k: torch.as_tensor(list(words), device=device) for k, words in seeds.items()}
        self._strength = strength

    def forward(self, z: Tensor, batch: Rows | None = None) -> Counts:
        """z (*, B, Z) -> p(x|z), batch shape (*, B), event shape (V,)."""
        with torch.autocast(z.device.type, enabled=False):
            weights = self.drop(z.float() if self.options.theta == "free" else self.theta(z.float()))
            words = self.words_of(weights, batch)
            return words if self.log_size is None else UrnCounts(words, self.log_size)

    def words_of(self, weights: Tensor, batch: Rows | None) -> Counts:
        """Weights (*, B, K) of the topics -> counts of words that are drawn each by itself."""
        penalty = self.penalty()
        if self.options.words == "mixture":
            return MixtureCounts(weights, self.topics(), penalty)
        return ProductCounts(self.scores(weights, batch), penalty)

    def scores(self, weights: Tensor, batch: Rows | None) -> Tensor:
        """Weights (*, B, K) of the topics -> (*, B, V) logits of a product."""
        scores = weights @ self.logits() + self.background
        if self.norm is None:
            return scores
        return self.norm(scores.flatten(0, -2)).view(scores.shape)
