"""Evenly spaced items of a stream whose end nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Thinned(Generic[T]):
    """Keeps every item while there are at most ``most``, then every second, every fourth and so on.

    So up to ``most`` items all are kept, and beyond that more than half of ``most``. ``items`` are those kept, in
    their order, of which each stands for ``every``.
    """

    def __init__(self, most: int) -> None:
        self.items: list[T] = []
        self.every = 1
        self._most, self._seen = most, 0

    def extend(self, items: Iterable[T]) -> None:
        """Takes the next items of the stream."""
        for item in items:
            if self._seen % self.every == 0:
                self.items.append(item)
                if len(self.items) > self._most:
                    self.items = self.items[::2]
                    self.every *= 2
            self._seen += 1
