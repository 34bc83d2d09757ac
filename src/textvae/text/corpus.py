"""Texts with their labels: what reading gives and what everything else starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from textvae.errors import TextVAEError
from textvae.language import translate


@dataclass(frozen=True)
class Corpus:
    """Texts in their order, each with a value of every label.

    ``labels[name]`` is an (N,) array beside the N ``texts``; ``dropped`` counts what the source held and the
    corpus does not, by reason (``{"empty": 3}``).

    Raises ``TextVAEError`` if a label has another length than the texts.
    """

    texts: list[str]
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    name: str = "texts"
    dropped: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, values in self.labels.items():
            if len(values) != len(self.texts):
                raise TextVAEError(f"label {name!r} has {len(values)} values for {len(self.texts)} texts")

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, indices: Sequence[int] | np.ndarray) -> Corpus:
        """The texts at ``indices`` (positions, or an (N,) bool mask), in that order, with their labels."""
        chosen = np.asarray(indices)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        chosen = chosen.astype(np.int64)
        return Corpus(
            texts=[self.texts[i] for i in chosen],
            labels={name: values[chosen] for name, values in self.labels.items()},
            name=self.name,
            dropped=self.dropped,
        )


def in_short(name: str, n_texts: int, dropped: Mapping[str, int]) -> str:
    """A source in a line: how many texts are kept, and how many left out for which reasons."""
    if not dropped:
        return f"{name}: {n_texts:,} texts"
    reasons = ", ".join(f"{count:,} {translate(reason)}" for reason, count in dropped.items())
    return f"{name}: {n_texts:,} texts (left out: {reasons})"
