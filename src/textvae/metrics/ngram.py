"""A trigram language model: the judge of generated texts that no neural model has a part in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textvae.errors import TextVAEError
from textvae.types import BOS

_LARGEST_VOCABULARY = 2_000_000  # three ids in one int64


class _Order(NamedTuple):
    """The n-grams of one length, as sorted keys, with their counts, and the same for their contexts."""

    grams: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray  # of the counts after each context
    kinds: np.ndarray  # different words after each context
    discount: float


class Trigrams:
    """p(w | u, v) by interpolated Kneser–Ney smoothing (Chen & Goodman 1999, section 3), over token ids.

    One discount an order, n₁ / (n₁ + 2 n₂); unigrams are smoothed with the uniform distribution, so that
    every text has a probability.

    Args:
        texts: ids ``<s> w1 … wn </s>`` of each.
        vocab_size: V.
    """

    def __init__(self, texts: Sequence[np.ndarray], vocab_size: int):
        if vocab_size > _LARGEST_VOCABULARY:
            raise TextVAEError(
                f"A trigram model takes at most {_LARGEST_VOCABULARY:,} words, got {vocab_size:,}."
            )
        self.vocab_size = vocab_size
        grams, counts = np.unique(self._keys(texts)[0], return_counts=True)
        self._orders: list[_Order] = []
        for width in (3, 2, 1):
            self._orders.append(_order(grams, counts, vocab_size))
            # Kneser–Ney: a shorter n-gram counts once for each different word seen before it
            grams, counts = np.unique(grams % vocab_size ** (width - 1), return_counts=True)

    def log_prob(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """log p(text) in nats, (N,): of the words and ``</s>``."""
        keys, owner = self._keys(texts)
        p = np.full(len(keys), 1 / self.vocab_size)
        for width, order in zip((1, 2, 3), reversed(self._orders), strict=True):
            gram = keys % self.vocab_size**width
            count = _look_up(order.grams, order.counts, gram)
            total = _look_up(order.contexts, order.totals, gram // self.vocab_size)
            kinds = _look_up(order.contexts, order.kinds, gram // self.vocab_size)
            known = np.maximum(total, 1)
            own = np.maximum(count - order.discount, 0) / known
            p = np.where(total > 0, own + order.discount * kinds / known * p, p)
        return np.bincount(owner, np.log(p), minlength=len(texts))

    def _keys(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Of every counted token the trigram that it ends, as one number, and the text it belongs to."""
        if not len(texts):
            raise TextVAEError("A trigram model needs at least one text.")
        lengths = np.array([len(text) + 1 for text in texts])
        flat = np.concatenate([np.concatenate(([BOS], text)) for text in texts]).astype(np.int64)
        owner = np.repeat(np.arange(len(texts)), lengths)
        v = self.vocab_size
        keys = (flat[:-2] * v + flat[1:-1]) * v + flat[2:]
        inside = owner[:-2] == owner[2:]
        return keys[inside], owner[2:][inside]


def _order(grams: np.ndarray, counts: np.ndarray, vocab_size: int) -> _Order:
    once, twice = np.sum(counts == 1), np.sum(counts == 2)
    # without n-grams seen once there is nothing to estimate a discount from; any small one will do
    discount = once / (once + 2 * twice) if once and twice else 0.5
    contexts, first, kinds = np.unique(grams // vocab_size, return_index=True, return_counts=True)
    return _Order(grams, counts, contexts, np.add.reduceat(counts, first), kinds, float(discount))


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The value of each wanted key, 0 where there is none."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
