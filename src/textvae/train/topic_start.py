"""What a topic model starts from: clusters of the documents."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize
from torch import nn

from textvae.matrix import RowsDataset
from textvae.model import VAE
from textvae.text.batch import evenly

_DOCUMENTS = 50_000  # that clusters are looked for in, at most
_DIMENSIONS = 100  # of latent semantic analysis
_STEPS = 15  # of expectation maximisation, which by then moves hardly a document
# A cluster's words are smoothed towards the corpus's by so many times the words that clusters have on average: with
# much less, rare words tell the clusters of short texts apart; with much more, clusters die out.
_SMOOTHING = 0.7
_SPREAD = 2.0  # the standard deviation of z over topics to start from


class Clusters(NamedTuple):
    """``lift`` (K, V) log p(v | cluster) / p(v), ``share`` (N, K) of each document's in each cluster."""

    lift: np.ndarray
    share: np.ndarray


def start_topics(model: VAE, rows: RowsDataset, seed: int = 0) -> None:
    """Starts a topic model at what its training counts tell, before training.

    Every decoder starts at the words' frequencies, and at the words' vectors where it has any. One with
    ``start = "clusters"`` has a cluster's words for each topic's, and a linear encoder of counts tells the clusters'
    documents by them.
    """
    decoder = model.decoder
    decoder.set_corpus(rows)
    if decoder.options.start != "clusters":
        return
    found = clusters(rows.sparse(), model.latent_dim, seed)
    with torch.no_grad():
        decoder.set_topics(torch.from_numpy(found.lift))
        loc: Any = getattr(model.posterior, "loc", None)
        if isinstance(loc, nn.Linear) and loc.weight.shape == found.lift.shape:
            counts = _damped(rows.sparse())
            weight = found.lift - found.lift.mean(0)
            z = np.asarray(counts[evenly(len(rows), _DOCUMENTS)] @ weight.T)
            loc.weight.copy_(torch.from_numpy(weight * (_SPREAD / max(float(z.std()), 1e-6))))
            loc.bias.zero_()


def clusters(counts: Any, k: int, seed: int = 0) -> Clusters:
    """Clusters of the documents of ``counts`` (N, V) by their words: a mixture of unigrams.

    k-means of LSA vectors, then expectation maximisation of p(x) = 1/K Σ_k Π_v p(v|k)^log(1 + x_v) (Nigam et al. 2000;
    logarithms as a word that occurred is likely to again, which a multinomial doesn't know).
    """
    some: Any = scipy.sparse.csr_array(counts)[evenly(counts.shape[0], _DOCUMENTS)]
    damped = _damped(some)
    tfidf = TfidfTransformer(sublinear_tf=True).fit_transform(some)
    rank = max(1, min(_DIMENSIONS, min(some.shape) - 1))
    vectors = normalize(TruncatedSVD(rank, n_iter=2, random_state=seed).fit_transform(tfidf))
    label = KMeans(k, random_state=seed).fit(vectors).labels_
    share = np.eye(k, dtype=np.float32)[label]
    frequency = np.asarray(damped.sum(0), np.float64) + 0.5
    frequency /= frequency.sum()
    prior = _SMOOTHING * float(damped.sum()) / k * frequency
    lift = np.zeros((k, damped.shape[1]), np.float32)
    for _ in range(_STEPS):
        words = np.asarray(damped.T @ share).T + prior
        lift = np.log(words / words.sum(1, keepdims=True) / frequency).astype(np.float32)
        share = np.asarray(damped @ lift.T)
        share = np.exp(share - share.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
    return Clusters(lift, share)


def _damped(counts: Any) -> Any:
    damped: Any = scipy.sparse.csr_array(counts, dtype=np.float32, copy=True)
    damped.data = np.log1p(damped.data)
    return damped
