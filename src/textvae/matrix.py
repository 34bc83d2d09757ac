"""The rows of a matrix as a data set: any vectors, or counts of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import torch
from sklearn.utils.sparsefuncs import mean_variance_axis
from torch import Tensor

from textvae.errors import TextVAEError
from textvae.types import Rows

_LARGEST = float(np.finfo(np.float32).max)


class RowsDataset:
    """The rows of a matrix (N, D), dense or sparse; a sparse one is made dense batch by batch only.

    ``lengths`` (N,) int64 are ones: rows all take up the same of a batch, so its 'tokens' are rows. ``context`` (N, C)
    is what is known of the rows beside them, which goes along in each batch.

    Raises:
        TextVAEError: no matrix, an empty one, one with something else than finite numbers in it, or a context of
            another number of rows.
    """

    def __init__(self, matrix: Any, context: np.ndarray | None = None):
        sparse = scipy.sparse.issparse(matrix)
        self._matrix: Any = scipy.sparse.csr_array(matrix) if sparse else np.asarray(matrix)
        numbers = self._matrix.data if sparse else self._matrix
        if self._matrix.ndim != 2 or 0 in self._matrix.shape:
            raise TextVAEError(
                f"A matrix of at least one row and one column is needed, not one of shape {self._matrix.shape}."
            )
        if numbers.dtype.kind not in "buif":
            raise TextVAEError(f"The matrix holds {numbers.dtype}, not numbers.")
        if numbers.size and not max(float(numbers.max()), -float(numbers.min())) <= _LARGEST:
            raise TextVAEError("The matrix has numbers in it that are missing, infinite or beyond float32.")
        if context is not None and len(context) != len(self):
            raise TextVAEError(f"There are {len(self)} rows, and a context of {len(context)}.")
        self.context = context
        self.lengths: np.ndarray = np.ones(len(self), np.int64)

    def __len__(self) -> int:
        return self._matrix.shape[0]

    @property
    def columns(self) -> int:
        """D."""
        return self._matrix.shape[1]

    def batch(self, indices: Sequence[int] | np.ndarray) -> Rows:
        """The rows at ``indices`` (B,)."""
        index = np.array(indices, np.int64)
        values = self._matrix[index]
        dense = values.toarray() if scipy.sparse.issparse(values) else values
        context = None if self.context is None else torch.from_numpy(self.context[index].astype(np.float32))
        return Rows(torch.from_numpy(dense.astype(np.float32)), torch.from_numpy(index), context)

    def subset(self, indices: Sequence[int] | np.ndarray) -> RowsDataset:
        """The rows at ``indices`` as a data set of their own."""
        index = np.asarray(indices, np.int64)
        return RowsDataset(self._matrix[index], None if self.context is None else self.context[index])

    def sparse(self) -> scipy.sparse.csr_array:
        """The rows as a sparse matrix (N, D)."""
        return scipy.sparse.csr_array(self._matrix)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each column, (D,) float32 both."""
        if scipy.sparse.issparse(self._matrix):
            moments: Any = mean_variance_axis(self._matrix.astype(np.float64), 0)
            mean, variance = moments
        else:
            mean, variance = self._matrix.mean(0, np.float64), self._matrix.var(0, np.float64)
        return torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(variance.astype(np.float32))
