"""The texts that an explorer shows: where they lie, and which are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from textvae.errors import TextVAEError
from textvae.latent.neighbours import nearest
from textvae.latent.projection import Plane
from textvae.text.batch import evenly
from textvae.text.corpus import Corpus

TEXTS = 20_000  # at most: those that are searched
_ON_MAP = 5_000  # at most
_TOLD = 256  # characters of a text on the map


class Shown:
    """Texts with a place each.

    Args:
        texts: N strings.
        labels: name -> N strings.
        z: (N, Z) by which they lie where they do and are near to each other.

    Attributes:
        plane: the map; ``places`` (N, 2) are theirs on it.
    """

    def __init__(self, texts: Sequence[str], labels: Mapping[str, Sequence[str]], z: np.ndarray) -> None:
        self.texts, self.labels, self.z = texts, labels, z
        self.plane = Plane.fit(z)
        self.places = self.plane.project(z)
        self._folded = [text.casefold() for text in texts]

    def __len__(self) -> int:
        return len(self.texts)

    def search(self, query: str, k: int) -> list[dict[str, Any]]:
        """The first ``k`` texts that contain the query, whatever its case."""
        folded = query.casefold()
        found = (i for i, text in enumerate(self._folded) if folded in text)
        return [self.found(i) for i, _ in zip(found, range(k), strict=False)]

    def whole(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Texts by their numbers.

        Raises:
            TextVAEError: there is no such text.
        """
        if max(indices) >= len(self):
            raise TextVAEError(f"There is no text {max(indices)}: there are {len(self)}, counted from 0.")
        return [self.found(i) for i in indices]

    def near(
        self, queries: np.ndarray, k: int, metric: Literal["cosine", "euclidean"]
    ) -> list[list[dict[str, Any]]]:
        """The ``k`` texts nearest to each of the queries (Q, Z), nearest first, with their ``distance``."""
        found = nearest(self.z, queries, k=min(k, len(self)), metric=metric)
        return [
            [self.found(i) | {"distance": float(d)} for i, d in zip(row, distances, strict=True)]
            for row, distances in zip(found.indices, found.distances, strict=True)
        ]

    def found(self, i: int) -> dict[str, Any]:
        """A text by its number."""
        return {"index": int(i), "text": self.texts[i], "place": numbers(self.places[i])}

    def map(self) -> dict[str, Any]:
        """The places of the texts, of evenly spaced ones if there are many, with their labels."""
        on_map = evenly(len(self), _ON_MAP)
        return {
            "index": on_map,
            "place": numbers(self.places[on_map]),
            "text": [self.texts[i][:_TOLD] for i in on_map],
            "z": self.z[on_map].astype(np.float64).round(2).tolist(),
            "labels": {label: [values[i] for i in on_map] for label, values in self.labels.items()},
        }


def chosen(corpus: Corpus) -> tuple[list[str], dict[str, list[str]]]:
    """The texts and labels of a corpus, of at most ``TEXTS`` evenly spaced ones."""
    kept = corpus.select(evenly(len(corpus), TEXTS))
    return kept.texts, {label: [str(value) for value in values] for label, values in kept.labels.items()}


def numbers(values: np.ndarray) -> Any:
    """As JSON: five digits are as many as anyone sees."""
    return np.asarray(values, np.float64).round(5).tolist()
