"""How sure a document's shares of topics are: the posterior's spread, calibrated on documents of the model's own.

The encoder's guess is refined for each document first (``metrics/topic_posterior.py``), as encoders differ in how good
they are. A diagonal Gaussian is still too sure as a rule, so its spread is not taken at its word: documents are drawn
from the trained model, for which the true shares are known: shares as real documents have them, words by the decoder,
as many as the real document has. The intervals on these say by how much a spread has to be widened (or narrowed) for an
interval of level L to hold the truth in the share L of the cases: split conformal prediction (Vovk, Gammerman & Shafer
2005; Lei et al. 2018), on the scale of log odds, apart for small and large shares, since most shares of most documents
are next to nothing. A share of less than one word of its document can't be told from none, so an interval that reaches
down to that reaches down to 0.

What it can't see: how sure the topics themselves are, and where real documents are unlike the model's. The tests
measure the coverage on documents that an LDA made, with a decoder that mixes topics as the LDA does. In one that
multiplies them (``words = "product"``), a share is no share of words, and no interval covers that of an LDA.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse
from scipy.special import expit, logit

from textvae.matrix import RowsDataset
from textvae.metrics.draws import posterior_draws
from textvae.metrics.topic_posterior import inferred, refine
from textvae.model import VAE
from textvae.noise import Use, stream
from textvae.text.batch import evenly

_SAMPLES = 64  # of z, for a document's spread
_DOCUMENTS = 300  # drawn from the model, or fewer where refining one takes long
_WORK = 2**28  # numbers of topics that all of them may take for a step
_NUMBERS_AT_ONCE = 2**22  # of samples
_LEAST = 1e-5  # share, so that its log odds are finite
_FLOOR = 0.05  # of the spread in log odds, which may not be 0
_LEVELS = np.append(np.arange(1, 100), 99.9) / 100
_BOUNDS = (0.02, 0.1, 0.3)  # between kinds of shares: next to nothing, small, middling, large


class Intervals(NamedTuple):
    """Of every document's share of every topic, (N, K) float32 each: ``middle`` is where its mean log odds are."""

    lower: np.ndarray
    middle: np.ndarray
    upper: np.ndarray


@dataclass(frozen=True)
class Calibration:
    """By how much spreads are widened: (kinds of shares, levels) factors, by ``_BOUNDS`` and ``_LEVELS``."""

    factors: np.ndarray

    @classmethod
    def on(cls, model: VAE, documents: RowsDataset, most: int, seed: int) -> Self:
        """Calibrates on documents that the model draws like these, at most 300 of them."""
        many = max(50, min(_DOCUMENTS, _WORK // (model.latent_dim * documents.columns)))
        chosen = documents.subset(evenly(len(documents), many))
        truth, drawn = _drawn_like(model, chosen, most, seed)
        middle, spread = _spreads(model, drawn, most, seed + 1)
        apart = np.abs(logit(truth.clip(_one_word(drawn), 1 - _LEAST)) - middle) / spread
        kind = _kinds(middle)
        every = _quantiles(apart.ravel())
        factors = [
            _quantiles(apart[kind == i]) if (kind == i).sum() >= 1000 else every
            for i in range(len(_BOUNDS) + 1)
        ]
        return cls(np.stack(factors))

    def intervals(
        self, model: VAE, documents: RowsDataset, level: float, most: int, seed: int = 0
    ) -> Intervals:
        """The shares of documents with intervals of a level in (0, 1)."""
        middle, spread = _spreads(model, documents, most, seed)
        factor = np.array([np.interp(level, _LEVELS, row) for row in self.factors])[_kinds(middle)]
        lower, upper = expit(middle - factor * spread), expit(middle + factor * spread)
        lower = np.where(lower <= _one_word(documents), 0, lower)
        return Intervals(*(edge.astype(np.float32) for edge in (lower, expit(middle), upper)))

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {"factors": np.round(self.factors, 4).tolist()}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """What ``state`` gave."""
        return cls(np.array(state["factors"]))


def _one_word(documents: RowsDataset) -> np.ndarray:
    """(N, 1) the share that is one word of the document: a smaller one can't be told from none."""
    lengths = np.asarray(documents.sparse().sum(1)).ravel()
    return np.clip(1 / np.maximum(lengths, 1), _LEAST, 0.5)[:, None]


def _kinds(middle: np.ndarray) -> np.ndarray:
    return np.searchsorted(logit(np.array(_BOUNDS)), middle)


def _quantiles(apart: np.ndarray) -> np.ndarray:
    """(levels,) with the correction for a finite sample."""
    n = len(apart)
    return np.quantile(apart, np.minimum(_LEVELS * (n + 1) / n, 1))


def _spreads(model: VAE, documents: RowsDataset, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the log odds of each share under q(z|x), (N, K) both."""
    shape = (len(documents), model.latent_dim)
    middle, spread = np.empty(shape), np.empty(shape)
    most = max(1, min(most, _NUMBERS_AT_ONCE // (_SAMPLES * model.latent_dim)))
    for places, batch, q in inferred(model, documents, most):
        z = posterior_draws(model, refine(model, batch, q), batch, _SAMPLES, seed)
        odds = logit(model.decoder.theta(z).double().clamp(_LEAST, 1 - _LEAST).cpu().numpy())
        middle[places], spread[places] = odds.mean(0), odds.std(0)
    return middle, np.maximum(spread, _FLOOR)


def _drawn_like(model: VAE, documents: RowsDataset, most: int, seed: int) -> tuple[np.ndarray, RowsDataset]:
    """True shares (N, K), and documents drawn with them that are as long as the given ones."""
    truth = np.empty((len(documents), model.latent_dim), np.float32)
    counts = []
    for places, batch, q in inferred(model, documents, most):
        z = posterior_draws(model, refine(model, batch, q), batch, 1, seed)[0]
        truth[places] = model.decoder.theta(z).cpu()
        lengths = batch.values.sum(1).round().clamp_min(1).long().tolist()
        streams = (stream(seed, index, Use.VALUES) for index in batch.index.tolist())
        counts.append(scipy.sparse.csr_array(model.decoder(z, batch).draw(lengths, streams)))
    return truth, RowsDataset(scipy.sparse.vstack(counts, format="csr"), documents.context)
