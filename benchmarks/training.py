"""Both sides' training: textvae's own trainer under a stopwatch, and the reference's batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from contest import Timing
from flops import synchronize
from reference import BATCH, LEARNING_RATE, ReferenceVAE, Sizes
from texts import Texts

from textvae.config import Config, read_config
from textvae.model import VAE, build, build_objective
from textvae.text.batch import Dataset
from textvae.train.loop import Outcome, Trainer
from textvae.train.order import Order
from textvae.train.tracking import Silent
from textvae.types import Batch


def configuration(sizes: Sizes, dropout: float = 0.5, **train: Any) -> Config:
    """textvae's options for the reference's model; everything else as textvae has it."""
    _, embedding, hidden, latent = sizes
    rnn = {"name": "lstm", "embedding": embedding, "hidden": hidden}
    return read_config(
        {
            "latent_dim": latent,
            "encoder": {**rnn, "pooling": "last"},
            "decoder": {**rnn, "dropout": dropout, "dropout_in": dropout},
            "train": train,
        }
    )


def new_model(config: Config, texts: Texts) -> VAE:
    """textvae's model, its output layer started at the words' frequencies as `textvae train` does."""
    torch.manual_seed(config.train.seed)
    return build(config, texts.vocab_size, torch.as_tensor(texts.frequencies))


def shuffled(lengths: np.ndarray, epoch: int) -> list[np.ndarray]:
    """Batches of 32 texts in random order: a function of the epoch."""
    order = np.random.default_rng([0, epoch]).permutation(len(lengths))
    return np.split(order, range(BATCH, len(order), BATCH))


def of_one_length(lengths: np.ndarray, epoch: int) -> list[np.ndarray]:
    """Batches of up to 32 texts of the very same length, without a pad, in random order (He et al. 2019)."""
    batches = []
    for length in np.unique(lengths):
        texts = np.flatnonzero(lengths == length)
        batches += np.split(texts, range(BATCH, len(texts), BATCH))
    return [batches[i] for i in np.random.default_rng([0, epoch]).permutation(len(batches))]


def on_device(data: Dataset, batches: list[np.ndarray], device: torch.device) -> list[Batch]:
    """Batches made before the clock runs, as the reference has them."""
    return [data.batch(indices).to(device) for indices in batches]


def train_reference(model: ReferenceVAE, batches: list[Batch], warm: int, device: torch.device) -> Timing:
    """One step a batch; the first ``warm`` of them before the clock runs."""
    optimiser = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    model.train()
    model.train_on(batches[:warm], optimiser)
    tokens = sum(int(batch.lengths.sum()) for batch in batches[warm:])
    synchronize(device)
    started = time.perf_counter()
    model.train_on(batches[warm:], optimiser)
    synchronize(device)
    return Timing(tokens, time.perf_counter() - started)


class Shuffled(Order):
    """The reference's order in textvae's trainer."""

    def weight(self, indices: np.ndarray) -> float:
        """Every batch counts the same, as in the reference."""
        return 1.0

    def __iter__(self) -> Iterator[np.ndarray]:
        at, lengths = self._at, self._lengths
        while True:
            for indices in shuffled(lengths, at.epoch):
                yield indices
                at.texts += len(indices)
                at.tokens += int(lengths[indices].sum())
            at.epoch, at.texts = at.epoch + 1, 0


class _Stopwatch(Silent):
    """Runs from the end of step ``warm`` to the end of step ``last``: without set-up and validation."""

    def __init__(self, device: torch.device, warm: int, last: int):
        self.device, self.warm, self.last = device, warm, last
        self.step = self.tokens_before = 0
        self.started = self.stopped = 0.0
        self.trainer: Trainer

    def phase(self, name: str) -> None:
        self.started = self._now()

    def progress(self, done: float) -> None:
        self.step += 1
        if self.step == self.warm:
            self.started = self._now()
        if self.step == self.warm + 1:
            # a step's tokens are counted once the next step begins
            self.tokens_before = self.trainer.at.tokens
        if self.step == self.last:
            self.stopped = self._now()

    def _now(self) -> float:
        synchronize(self.device)
        return time.perf_counter()


def train_textvae(
    model: VAE,
    config: Config,
    texts: Texts,
    device: torch.device,
    *,
    order: type[Order] = Order,
    warm: int = 0,
    validate_on: int = 1,
) -> tuple[Timing, Outcome]:
    """``config.train.steps`` steps of textvae's trainer, the first ``warm`` of them before the clock runs.

    It validates once, at the end, on so many texts, which is not timed.
    """
    assert config.train.steps is not None
    watch = _Stopwatch(device, warm, config.train.steps)
    validation = Dataset([texts.validation[i] for i in range(min(validate_on, len(texts.validation)))])
    trainer = Trainer(
        model,
        build_objective(config, texts.vocab_size),
        texts.train,
        validation,
        config.train,
        folder=None,
        watcher=watch,
        device=device.type,
    )
    trainer.order = order(texts.train.lengths, config.train, trainer.at)
    watch.trainer = trainer
    outcome = trainer.run()
    return Timing(outcome.tokens - watch.tokens_before, watch.stopped - watch.started), outcome
