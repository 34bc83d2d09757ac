"""The one training loop: it runs whatever phases an objective yields."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from textvae.config import TrainConfig
from textvae.errors import TextVAEError
from textvae.model import VAE
from textvae.objectives.phase import Losses, Objective, Phase
from textvae.precision import autocast
from textvae.store import tensors
from textvae.text.batch import Dataset, token_batches
from textvae.train.checkpoint import Position, read_checkpoint, write_checkpoint
from textvae.train.length import Length
from textvae.train.tracking import MetricsFile, Row, Watcher
from textvae.types import Batch

CHECKPOINT = "checkpoint"
_ROW_STEPS = 50  # steps between rows of figures
_VALIDATION_TEXTS = 2000  # a fixed part is enough to follow progress; `evaluate` uses all
_ACTIVE = 0.01  # Burda et al. 2016: a unit is active if its posterior mean varies more than this


@dataclass
class Outcome:
    """How a training ended: ``reason`` is 'done', 'early' (no better validation) or 'interrupted'."""

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
        train, validation: tokenised texts.
        config: how long and how fast.
        folder: where checkpoints and ``metrics.jsonl`` go; None keeps nothing.
        device: 'auto', 'cpu' or 'cuda'.
        length: the clock, for a time budget that counts from before the trainer was made.
    """

    def __init__(
        self,
        model: VAE,
        objective: Objective,
        train: Dataset,
        validation: Dataset,
        config: TrainConfig,
        *,
        folder: Path | None,
        watcher: Watcher,
        device: str = "auto",
        length: Length | None = None,
    ):
        self.accelerator = _accelerator(device)
        self.device = self.accelerator.device
        self.model: VAE = model.to(self.device)
        self.objective: Objective = objective.to(self.device)
        self.train_set = train
        self.validation_set = _sample(validation, _VALIDATION_TEXTS)
        self.config, self.watcher = config, watcher
        self.folder = folder if self.accelerator.is_main_process else None
        self.length = length or Length(config)
        self.at = Position()
        self.best: dict[str, Tensor] | None = None
        self.window = _Window()
        self.metrics: MetricsFile | None = None
        self._steps_per_epoch = 1
        self._tokens_before, self._seconds_before = 0, 0.0  # at the last row

    def run(self, resume: bool = False) -> Outcome:
        """Trains to the end; the model then holds the best validated weights, in evaluation mode.

        Raises:
            TextVAEError: the loss stopped being a number, or there is nothing to resume from; the last
                checkpoint stays.
        """
        checkpoint = None
        # from here on the run depends on its seed alone, not on what drew numbers before it
        torch.manual_seed(self.config.seed)
        if resume:
            assert self.folder is not None, "resuming needs the folder of the earlier run"
            checkpoint = read_checkpoint(self.folder / CHECKPOINT)
            self.at = checkpoint.position
            self.length.spent_before = self.at.seconds
        if self.folder is not None:
            self.metrics = MetricsFile(self.folder / "metrics.jsonl", resumed_at=self.at.step)
        reason = "done"
        begun = 0.0
        try:
            with _interruptible() as interrupted:
                for index, phase in enumerate(self.objective.phases(self.model)):
                    end = min(begun + phase.share, 1.0)
                    if index >= self.at.phase:
                        reason = self._run_phase(phase, index, begun, end, checkpoint, interrupted)
                        checkpoint = None
                        if reason != "done":
                            break
                    begun = end
        finally:
            self.watcher.close()
        if self.best is not None:
            with torch.no_grad():
                for name, tensor in tensors(self.model).items():
                    tensor.copy_(self.best[name])
        self.model.cpu().eval()
        at = self.at
        return Outcome(reason, at.step, self._epoch(), self.length.seconds, at.tokens, at.best)

    def _run_phase(
        self,
        phase: Phase,
        index: int,
        begun: float,
        end: float,
        checkpoint: Any,
        interrupted: threading.Event,
    ) -> str:
        config, at = self.config, self.at
        if checkpoint is None:
            at.phase = index
        optimiser = torch.optim.Adam(
            phase.parameters, lr=config.lr, fused=self.device.type in ("cpu", "cuda")
        )
        model, optimiser = self.accelerator.prepare(self.model, optimiser)
        modules = {"model": self.model, "objective": self.objective}
        if checkpoint is not None:
            self.best = checkpoint.apply(modules, optimiser.optimizer)
        self.model.train()
        self.objective.train()
        self.watcher.phase(phase.name)
        lr = 0.0
        for batch, share in self._batches():
            done = self.length.progress(at.step, self._epoch())
            over, stop = done >= end, interrupted.is_set()
            if self.window.texts and (over or stop or at.step % _ROW_STEPS == 0):
                last = stop or (over and end >= 1)
                due = last or math.floor(done * config.validations) > at.validations
                row = self._row(lr, phase if due and phase.validated else None)
                if due:
                    at.validations = math.floor(done * config.validations)
                    if stop or not over:
                        self._checkpoint(modules, optimiser.optimizer)
                self.watcher.row(row)
            if over:
                return "done"
            if stop:
                return "interrupted"
            if config.patience is not None and at.worse_since >= config.patience:
                return "early"
            within = (done - begun) / (end - begun)
            lr = config.lr * _rate(within, config.warmup)
            for group in optimiser.param_groups:
                group["lr"] = lr
            with autocast(self.device, config.precision):
                losses = phase.loss(model, batch, within)
            # every text weighs the same, however many share its batch
            self.accelerator.backward(losses.loss * share)
            self.accelerator.clip_grad_norm_(phase.parameters, config.clip)
            optimiser.step()
            optimiser.zero_grad()
            at.step += 1
            self.window.add(losses, len(batch))
            self.watcher.progress(done)
        raise AssertionError("batches never end")

    def _batches(self) -> Iterator[tuple[Batch, float]]:
        """Batches without end from where training stands, each with its texts' share of an average batch.

        Training stands after a batch once the next one is asked for.
        """
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        while True:
            order = token_batches(
                self.train_set.lengths, self.config.batch_tokens, seed=self.config.seed, epoch=self.at.epoch
            )
            # every process takes the same number of batches, so that none waits for another at the end
            order = order[: max(len(order) // processes * processes, 1)]
            self._steps_per_epoch = max(len(order) // processes, 1)
            average = len(self.train_set) / len(order)
            while self.at.batch < self._steps_per_epoch:
                indices = order[(self.at.batch * processes + process) % len(order)]
                batch = self.train_set.batch(indices).to(self.device, non_blocking=True)
                yield batch, len(batch) / average
                self.at.batch += 1
                self.at.tokens += int(self.train_set.lengths[indices].sum())
            self.at.epoch += 1
            self.at.batch = 0

    def _epoch(self) -> float:
        return self.at.epoch + self.at.batch / self._steps_per_epoch

    def _row(self, lr: float, validated: Phase | None) -> Row:
        figures = self.window.figures()
        self.window = _Window()
        if not math.isfinite(figures["loss"]):
            saved = self.at.validations > 0 and self.folder is not None
            kept = "the last good checkpoint is kept" if saved else "there is no checkpoint yet"
            raise TextVAEError(
                f"The loss stopped being a number before step {self.at.step}; {kept}. "
                "Try a lower --set train.lr or --set train.precision=fp32."
            )
        seconds = self.length.seconds
        rate = (self.at.tokens - self._tokens_before) / max(seconds - self._seconds_before, 1e-9)
        row: Row = {
            "step": self.at.step,
            "epoch": round(self._epoch(), 4),
            "seconds": round(seconds, 3),
            "tokens": self.at.tokens,
            **figures,
            "lr": lr,
            "tokens_per_second": round(rate, 1),
        }
        if validated is not None:
            row |= self._validate(validated)
        self._tokens_before, self._seconds_before = self.at.tokens, self.length.seconds
        self.at.seconds = seconds
        if self.metrics is not None:
            self.metrics.add(row)
        return row

    @torch.no_grad()
    def _validate(self, phase: Phase) -> Row:
        """−ELBO on a fixed part of the validation texts with fixed noise; notes the best weights."""
        self.model.eval()
        sums = torch.zeros(2)
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda), autocast(self.device, self.config.precision):
            torch.manual_seed(0)
            for indices in token_batches(self.validation_set.lengths, 4 * self.config.batch_tokens):
                sums += self._validation_sums(self.validation_set.batch(indices).to(self.device)).cpu()
        self.model.train()
        reconstruction, kl = (sums / len(self.validation_set)).tolist()
        loss = reconstruction + kl
        if phase.selects:
            if self.at.best is None or loss < self.at.best:
                self.at.best, self.at.worse_since = loss, 0
                self.best = {name: tensor.clone() for name, tensor in tensors(self.model).items()}
            else:
                self.at.worse_since += 1
        return {"validation_loss": loss, "validation_reconstruction": reconstruction, "validation_kl": kl}

    def _validation_sums(self, batch: Batch) -> Tensor:
        """Reconstruction and KL, each summed over a batch's texts: (2,) nats."""
        terms = self.model(batch)
        return torch.stack([-terms.log_px.sum(), terms.kl.sum()])

    def _checkpoint(self, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer) -> None:
        if self.folder is not None:
            write_checkpoint(self.folder / CHECKPOINT, self.at, modules, optimiser, self.best)


@dataclass
class _Window:
    """Sums over the steps since the last row; tensors until a row is due, so that no step waits for the device."""

    texts: int = 0
    sums: Tensor | None = None
    mean: Tensor | None = None  # Σ of the posterior means, (Z,)
    square: Tensor | None = None
    beta: Tensor = field(default_factory=lambda: torch.zeros(()))

    def add(self, losses: Losses, texts: int) -> None:
        values = torch.stack([losses.loss, losses.reconstruction, losses.kl]).detach().float() * texts
        means = losses.posterior_mean.detach().float()
        if self.sums is None or self.mean is None or self.square is None:
            self.sums, self.mean, self.square = values, means.sum(0), (means**2).sum(0)
        else:
            self.sums += values
            self.mean += means.sum(0)
            self.square += (means**2).sum(0)
        self.texts += texts
        self.beta = losses.beta.detach()

    def figures(self) -> Row:
        assert self.sums is not None
        assert self.mean is not None
        assert self.square is not None
        loss, reconstruction, kl = (self.sums / self.texts).tolist()
        variance = self.square / self.texts - (self.mean / self.texts) ** 2
        return {
            "loss": loss,
            "reconstruction": reconstruction,
            "kl": kl,
            "beta": float(self.beta),
            "active_units": int((variance > _ACTIVE).sum()),
        }


def _rate(within: float, warmup: float) -> float:
    """The share of the peak learning rate: a linear rise over ``warmup``, then a linear fall to 0."""
    rise = (within + 1e-3) / (warmup + 1e-3)
    return min(rise, 1.0) * (1 - within)


def _accelerator(device: str) -> Accelerator:
    if device == "cuda" and not torch.cuda.is_available():
        raise TextVAEError("There is no usable CUDA device here; use --device cpu or auto.")
    if torch.distributed.is_available() and not torch.distributed.is_initialized():
        # an earlier training in this process may have used another device
        AcceleratorState._reset_state(True)
    return Accelerator(cpu=device == "cpu")


def _sample(dataset: Dataset, size: int) -> Dataset:
    """At most ``size`` texts, evenly spaced."""
    if len(dataset) <= size:
        return dataset
    return Dataset([dataset[i * len(dataset) // size] for i in range(size)])


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C into a flag, so that the step in hand ends whole; a second one stops at once."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        flag.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)
