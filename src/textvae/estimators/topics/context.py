"""What some topic models know of a document beside its words: vectors, covariates, a label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import scipy.sparse
import torch
from sklearn.utils.extmath import randomized_svd

from textvae.config import Config, merge, read_config
from textvae.errors import TextVAEError
from textvae.store import CONTEXT, read_tensors, write_tensors


@dataclass(frozen=True)
class Context:
    """How the context (N, C) of documents is made, in training and after it.

    Attributes:
        classes: (b,) the labels of training, for a model that learns by them; a document's label may be unknown.
        idf: (V,) and ``axes`` (V, C): documents' vectors by latent semantic analysis, where no others were given.
        columns: C.
        given: what the user gives with documents: 'vectors', 'covariates' or ''.
    """

    classes: list[Any]
    idf: np.ndarray | None
    axes: np.ndarray | None
    columns: int
    given: str

    def of(self, counts: Any, labels: Any, vectors: Any, covariates: Any) -> np.ndarray | None:
        """(N, C) float32 beside counts (N, V); None for a model that reads counts alone.

        Raises:
            TextVAEError: what the model needs is missing, or something is given that it can't use.
        """
        numbers = {"vectors": vectors, "covariates": covariates}
        for name, value in numbers.items():
            if (value is not None) != (name == self.given):
                raise TextVAEError(
                    f"This model reads {self.given} beside the documents: give {self.given}=."
                    if name == self.given
                    else f"This model reads no {name} beside the documents."
                )
        parts = []
        if self.given:
            width = self.columns - len(self.classes)
            parts.append(_matrix(numbers[self.given], self.given, counts.shape[0], width))
        if self.axes is not None and self.idf is not None:
            parts.append(_lsa(counts, self.idf, self.axes))
        if self.classes:
            parts.append(self._one_hot(labels, counts.shape[0]))
        return np.concatenate(parts, 1) if parts else None

    def _one_hot(self, labels: Any, count: int) -> np.ndarray:
        """(N, b); a label that training had not, or none, is a row of zeros."""
        rows = np.zeros((count, len(self.classes)), np.float32)
        if labels is not None:
            if len(labels) != count:
                raise TextVAEError(f"There are {count} documents, and {len(labels)} labels.")
            place = {label: column for column, label in enumerate(self.classes)}
            for row, label in enumerate(np.asarray(labels).tolist()):
                if label in place:
                    rows[row, place[label]] = 1
        return rows

    def write(self, folder: Path) -> dict[str, Any]:
        """Vectors' axes as tensors into a model's folder, and the rest as JSON."""
        if self.idf is not None and self.axes is not None:
            axes = {"idf": torch.from_numpy(self.idf), "axes": torch.from_numpy(self.axes)}
            write_tensors(folder / CONTEXT, axes)
        return {
            "classes": self.classes,
            "columns": self.columns,
            "given": self.given,
            "lsa": self.axes is not None,
        }

    @classmethod
    def read(cls, folder: Path, state: Mapping[str, Any]) -> Self:
        """What ``write`` wrote."""
        idf = axes = None
        if state["lsa"]:
            tensors = read_tensors(folder / CONTEXT)
            idf, axes = tensors["idf"].numpy(), tensors["axes"].numpy()
        return cls(state["classes"], idf, axes, state["columns"], state["given"])


NONE = Context([], None, None, 0, "")


def plan(config: Config, counts: Any, labels: Any, vectors: Any, covariates: Any) -> tuple[Config, Context]:
    """The context that a configuration's model reads, made for these documents; and the configuration with its sizes.

    Raises:
        TextVAEError: the model learns from covariates or labels, and there are none.
    """
    if config.encoder.name != "contextual":
        return config, NONE
    if config.decoder.name == "covariate_topic":
        width = 0 if covariates is None else np.shape(covariates)[-1]
        classes = [] if labels is None else np.unique(np.asarray(labels)).tolist()
        if not width + len(classes):
            raise TextVAEError("This model learns from covariates or labels: give covariates= or labels (y).")
        context = Context(
            classes, None, None, width + len(classes), "" if covariates is None else "covariates"
        )
        sizes = {
            "encoder": {"context": context.columns},
            "decoder": {"covariates": width, "classes": len(classes)},
        }
    elif vectors is None:
        dim = min(config.encoder.options.context, *(size - 1 for size in counts.shape))
        idf, axes = _lsa_axes(counts, max(dim, 1), config.train.seed)
        context = Context([], idf, axes, axes.shape[1], "")
        sizes = {"encoder": {"context": context.columns}}
    else:
        context = Context([], None, None, np.shape(vectors)[-1], "vectors")
        sizes = {"encoder": {"context": context.columns}}
    return read_config(merge(config.model_dump(mode="json"), sizes)), context


def _lsa_axes(counts: Any, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Latent semantic analysis (Deerwester et al. 1990) of log counts weighted by log inverse document frequency."""
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1 + counts.shape[0]) / (1 + having)).astype(np.float32) + 1
    _, _, axes = randomized_svd(_weighted(counts, idf), dim, n_iter=cast(Any, 4), random_state=seed)
    return idf, np.ascontiguousarray(axes.T, np.float32)


def _lsa(counts: Any, idf: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """(N, C): vectors of length √C, so that their numbers have the scale of a standard normal's."""
    vectors = _weighted(counts, idf) @ axes
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norms, 1e-12) * np.float32(np.sqrt(axes.shape[1]))


def _weighted(counts: Any, idf: np.ndarray) -> scipy.sparse.csr_array:
    weights = np.log1p(counts.data).astype(np.float32) * idf[counts.indices]
    return scipy.sparse.csr_array((weights, counts.indices, counts.indptr), counts.shape)


def _matrix(values: Any, name: str, count: int, width: int) -> np.ndarray:
    matrix = np.asarray(values, np.float32)
    if matrix.ndim != 2 or matrix.shape != (count, width) or not np.isfinite(matrix).all():
        raise TextVAEError(
            f"{name}= takes a matrix of finite numbers, {count} rows of {width}, not one of shape {matrix.shape}."
        )
    return matrix
