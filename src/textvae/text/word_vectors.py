"""Vectors of words, from which documents they occur in together."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils.extmath import randomized_svd

# Most pairs of words counted, over all documents: 400 MiB. Beyond, evenly spaced documents stand for all.
_PAIRS = 50_000_000
WORD_DIMENSIONS = 100  # where nothing else is asked for


def together(counts: Any) -> scipy.sparse.csr_array:
    """(V, V) in how many documents of ``counts`` (N, V) each two words occur; on the diagonal, each word.

    Where that would be too many pairs, evenly spaced documents are counted instead of all.
    """
    sizes = np.diff(counts.indptr).astype(np.float64)
    step = int(np.ceil((sizes**2).sum() / _PAIRS)) or 1
    some: Any = counts[::step]
    once = scipy.sparse.csr_array((np.ones(some.nnz, np.float32), some.indices, some.indptr), some.shape)
    return scipy.sparse.csr_array(once.T @ once)


def ppmi(pairs: Any) -> Any:
    """(V, V) max(0, log p(v, w) / (p(v) p(w))) from the counts of ``together``, the diagonal left out.

    The shares are those of the pairs, and p(w) is smoothed by a power of 3/4, without which rare words would be
    each other's only company (Levy, Goldberg & Dagan 2015, section 3.1).
    """
    coo = pairs.tocoo()
    off = coo.row != coo.col
    row, column, number = coo.row[off], coo.col[off], coo.data[off].astype(np.float64)
    share = np.bincount(row, number, pairs.shape[0])
    smooth = share**0.75
    smooth /= max(smooth.sum(), 1e-12)
    value = np.log(number / (share[row] * smooth[column]))
    kept = value > 0
    return scipy.sparse.csr_array((value[kept].astype(np.float32), (row[kept], column[kept])), pairs.shape)


def word_vectors(counts: Any, dim: int, seed: int = 0) -> np.ndarray:
    """(V, dim) float32 vectors of the words, of length 1: U √Σ of the truncated SVD of their PPMI.

    Levy & Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization", section 5, with whole documents
    for contexts. A word that is never beside another has the vector 0. Beyond what the matrix has, the numbers are 0.
    """
    matrix: Any = ppmi(together(counts))
    rank = min(dim, matrix.shape[0])
    iterations: Any = 2
    u, s, _ = randomized_svd(matrix, rank, n_iter=iterations, random_state=seed)
    vectors = np.zeros((matrix.shape[0], dim), np.float32)
    vectors[:, :rank] = u * np.sqrt(s)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
