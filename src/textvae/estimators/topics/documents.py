"""Documents to counts, whatever they come as: texts of any source, or a matrix that is there already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import clone

from textvae.errors import TextVAEError, first_line
from textvae.text.corpus import Corpus
from textvae.text.count import WordCounter
from textvae.text.read import clean_text, read_chunks
from textvae.text.vectorizers import vocabulary_of


@dataclass(frozen=True)
class Counted:
    """Documents as counts (N, V) of ``words`` (V,), and the vectoriser that counted them, if they were texts."""

    counts: Any
    words: list[str]
    vectorizer: Any | None


def is_matrix(documents: Any) -> bool:
    """Whether documents come as counts rather than as texts."""
    if scipy.sparse.issparse(documents):
        return True
    if hasattr(documents, "ndim") and documents.ndim == 2:
        return True
    return (
        isinstance(documents, (list, tuple)) and bool(documents) and isinstance(documents[0], (list, tuple))
    )


def texts_of(documents: Any) -> Iterator[str]:
    """The texts one by one, cleaned; empty ones stay, so that there is one for each document.

    Args:
        documents: strings, a ``Corpus``, several of these, or the ``Path`` of a file.
    """
    if isinstance(documents, str):
        raise TextVAEError("A list of texts is needed here, and this is one text: put it in a list.")
    if is_matrix(documents):
        raise TextVAEError("Texts are needed here, and this is a matrix of counts.")
    if isinstance(documents, PathLike):
        documents = read_chunks(documents, keep_empty=True)
    for item in documents.texts if isinstance(documents, Corpus) else documents:
        for text in item.texts if isinstance(item, Corpus) else [item]:
            yield clean_text(text) if isinstance(text, str) else text


def learn(documents: Any, vectorizer: Any | None, vocabulary: Sequence[str] | None) -> Counted:
    """The counts of documents to train on.

    Args:
        vectorizer: scikit-learn's or ours; by default a ``WordCounter``.
        vocabulary: the words to count in texts, or the names of a matrix's columns.

    Raises:
        TextVAEError: options that contradict each other, or documents that can't be counted.
    """
    words = None if vocabulary is None else [str(word) for word in vocabulary]
    if is_matrix(documents):
        counts = as_counts(documents)
        if words is None:
            words = [str(column) for column in range(counts.shape[1])]
        if len(words) != counts.shape[1]:
            raise TextVAEError(
                f"The matrix has {counts.shape[1]} columns, and the vocabulary names {len(words)}."
            )
        twice = len(words) - len(set(words))
        if twice:
            raise TextVAEError(f"The vocabulary has {twice} words more than once.")
        return Counted(counts, words, None)
    if vectorizer is not None and words is not None:
        raise TextVAEError(
            "A vectoriser has a vocabulary of its own: give vectorizer= or vocabulary=, not both."
        )
    if words is not None:
        longest = max((len(word.split()) for word in words), default=1)
        vectorizer = WordCounter(vocabulary=words, ngram_range=(1, max(longest, 1)))
    fitted: Any = WordCounter() if vectorizer is None else clone(vectorizer)
    counts = _counted(fitted.fit_transform, documents)
    words = vocabulary_of(fitted)
    return Counted(as_counts(counts), words, fitted)


def count(documents: Any, words: Sequence[str], vectorizer: Any | None) -> Any:
    """The counts (N, V) of documents by a fitted vectoriser, or of a matrix with the same columns.

    Raises:
        TextVAEError: a matrix of other columns, or texts where the model was trained on a matrix.
    """
    if is_matrix(documents):
        counts = as_counts(documents)
        if counts.shape[1] != len(words):
            raise TextVAEError(
                f"The model has a vocabulary of {len(words)} words, and the matrix {counts.shape[1]} columns."
            )
        return counts
    if vectorizer is None:
        raise TextVAEError("This model was trained on a matrix of counts: give documents as one too.")
    return as_counts(_counted(vectorizer.transform, documents))


def as_counts(matrix: Any) -> Any:
    """A matrix as a sparse one of counts, ``scipy.sparse.csr_array``.

    Raises:
        TextVAEError: there is something else in it than numbers from 0 on.
    """
    try:
        values = matrix if scipy.sparse.issparse(matrix) else np.asarray(matrix)
    except ValueError as error:
        raise TextVAEError(f"The matrix can't be used: {first_line(error)}") from error
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise TextVAEError(f"Counts are a matrix of numbers, not {values.dtype} of shape {values.shape}.")
    counts: Any = scipy.sparse.csr_array(values)
    if counts.nnz and not np.isfinite(counts.data).all():
        raise TextVAEError("There are counts that are missing or infinite.")
    if counts.nnz and counts.data.min() < 0:
        raise TextVAEError("There are negative numbers in the matrix, so it counts nothing.")
    counts.sum_duplicates()
    return counts


def _counted(count: Any, documents: Iterable[Any]) -> Any:
    try:
        return count(texts_of(documents))
    except (ValueError, AttributeError) as error:
        raise TextVAEError(f"The texts can't be counted: {first_line(error)}.") from error
