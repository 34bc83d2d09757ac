"""The order in which training takes its texts: the same with any number of processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from textvae.config import TrainConfig
from textvae.text.batch import epoch_batches
from textvae.train.checkpoint import Position


class Order:
    """The batches of training without end: of each the indices (B,) of its texts, over all processes.

    They are a pure function of the seed and of where training stands, which moves on with them.
    """

    def __init__(self, lengths: np.ndarray, config: TrainConfig, at: Position):
        self._lengths, self._config, self._at = lengths, config, at
        self._texts_in_a_batch = min(config.batch_tokens / float(lengths.mean()), len(lengths))

    @property
    def epoch(self) -> float:
        """How many times the texts have been gone through."""
        return self._at.epoch + self._at.texts / len(self._lengths)

    def weight(self, indices: np.ndarray) -> float:
        """Of a batch, so that every text weighs the same, however many share its batch; 1 on average."""
        return len(indices) / self._texts_in_a_batch

    def __iter__(self) -> Iterator[np.ndarray]:
        """From where training stands; it stands after a batch once the next one is asked for."""
        at, config = self._at, self._config
        while True:
            seen = 0
            for indices in epoch_batches(
                self._lengths, config.batch_tokens, seed=config.seed, epoch=at.epoch
            ):
                seen += len(indices)
                if seen <= at.texts:
                    continue  # before the run that this one resumes was cut off
                yield indices
                at.texts = seen
                at.tokens += int(self._lengths[indices].sum())
            at.epoch += 1
            at.texts = 0


def part(indices: np.ndarray, process: int, processes: int) -> tuple[np.ndarray, float]:
    """One process's texts of a batch, evenly spaced so that lengths are alike on all; and their share of it.

    Where there are fewer texts than processes, each takes all of them: a mean over the texts of all processes
    is then still the mean over the batch.
    """
    if len(indices) < processes:
        return indices, 1 / processes
    own = indices[process::processes]
    return own, len(own) / len(indices)
