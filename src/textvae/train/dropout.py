"""Dropout that rises with the passes over the texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from textvae.layers import LockedDropout, WeightDropout


class RisingDropout:
    """Brings a module's dropouts from 0 to their full rates over the first ``epochs`` passes; 0: they stay as they are.

    A text seen for the first time can't have been learnt by heart, and dropout then only slows learning: so a short
    training, or one on many texts, goes with little of it, and a long one ends with all (Morerio et al. 2017,
    'Curriculum dropout', has the rise; Liu et al. 2023, 'Dropout reduces underfitting', the late start).
    Word dropout is no part of it: it makes a decoder need z from the beginning.
    """

    def __init__(self, module: nn.Module, epochs: float):
        kinds = nn.Dropout, LockedDropout, WeightDropout
        self._full = {m: m.p for m in module.modules() if isinstance(m, kinds)} if epochs else {}
        self._epochs = epochs

    def set(self, epoch: float) -> None:
        """The rates after so many passes."""
        for module, rate in self._full.items():
            module.p = rate * min(epoch / self._epochs, 1.0)

    @contextmanager
    def rising(self) -> Iterator[None]:
        """Leaves the full rates behind, however training ends."""
        try:
            yield
        finally:
            for module, rate in self._full.items():
                module.p = rate
