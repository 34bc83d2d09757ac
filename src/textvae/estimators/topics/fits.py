"""Whether any topic fits a document: whether its words are such as its shares of the topics make one expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from textvae.matrix import RowsDataset
from textvae.metrics.topic_likelihood import are_whole, thinned, unigram
from textvae.metrics.topic_posterior import inferred
from textvae.model import VAE
from textvae.text.batch import evenly

_SHARE = 0.01  # of documents like those of the corpus that are flagged by mistake
ENOUGH = 100  # documents held out, to know what documents of the corpus reach
_DOCUMENTS = 1000  # for each class of lengths, at most


class Judged(NamedTuple):
    """What a model makes of documents: ``theta`` (N, K) float32, their shares; ``fits`` (N,), whether a topic fits."""

    theta: np.ndarray
    fits: np.ndarray


@dataclass(frozen=True)
class Fit:
    """What documents of the corpus reach in two scores, by their lengths.

    A document of n words x with shares θ scores

    - by gain: (log p(x|θ) − log p(x|corpus)) / n, nats a word over the word frequencies of the whole corpus. A document
      of everything at once gains nothing;
    - by surprise: (log p(x|θ) + n H) / (√n S), H and S the mean and the standard deviation of −log p(v|θ) over words
      v ~ p(v|θ): how its likelihood compares to that of documents that the model writes with these shares. Words from
      elsewhere are improbable under any shares.

    No topic fits a document that is under what 995 in 1,000 documents of the corpus reach in either score, documents
    that were held out from training: so one in a hundred of the corpus is flagged. Of n < 200 it is the least that any
    reached, under which one in n + 1 new ones falls; where fewer than 100 were held out, those of training count too.
    Short documents score less, and a corpus may have none: what those of 1, 2, 4, 8 … words reach is that of longer
    ones, of which as many words were drawn. Nor does a topic fit a document without a known word.

    Attributes:
        lengths: (C,) the least words of each class of lengths.
        least: (C, 2) the scores to reach.
    """

    lengths: np.ndarray
    least: np.ndarray

    @classmethod
    def on(cls, model: VAE, documents: RowsDataset, word_counts: np.ndarray, most: int) -> Self:
        """What documents reach that were not trained on."""
        counts, sizes = documents.sparse(), _lengths(documents)
        if not are_whole(counts):
            reached = scores(model, documents, word_counts, most)
            return cls(np.zeros(1), _least(reached)[None])
        lengths = 2 ** np.arange(int(np.log2(np.median(sizes))) + 1)
        least = []
        for length in lengths:
            places = np.flatnonzero(sizes >= length)
            chosen = documents.subset(places[evenly(len(places), _DOCUMENTS)])
            # those of the longest class are as they are
            short = chosen.sparse() if length == lengths[-1] else thinned(chosen.sparse(), int(length))
            least.append(_least(scores(model, RowsDataset(short, chosen.context), word_counts, most)))
        return cls(lengths, np.array(least))

    def judge(self, model: VAE, documents: RowsDataset, word_counts: np.ndarray, most: int) -> Judged:
        """The shares of topics, and whether one fits; each document is encoded once."""
        sizes = _lengths(documents)
        least = self.least[(np.searchsorted(self.lengths, sizes, side="right") - 1).clip(0)]
        theta, reached = _read(model, documents, word_counts, most)
        return Judged(theta, (sizes > 0) & (reached >= least).all(1))

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {"lengths": self.lengths.tolist(), "least": self.least.tolist()}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """What ``state`` gave."""
        return cls(np.array(state["lengths"]), np.array(state["least"]))


def scores(model: VAE, documents: RowsDataset, word_counts: np.ndarray, most: int) -> np.ndarray:
    """(N, 2) gain and surprise, in the terms of ``Fit``; 0 for a document without a word."""
    return _read(model, documents, word_counts, most)[1]


def _read(
    model: VAE, documents: RowsDataset, word_counts: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """The shares of topics (N, K) float32 at the mean of q(z|x), and ``scores``."""
    n = np.maximum(_lengths(documents), 1)
    background = documents.sparse() @ unigram(word_counts)
    theta = np.empty((len(documents), model.latent_dim), np.float32)
    both = np.empty((len(documents), 2))
    for places, batch, q in inferred(model, documents, most):
        theta[places] = model.decoder.theta(q.mean).cpu()
        p = model.decoder(q.mean, batch).probs.clamp_min(1e-30)
        log_p = p.log()
        expected = (p * log_p).sum(-1)
        spread = ((p * log_p.square()).sum(-1) - expected.square()).clamp_min(1e-12).sqrt()
        reached = (batch.values * log_p).sum(-1).cpu().double().numpy()
        many = n[places]
        usual = many * expected.cpu().double().numpy()
        both[places, 0] = (reached - background[places]) / many
        both[places, 1] = (reached - usual) / (np.sqrt(many) * spread.cpu().double().numpy())
    both[_lengths(documents) == 0] = 0
    return theta, both


def _least(reached: np.ndarray) -> np.ndarray:
    """(2,) what all but ``_SHARE`` / 2 of scores (n, 2) reach."""
    return np.quantile(reached, _SHARE / 2, axis=0, method="lower")


def _lengths(documents: RowsDataset) -> np.ndarray:
    return np.asarray(documents.sparse().sum(1)).ravel()
