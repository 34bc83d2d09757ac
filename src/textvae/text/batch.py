"""Token ids to padded batches: which texts go together, and how they become one tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from textvae.errors import TextVAEError
from textvae.types import PAD, Batch

# Texts are sorted by length within random pools of about this many batches: enough that lengths in a batch are
# close, little enough that each epoch's batches differ.
BATCHES_PER_POOL = 100

# What is shuffled as one: some tens of megabytes of places and lengths. Larger data sets are shuffled in blocks of
# neighbours, so that what is read together lies together on disk.
SHUFFLED_TEXTS = 2**20
BLOCK = 2**12


class Dataset:
    """Tokenised texts: ``ids[i]`` is ``<s> w1 … wn </s>`` of text ``i``.

    ``lengths`` (N,) are the counted tokens of each text: words and ``</s>``, not ``<s>``. ``numbers`` (N,) are what
    their noise is keyed by: their places here, or in the larger set that they are a part of. ``labels`` (N,), if there
    are any, go along in each batch.
    """

    def __init__(
        self,
        ids: Sequence[np.ndarray],
        numbers: Sequence[int] | np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        if not len(ids):
            raise TextVAEError("a data set needs at least one text")
        sizes = np.array([len(text) for text in ids], dtype=np.int64)
        if sizes.min() < 2:
            raise TextVAEError(f"text {int(sizes.argmin())} lacks its start or its end of sentence")
        # One flat array: padding a batch is then a single gather.
        self._flat: np.ndarray = np.concatenate(ids).astype(np.int32)
        self._starts: np.ndarray = np.cumsum(sizes) - sizes
        self.lengths: np.ndarray = sizes - 1
        self._numbers = None if numbers is None else np.asarray(numbers, np.int64)
        self.labels = labels
        self._after_batch: Callable[[], object] = _nothing

    @classmethod
    def mapped(
        cls,
        flat: np.ndarray,
        starts: np.ndarray,
        lengths: np.ndarray,
        after_batch: Callable[[], object],
        labels: np.ndarray | None = None,
    ) -> Dataset:
        """Of files mapped into memory: all ids one after the other, and of each text where it begins and its length."""
        self = cls.__new__(cls)
        self._flat, self._starts, self.lengths, self._numbers = flat, starts, lengths, None
        self.labels = labels
        self._after_batch = after_batch
        return self

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> np.ndarray:
        """The ids of one text, ``<s>`` and ``</s>`` included."""
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        start = self._starts[index]
        return self._flat[start : start + self.lengths[index] + 1]

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The texts at ``indices`` (B,) as one ``Batch``, padded to the longest of them."""
        index = np.asarray(indices, dtype=np.int64)
        if not len(index):
            raise TextVAEError("a batch of no texts was asked for")
        sizes = self.lengths[index] + 1
        column = np.arange(sizes.max())
        inside = column < sizes[:, None]  # (B, T+1)
        position = np.where(inside, self._starts[index][:, None] + column, 0)
        tokens = np.where(inside, self._flat[position], PAD).astype(np.int64)
        self._after_batch()
        numbers = index.copy() if self._numbers is None else self._numbers[index]
        labels = None if self.labels is None else torch.from_numpy(self.labels[index].astype(np.int64))
        return Batch(torch.from_numpy(tokens), torch.from_numpy(numbers), labels)

    def subset(self, indices: Sequence[int] | np.ndarray) -> Dataset:
        """The texts at ``indices`` as a data set of their own."""
        labels = None if self.labels is None else self.labels[np.asarray(indices, np.int64)]
        return Dataset([self[int(i)] for i in indices], labels=labels)

    def repeated(self, times: np.ndarray) -> Dataset:
        """Each text as often as ``times`` (N,) says, without another copy of its ids."""
        places = np.repeat(np.arange(len(self)), times)
        labels = None if self.labels is None else self.labels[places]
        return Dataset.mapped(
            self._flat, self._starts[places], self.lengths[places], self._after_batch, labels
        )


def _nothing() -> None: ...


def token_batches(lengths: Sequence[int] | np.ndarray, max_tokens: int) -> list[np.ndarray]:
    """Group texts of similar length into batches of B texts with B·T <= ``max_tokens``, T the longest length.

    Every index occurs exactly once, and the order runs from short to long.

    Raises ``TextVAEError`` if one text alone is longer than ``max_tokens``.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    if not len(sizes):
        return []
    _check_longest(sizes, max_tokens)
    return _cut(np.argsort(sizes, kind="stable"), sizes, max_tokens)


def epoch_batches(
    lengths: Sequence[int] | np.ndarray, max_tokens: int, *, seed: int, epoch: int
) -> Iterator[np.ndarray]:
    """Batches as ``token_batches`` makes them, in an order that is random and a pure function of (seed, epoch).

    Memory does not grow with N: beyond 2^20 texts, blocks of neighbours are shuffled, and the texts of as many
    blocks as hold 2^20 of them.

    Raises ``TextVAEError`` if one text alone is longer than ``max_tokens``.
    """
    lengths = np.asarray(lengths)
    _check_longest(lengths, max_tokens)
    rng = np.random.default_rng([seed, epoch])
    for texts in _neighbourhoods(len(lengths), rng):
        sizes = lengths[texts].astype(np.int64)
        order = rng.permutation(len(texts))
        pool = max(1, int(BATCHES_PER_POOL * max_tokens / max(1.0, float(sizes.mean()))))
        batches: list[np.ndarray] = []
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            batches += _cut(part[np.argsort(sizes[part], kind="stable")], sizes, max_tokens)
        for i in rng.permutation(len(batches)):
            yield texts[batches[i]]


def _neighbourhoods(count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The places 0 … count - 1, as many at a time as are shuffled as one: random blocks of neighbours."""
    if count <= SHUFFLED_TEXTS:
        yield np.arange(count)
        return
    blocks = rng.permutation(-(-count // BLOCK))
    for chosen in np.array_split(blocks, -(-count // SHUFFLED_TEXTS)):
        places = (np.sort(chosen)[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        yield places[places < count]


def _check_longest(lengths: np.ndarray, max_tokens: int) -> None:
    if lengths.max() > max_tokens:
        raise TextVAEError(
            f"the longest text has {lengths.max()} tokens, more than the {max_tokens} a batch may hold: "
            "raise the batch's tokens or lower the longest length allowed"
        )


def _cut(order: np.ndarray, sizes: np.ndarray, max_tokens: int) -> list[np.ndarray]:
    """Cut texts sorted by length into consecutive batches, each as large as the budget allows."""
    batches = []
    ordered = np.maximum(sizes[order], 1)
    start = 0
    while start < len(order):
        window = ordered[start : start + max_tokens // ordered[start]]
        cost = window * np.arange(1, len(window) + 1)  # rising, as the lengths are sorted
        stop = start + int(np.searchsorted(cost, max_tokens, side="right"))
        batches.append(order[start:stop])
        start = stop
    return batches


def drop_long(ids: Sequence[np.ndarray], max_length: int) -> tuple[np.ndarray, int]:
    """Indices (M,) of the texts with at most ``max_length`` counted tokens, and how many are longer."""
    kept = np.flatnonzero([len(text) - 1 <= max_length for text in ids])
    return kept, len(ids) - len(kept)


def evenly(length: int, most: int) -> list[int]:
    """At most so many of the places 0 … length - 1, evenly spaced."""
    size = min(length, most)
    return [i * length // size for i in range(size)]
