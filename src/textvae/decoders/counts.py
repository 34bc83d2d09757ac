"""Likelihoods of counts of words, given each word's probability."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from textvae.types import Rows

# under which no probability of a word that a document has is taken: float32's least is 1e-38
_LEAST = 1e-30


class Counts(Distribution):
    """p(x|z) over counts of words x (V,): Σ_v x_v log p(v|z), batch shape (*, B).

    The logarithm of the multinomial coefficient, which no parameter moves, is left out: so it is the likelihood of
    the document as a sequence of words in its order, and perplexity per word is exp(−log p / number of words).
    ``penalty`` (B,) is what the decoder owes beside the ELBO.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    penalty: Tensor

    def __init__(self, batch_shape: Sequence[int], words: int, penalty: Tensor):
        self.penalty = penalty.expand(batch_shape[-1:])
        super().__init__(torch.Size(batch_shape), torch.Size([words]), validate_args=False)

    @property
    def probs(self) -> Tensor:
        """(*, B, V) p(v|z), each word by itself."""
        raise NotImplementedError

    def log_prob(self, value: Rows) -> Tensor:
        """(*, B) nats."""
        raise NotImplementedError

    def draw(self, lengths: Sequence[int], streams: Iterable[np.random.Generator]) -> np.ndarray:
        """(B, V) float32 counts of a document of each length, by its own stream; the batch shape is (B,)."""
        rows = zip(self.probs.double().cpu().numpy(), lengths, streams, strict=True)
        return np.array([self.draw_one(p / p.sum(), n, stream) for p, n, stream in rows], np.float32)

    def draw_one(self, p: np.ndarray, length: int, stream: np.random.Generator) -> np.ndarray:
        """(V,) counts of a document whose words have probabilities p (V,)."""
        return stream.multinomial(length, p)


class ProductCounts(Counts):
    """p(v|z) = softmax(scores)_v for ``scores`` (*, B, V)."""

    def __init__(self, scores: Tensor, penalty: Tensor):
        self.scores = scores
        super().__init__(scores.shape[:-1], scores.shape[-1], penalty)

    @property
    def probs(self) -> Tensor:
        return self.scores.softmax(-1)

    def log_prob(self, value: Rows) -> Tensor:
        return (value.values * self.scores.log_softmax(-1)).sum(-1)


class MixtureCounts(Counts):
    """p(v|z) = Σ_k θ_k β_kv for ``theta`` (*, B, K) and ``topics`` (K, V)."""

    def __init__(self, theta: Tensor, topics: Tensor, penalty: Tensor):
        self.theta, self.topics = theta, topics
        super().__init__(theta.shape[:-1], topics.shape[-1], penalty)

    @property
    def probs(self) -> Tensor:
        return self.theta @ self.topics

    def log_prob(self, value: Rows) -> Tensor:
        """(*, B) nats; logarithms are taken of the words that a document has only."""
        row, word = value.values.nonzero(as_tuple=True)
        number = value.values[row, word]
        terms = number * self.probs[..., row, word].clamp_min(_LEAST).log()
        return terms.new_zeros(self.batch_shape).index_add(-1, row, terms)


class FromCounts(Counts):
    """What is made of other ``words``, whose probabilities it keeps."""

    def __init__(self, words: Counts):
        self.words = words
        super().__init__(words.batch_shape, words.event_shape[0], words.penalty)

    @property
    def probs(self) -> Tensor:
        return self.words.probs


class UrnCounts(FromCounts):
    """Words drawn from an urn that starts with s p(v|z) of each, s = exp(``log_size``), and gains one of each drawn.

    p(x|z) = Γ(s) / Γ(s + n) Π_v Γ(s p(v|z) + x_v) / Γ(s p(v|z)), n = Σ_v x_v: a word that occurred is likely to again,
    as words of texts are (the Dirichlet compound multinomial of Madsen, Kauchak & Elkan 2005; Doyle & Elkan 2009 for
    topics). It too is the likelihood of a sequence of words in its order. s → ∞ is the multinomial.
    """

    def __init__(self, words: Counts, log_size: Tensor):
        super().__init__(words)
        self.log_size = log_size

    def log_prob(self, value: Rows) -> Tensor:
        row, word = value.values.nonzero(as_tuple=True)
        # in float32, where the urn is large, what the Γ differ in would be lost
        size, counts = self.log_size.double().exp(), value.values.double()
        number, p = counts[row, word], self.probs[..., row, word].clamp_min(_LEAST).double()
        alpha = size * p
        # log Γ(α + x) / Γ(α), in terms that stay finite for the least α
        terms = alpha.log() + (alpha + number).lgamma() - (alpha + 1).lgamma()
        whole = size.lgamma() - (size + counts.sum(-1)).lgamma()
        return whole.expand(self.batch_shape).index_add(-1, row, terms).to(value.values.dtype)

    def draw_one(self, p: np.ndarray, length: int, stream: np.random.Generator) -> np.ndarray:
        return stream.multinomial(length, stream.dirichlet(float(self.log_size.exp()) * p))
