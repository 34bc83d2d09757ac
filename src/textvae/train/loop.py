"""The one training loop: it runs whatever phases an objective yields."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textvae.config import TrainConfig
from textvae.device import autocast, resolve_device
from textvae.errors import TextVAEError
from textvae.metrics.collapse import measure_collapse
from textvae.model import VAE
from textvae.noise import Use, seeded
from textvae.objectives.phase import Objective, Phase
from textvae.processes import Processes
from textvae.store import CHECKPOINT, HISTORY, tensors
from textvae.text.batch import evenly, token_batches
from textvae.train.checkpoint import Checkpoint, Position, read_checkpoint, write_checkpoint
from textvae.train.dropout import RisingDropout
from textvae.train.length import Length
from textvae.train.order import Order, part
from textvae.train.rate import learning_rate
from textvae.train.step import Stepper
from textvae.train.tracking import MetricsFile, Row, Silent, Watcher
from textvae.train.window import Window
from textvae.types import AnyBatch, Data

_ROW_STEPS = 50  # steps between rows of figures
_VALIDATION_TEXTS = 2000  # a fixed part is enough to follow progress; `evaluate` uses all
_CHECKPOINT_SECONDS = 300.0  # between checkpoints, where validations are further apart


@dataclass
class Outcome:
    """How a training ended: ``reason`` is 'done', 'early' (no better validation) or 'interrupted'.

    ``validation_loss`` is that of the weights kept, with the KL weighted as ``selects`` says; None if there are none.
    """

    reason: str
    step: int
    epoch: float
    seconds: float
    tokens: int
    validation_loss: float | None


class Trainer:
    """One training of one model.

    Args:
        model, objective: on the CPU; moved to ``device``, and back at the end.
        train, validation: tokenised texts, or rows of a matrix.
        config: how long and how fast.
        folder: where checkpoints and ``metrics.jsonl`` go; None keeps nothing.
        device: 'auto', 'cpu' or 'cuda'.
        length: the clock, for a time budget that counts from before the trainer was made.
    """

    def __init__(
        self,
        model: VAE,
        objective: Objective,
        train: Data,
        validation: Data,
        config: TrainConfig,
        *,
        folder: Path | None,
        watcher: Watcher,
        device: str = "auto",
        length: Length | None = None,
    ):
        self.processes = Processes(resolve_device(device))
        self.device = self.processes.device
        self.model: VAE = model.to(self.device)
        self.objective: Objective = objective.to(self.device)
        self.train_set = train
        chosen = evenly(len(validation), _VALIDATION_TEXTS)
        self.validation_set = validation.subset(chosen)
        self.config = config
        self.watcher = watcher if self.processes.is_main else Silent()
        self.folder = folder
        self.length = length or Length(config)
        self.at = Position()
        self.order = Order(train.lengths, config, self.at)
        self.dropout = RisingDropout(model, config.dropout_rise)
        self.best: dict[str, Tensor] | None = None
        self.window = Window()
        self.metrics: MetricsFile | None = None
        self._tokens_before, self._seconds_before = 0, 0.0  # at the last row
        self._checkpointed = time.monotonic()

    def run(self, resume: bool = False) -> Outcome:
        """Trains to the end; the model then holds the best validated weights, in evaluation mode.

        Raises:
            TextVAEError: the loss stopped being a number, there was no time for a single step, or there is
                nothing to resume from; the last checkpoint stays.
        """
        try:
            checkpoint = self._checkpoint_to_resume() if resume else None
            if self.folder is not None and self.processes.is_main:
                self.metrics = MetricsFile(self.folder / HISTORY, resumed_at=self.at.step)
            with self.dropout.rising():
                reason = self._run_phases(checkpoint)
        finally:
            self.watcher.close()
        if self.at.step == 0 and reason == "done":
            raise TextVAEError(
                f"The time of {self.config.time_budget:.0f} s was over before the first step of training: give more."
            )
        if self.best is not None:
            with torch.no_grad():
                for name, tensor in tensors(self.model).items():
                    tensor.copy_(self.best[name])
        self.model.cpu().eval()
        at = self.at
        return Outcome(reason, at.step, self.order.epoch, self.length.seconds, at.tokens, at.best)

    def _checkpoint_to_resume(self) -> Checkpoint:
        if self.folder is None:
            raise TextVAEError("Resuming needs the folder of the earlier training.")
        checkpoint = read_checkpoint(self.folder / CHECKPOINT)
        self.at = checkpoint.position
        self.order = Order(self.train_set.lengths, self.config, self.at)
        self.length.spent_before = self.at.seconds
        self._tokens_before, self._seconds_before = self.at.tokens, self.at.seconds
        return checkpoint

    def _run_phases(self, checkpoint: Checkpoint | None) -> str:
        begun = 0.0
        with _interruptible() as interrupted:
            for index, phase in enumerate(self._phases()):
                end = min(begun + phase.share, 1.0)
                if index >= self.at.phase:
                    reason = self._run_phase(phase, index, (begun, end), checkpoint, interrupted)
                    checkpoint = None
                    if reason != "done":
                        return reason
                begun = end
        return "done"

    def _phases(self) -> Iterator[Phase]:
        """The objective's; what is drawn anew between two of them is the same on all processes."""
        phases = self.objective.phases(self.model)
        while True:
            with seeded(self.device, self.config.seed, Use.WEIGHTS, self.at.step):
                phase = next(phases, None)
            if phase is None:
                return
            yield phase

    def _run_phase(
        self,
        phase: Phase,
        index: int,
        span: tuple[float, float],
        checkpoint: Checkpoint | None,
        interrupted: threading.Event,
    ) -> str:
        config, at, (begun, end) = self.config, self.at, span
        stepper = Stepper(phase, config, self.processes)
        if checkpoint is None:
            at.phase, at.phase_step, at.phase_epoch = index, at.step, self.order.epoch
        else:
            self.best = checkpoint.apply(self._modules(), stepper.optimiser)
        self.model.train()
        self.objective.train()
        self.watcher.phase(phase.name)
        lr = 0.0
        for indices in self.order:
            done = self.length.progress(at.step, self.order.epoch)
            done, stop = self.processes.agree(done, interrupted.is_set())
            over = done >= end
            if self.window.texts and (over or stop or at.step % _ROW_STEPS == 0):
                last = stop or (over and end >= 1)
                self._interval(stepper, lr, done, last=last, keep=stop or not over)
            if over:
                self._require_numbers()
                return "done"
            if stop:
                return "interrupted"
            if config.patience is not None and at.worse_since >= config.patience:
                return "early"
            # a run resumed for longer stands at less of the whole than it did: never before its phase
            within = min(max((done - begun) / (end - begun), 0.0), 1.0)
            lr = learning_rate(config, within, at.step - at.phase_step)
            self.dropout.set(self.order.epoch - at.phase_epoch)
            self._step(stepper, indices, within, lr)
            self.watcher.progress(done)
        raise AssertionError("batches never end")

    def _step(self, stepper: Stepper, indices: np.ndarray, within: float, lr: float) -> None:
        own, share = part(indices, self.processes.index, self.processes.count)
        batch = self.train_set.batch(own).to(self.device, non_blocking=True)
        # a step's noise depends on nothing that a checkpoint would have to hold
        with seeded(self.device, self.config.seed, Use.TRAINING, self.at.step, self.processes.index):
            losses = stepper.step(self.model, batch, share * self.order.weight(indices), within, lr)
        self.at.step += 1
        self.window.add(losses, share * len(indices))

    def _interval(self, stepper: Stepper, lr: float, done: float, *, last: bool, keep: bool) -> None:
        """A row of figures; where they are due, a validation, and a checkpoint if it may be needed (``keep``)."""
        marks = math.floor(done * self.config.validations)
        marked = keep and marks > self.at.validations
        if last and keep and not marked:
            # before the last look at the validation texts, which an unbroken training would not have taken here
            self._checkpoint(stepper)
        row = self._row(lr, stepper.phase if (last or marked) and stepper.phase.validated else None)
        if last or marked:
            self.at.validations = marks
        old = time.monotonic() - self._checkpointed > _CHECKPOINT_SECONDS
        if marked or (old and keep and not last):
            self._checkpoint(stepper)
        self.watcher.row(row)

    def _checkpoint(self, stepper: Stepper) -> None:
        if self.folder is not None and self.processes.is_main:
            self._require_numbers()
            self.at.seconds = self.length.seconds
            write_checkpoint(self.folder / CHECKPOINT, self.at, self._modules(), stepper.optimiser, self.best)
            self._checkpointed = time.monotonic()

    def _row(self, lr: float, validated: Phase | None) -> Row:
        figures = self.window.figures(self.processes.total)
        self.window = Window()
        self._require_numbers(figures["loss"])
        seconds = self.length.seconds
        rate = (self.at.tokens - self._tokens_before) / max(seconds - self._seconds_before, 1e-9)
        row: Row = {
            "step": self.at.step,
            "epoch": round(self.order.epoch, 4),
            "seconds": round(seconds, 3),
            "tokens": self.at.tokens,
            **figures,
            "lr": lr,
            "tokens_per_second": round(rate, 1),
        }
        if validated is not None:
            row |= self._validate(validated)
        self._tokens_before, self._seconds_before = self.at.tokens, self.length.seconds
        if self.metrics is not None:
            self.metrics.add(row)
        return row

    def _require_numbers(self, *losses: float) -> None:
        """Stops a training whose loss, or without one whose weights, are no numbers."""
        if losses:
            sound = all(map(math.isfinite, losses))
        else:
            sound = all(bool(tensor.isfinite().all()) for tensor in self.model.parameters())
        if not sound:
            saved = self.folder is not None and (self.folder / CHECKPOINT).exists()
            kept = "the last good checkpoint is kept" if saved else "there is no checkpoint yet"
            raise TextVAEError(
                f"The loss stopped being a number before step {self.at.step}; {kept}. "
                "Try a lower train.lr, or train.precision=fp32."
            )

    def _modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "objective": self.objective}

    @torch.no_grad()
    def _validate(self, phase: Phase) -> Row:
        """−ELBO on a fixed part of the validation texts with fixed noise; notes the best weights."""
        self.model.eval()
        sums = torch.zeros(2, dtype=torch.float64)
        batches = token_batches(self.validation_set.lengths, 4 * self.config.batch_tokens)
        for number in range(self.processes.index, len(batches), self.processes.count):
            batch = self.validation_set.batch(batches[number]).to(self.device)
            with seeded(self.device, Use.VALIDATION, number), autocast(self.device, self.config.precision):
                sums += self._validation_sums(batch).cpu()
        self.model.train()
        reconstruction, kl = (self.processes.total(sums) / len(self.validation_set)).tolist()
        loss = reconstruction + kl
        self._require_numbers(loss)
        if (beta := phase.selects(kl)) is not None:
            weighted = reconstruction + beta * kl
            if self.at.best is None or weighted < self.at.best:
                self.at.best, self.at.worse_since = weighted, 0
                self.best = {name: tensor.clone() for name, tensor in tensors(self.model).items()}
            else:
                self.at.worse_since += 1
        row = {"validation_loss": loss, "validation_reconstruction": reconstruction, "validation_kl": kl}
        if phase.heeds_information is not None:
            # the same on all processes, as they go by it
            row["validation_mi"], _ = self.processes.agree(
                measure_collapse(self.model, self.validation_set).mi, stop=False
            )
            phase.heeds_information(row["validation_mi"])
        return row

    def _validation_sums(self, batch: AnyBatch) -> Tensor:
        """Reconstruction and KL, each summed over a batch's texts: (2,) nats."""
        terms = self.model(batch)
        return torch.stack([-terms.log_px.sum(), terms.kl.sum()])


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C into a flag, so that the step in hand ends whole; a second one stops at once.

    SIGTERM, by which a scheduler wants its machine back, does the same and has its usual effect afterwards.
    """
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    terminated = threading.Event()

    def note(number: int, frame: Any) -> None:
        flag.set()
        if number == signal.SIGTERM:
            terminated.set()
        restore()

    for number in before:
        signal.signal(number, note)
    try:
        yield flag
    finally:
        restore()
    if terminated.is_set():
        signal.raise_signal(signal.SIGTERM)
