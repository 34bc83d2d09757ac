"""What a topic model starts from: clusters of the documents."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize
from torch import nn

from textvae.matrix import RowsDataset
from textvae.model import VAE
from textvae.text.batch import evenly
from textvae.text.word_vectors import WORD_DIMENSIONS, word_vectors

_DOCUMENTS = 50_000  # that clusters are looked for in, at most
_RANK = 100  # of latent semantic analysis
_COMPANY = 40  # different words at which a document's own count as much as the company they keep elsewhere
_STEPS = 15  # of expectation maximisation, which by then moves hardly a document
# A cluster's words are smoothed towards the corpus's by so many times the words that clusters have on average: with
# much less, rare words decide; with much more, clusters die out.
_SMOOTHING = 1.0
_SEEDED = 0.2  # of the words that clusters have on average, as many more are a topic's seed words
_SPREAD = 2.0  # the standard deviation of z over topics to start from


class Clusters(NamedTuple):
    """``lift`` (K, V) log p(v | cluster) / p(v), ``share`` (N, K) of each document's in each cluster."""

    lift: np.ndarray
    share: np.ndarray


Seeds = Mapping[int, Sequence[int]]  # topic -> columns of its seed words


def start_topics(model: VAE, rows: RowsDataset, seed: int = 0, seeds: Seeds | None = None) -> None:
    """Starts a topic model at what its training counts tell, before training.

    Every decoder starts at the words' frequencies, and at the words' vectors where it has any. One with
    ``start = "clusters"`` has a cluster's words for each topic's, and a linear encoder of counts tells the clusters'
    documents by them. There, the topics of ``seeds`` are the clusters that have most of their words, and more of these
    than the documents give them.
    """
    decoder = model.decoder
    decoder.set_corpus(rows)
    if decoder.options.start != "clusters":
        return
    vectors = word_vectors(rows.sparse(), WORD_DIMENSIONS, seed)
    found = clusters(rows.sparse(), vectors, model.latent_dim, seed, seeds or {})
    with torch.no_grad():
        decoder.set_topics(torch.from_numpy(found.lift), torch.from_numpy(vectors))
        loc: Any = getattr(model.posterior, "loc", None)
        if isinstance(loc, nn.Linear) and loc.weight.shape == found.lift.shape:
            counts = _damped(rows.sparse())
            weight = found.lift - found.lift.mean(0)
            z = np.asarray(counts[evenly(len(rows), _DOCUMENTS)] @ weight.T)
            loc.weight.copy_(torch.from_numpy(weight * (_SPREAD / max(float(z.std()), 1e-6))))
            loc.bias.zero_()


def clusters(
    counts: Any, vectors: np.ndarray, k: int, seed: int = 0, seeds: Seeds = MappingProxyType({})
) -> Clusters:
    """Clusters of documents, ``counts`` (N, V), by their words, which have ``vectors`` (V, E): a mixture of unigrams.

    k-means of ``_places``, then expectation maximisation of p(x) = 1/K Σ_k Π_v p(v|k)^log(1 + x_v) (Nigam et al. 2000;
    logarithms as a word that occurred is likely to again, which a multinomial doesn't know). Seed words are more likely
    beforehand in their own clusters.
    """
    some: Any = scipy.sparse.csr_array(counts)[evenly(counts.shape[0], _DOCUMENTS)]
    damped = _damped(some)
    with warnings.catch_warnings():
        # many documents that are the same make fewer clusters: the topics left over are like the whole
        warnings.simplefilter("ignore", ConvergenceWarning)
        label = KMeans(k, random_state=seed).fit_predict(_places(some, vectors, seed))
    share = np.eye(k, dtype=np.float32)[_numbered(label, damped, k, seeds)]
    frequency = np.asarray(damped.sum(0), np.float64) + 0.5
    frequency /= frequency.sum()
    prior = np.tile(_SMOOTHING * float(damped.sum()) / k * frequency, (k, 1))
    for topic, words in seeds.items():
        prior[topic, list(words)] += _SEEDED * float(damped.sum()) / k / len(words)
    lift = np.zeros((k, damped.shape[1]), np.float32)
    for _ in range(_STEPS):
        words = np.asarray(damped.T @ share).T + prior
        lift = np.log(words / words.sum(1, keepdims=True) / frequency).astype(np.float32)
        share = np.asarray(damped @ lift.T)
        share = np.exp(share - share.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
    return Clusters(lift, share)


def _numbered(label: np.ndarray, damped: Any, k: int, seeds: Seeds) -> np.ndarray:
    """The clusters (N,) of documents, renumbered: each topic of ``seeds`` is the cluster with most of its words."""
    if not seeds:
        return label
    words = np.asarray(damped.T @ np.eye(k, dtype=np.float32)[label]).T  # (K, V)
    share = np.stack([words[:, list(ids)].sum(1) for ids in seeds.values()])
    chosen = dict(zip(linear_sum_assignment(-share)[1].tolist(), seeds, strict=True))  # cluster -> topic
    rest = iter(sorted(set(range(k)) - set(chosen.values())))
    return np.array([chosen[c] if c in chosen else next(rest) for c in range(k)])[label]


def _places(counts: Any, vectors: np.ndarray, seed: int) -> np.ndarray:
    """(N, D) vectors of documents, of length 1: latent semantic analysis beside the mean of the words' vectors.

    The fewer words a document has, the less they tell by themselves, and the more by which words they are usually
    beside: the two have the shares n / (n + 40) and 40 / (n + 40) of a squared distance, for n different words.
    """
    tfidf: Any = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    rank = max(1, min(_RANK, min(counts.shape) - 1))
    own = normalize(TruncatedSVD(rank, n_iter=2, random_state=seed).fit_transform(tfidf))
    words = np.diff(counts.indptr)[:, None]
    share = words / (words + _COMPANY)
    return np.hstack([np.sqrt(share) * own, np.sqrt(1 - share) * normalize(tfidf @ vectors)])


def _damped(counts: Any) -> Any:
    damped: Any = scipy.sparse.csr_array(counts, dtype=np.float32, copy=True)
    damped.data = np.log1p(damped.data)
    return damped
