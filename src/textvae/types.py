"""The values that travel between the rooms: batches of tokenised texts, and of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

# Every tokeniser puts these four first, in this order, so no part has to ask for them.
PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>")

UNLABELLED = -1  # in the place of a label that is not known


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts as padded token ids.

    ``tokens`` is (B, T+1): ``<s> w1 … wn </s> <pad> …``. A decoder reads ``inputs`` (B, T) and is
    scored on ``targets`` (B, T), the same shifted by one; an encoder also reads ``targets``.
    ``index`` (B,) is each text's number, which its noise is keyed by. ``labels`` (B,), where a model learns from them,
    are the numbers of the texts' labels, or ``UNLABELLED``.
    """

    tokens: Tensor
    index: Tensor
    labels: Tensor | None = None

    @property
    def inputs(self) -> Tensor:
        """(B, T) ids, each text starting with ``<s>``."""
        return self.tokens[:, :-1]

    @property
    def targets(self) -> Tensor:
        """(B, T) ids, each text ending with ``</s>``, then pads."""
        return self.tokens[:, 1:]

    @property
    def mask(self) -> Tensor:
        """(B, T) bool, true at the counted tokens: words and end of sentence, never ``<s>`` or pads."""
        return self.targets != PAD

    @property
    def lengths(self) -> Tensor:
        """(B,) counted tokens of each text."""
        return self.mask.sum(1)

    def __len__(self) -> int:
        return len(self.tokens)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same batch on another device."""
        labels = None if self.labels is None else self.labels.to(device, non_blocking=non_blocking)
        return Batch(
            self.tokens.to(device, non_blocking=non_blocking),
            self.index.to(device, non_blocking=non_blocking),
            labels,
        )

    def at(self, rows: Tensor | slice) -> Batch:
        """The texts at ``rows``, with their pads."""
        labels = None if self.labels is None else self.labels[rows]
        return Batch(self.tokens[rows], self.index[rows], labels)

    def only(self, row: int) -> Batch:
        """Text ``row`` alone, with its pads."""
        return self.at(slice(row, row + 1))


@dataclass(frozen=True, slots=True)
class Rows:
    """Vectors: rows of a matrix, such as counts of words or anyone's embeddings of texts.

    ``values`` is (B, D) float32; ``index`` (B,) is each row's place in its data set. ``context`` (B, C) float32, where
    there is any, is what is known of the rows beside them: vectors that an encoder reads, covariates, labels.
    """

    values: Tensor
    index: Tensor
    context: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """(B,) ones: a row counts as one token."""
        return self.index.new_ones(len(self))

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Rows:
        """The same rows on another device."""
        context = None if self.context is None else self.context.to(device, non_blocking=non_blocking)
        return Rows(
            self.values.to(device, non_blocking=non_blocking),
            self.index.to(device, non_blocking=non_blocking),
            context,
        )

    def only(self, row: int) -> Rows:
        """Row ``row`` alone."""
        context = None if self.context is None else self.context[row : row + 1]
        return Rows(self.values[row : row + 1], self.index[row : row + 1], context)


AnyBatch = Batch | Rows


class Likelihood(Protocol):
    """p(x|z), batch shape (*, B): what a decoder returns."""

    def log_prob(self, value: Any) -> Tensor:
        """(*, B) nats, for the batch that the decoder's data set gives."""
        ...


class Data(Protocol):
    """What training and the figures need of a data set, whether its items are texts or rows."""

    lengths: np.ndarray
    """(N,) int64: what each item takes up of a batch."""

    def __len__(self) -> int: ...

    def batch(self, indices: Any) -> Any:
        """The items at ``indices`` (B,) as a ``Batch`` or as ``Rows``."""
        ...

    def subset(self, indices: Any) -> Self:
        """The items at ``indices`` as a data set of their own."""
        ...
