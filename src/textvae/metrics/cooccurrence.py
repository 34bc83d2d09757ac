"""How often words occur, alone and together, in documents or in sliding windows: what coherence is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from textvae.errors import TextVAEError

_TOKENS_AT_ONCE = 2**18


@dataclass(frozen=True)
class Cooccurrence:
    """Counts of windows, in a reference corpus.

    Attributes:
        words: (U,) the ids of the words that were looked for, in order.
        together: (U, U) int64: in how many windows both words are; on the diagonal, in how many the word is.
        windows: how many there are in all.
    """

    words: np.ndarray
    together: np.ndarray
    windows: int

    def of(self, topics: Any) -> np.ndarray:
        """The share of windows in which each two words of each topic are: topics (K, n) of ids -> (K, n, n).

        Raises:
            TextVAEError: a word that was not looked for.
        """
        ids = np.asarray(topics)
        places = np.searchsorted(self.words, ids).clip(max=len(self.words) - 1)
        if not np.array_equal(self.words[places], ids):
            raise TextVAEError("A topic has a word in it that the reference corpus was not searched for.")
        return self.together[places[:, :, None], places[:, None, :]] / self.windows


def in_documents(counts: Any, words: Any) -> Cooccurrence:
    """Whole documents as windows.

    Args:
        counts: (N, V) sparse: the words of each document, however often.
        words: ids, in any order and more than once if need be.
    """
    ids = np.unique(np.asarray(words))
    there = scipy.sparse.csr_array(scipy.sparse.csc_array(counts)[:, ids] > 0, dtype=np.int64)
    return Cooccurrence(ids, _products(there, len(ids)), counts.shape[0])


def in_windows(texts: Iterable[np.ndarray], words: Any, size: int) -> Cooccurrence:
    """All runs of ``size`` tokens as windows, and a shorter text as one (Röder, Both & Hinneburg 2015, section 3).

    A text of n tokens has n − size + 1 windows. A word that is twice in a window counts once.

    Args:
        texts: the ids (n,) of each text's tokens; any id that no word has, such as −1, for other tokens.
        words: ids, in any order and more than once if need be.
        size: tokens in a window, 1 or more.
    """
    ids = np.unique(np.asarray(words))
    together, windows = np.zeros((len(ids), len(ids)), np.int64), 0
    for block in _blocks(texts):
        there = _windows_with(block, ids, size)
        together += _products(there, len(ids))
        windows += there.shape[0]
    if not windows:
        raise TextVAEError("The reference corpus holds no text.")
    return Cooccurrence(ids, together, windows)


def _blocks(texts: Iterable[np.ndarray]) -> Iterator[Sequence[np.ndarray]]:
    """Texts of some 2^18 tokens at a time, and no text without any."""
    block: list[np.ndarray] = []
    tokens = 0
    for text in texts:
        if len(text):
            block.append(np.asarray(text))
            tokens += len(text)
        if tokens >= _TOKENS_AT_ONCE:
            yield block
            block, tokens = [], 0
    if block:
        yield block


def _windows_with(texts: Sequence[np.ndarray], ids: np.ndarray, size: int) -> Any:
    """(windows, U): 1 where the word is in the window."""
    lengths = np.array([len(text) for text in texts])
    many = np.maximum(lengths - size + 1, 1)  # windows of each text
    first = np.cumsum(many) - many
    tokens = np.concatenate(texts)
    column = np.searchsorted(ids, tokens).clip(max=len(ids) - 1)
    wanted = np.flatnonzero(ids[column] == tokens)
    text = np.repeat(np.arange(len(texts)), lengths)[wanted]
    position = wanted - (np.cumsum(lengths) - lengths)[text]
    begin = np.maximum(position - size + 1, 0)
    over = np.minimum(position, many[text] - 1) - begin + 1  # windows that the token is in
    rows = np.repeat(first[text] + begin - (np.cumsum(over) - over), over) + np.arange(over.sum())
    cells = (np.ones(len(rows), np.int64), (rows, np.repeat(column[wanted], over)))
    there: Any = scipy.sparse.csr_array(cells, shape=(int(many.sum()), len(ids)))
    there.sum_duplicates()
    there.data[:] = 1
    return there


def _products(there: scipy.sparse.csr_array, words: int) -> np.ndarray:
    return np.asarray((there.T @ there).toarray(), np.int64).reshape(words, words)
