"""A model of the rows of a matrix: its training and its folder, whatever the rows are."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from textvae.config import Config, TrainConfig
from textvae.device import resolve_device
from textvae.errors import TextVAEError
from textvae.estimators.fitting import parameters, versions
from textvae.estimators.folder import write_whole
from textvae.estimators.options import check_reads
from textvae.matrix import RowsDataset
from textvae.model import VAE, build, build_objective
from textvae.noise import seeded
from textvae.store import (
    HISTORY,
    METRICS,
    read_json,
    read_model,
    read_model_config,
    write_atomically,
    write_config,
    write_json,
    write_model,
)
from textvae.train.length import Length
from textvae.train.loop import Trainer
from textvae.train.tracking import Recorder, Row, Silent, read_rows, watcher_for

_NUMBERS_AT_ONCE = 2**24  # of rows made dense, or decoded: 64 MiB


@dataclass(frozen=True)
class FittedRows:
    """A trained model of rows of D ``columns`` with everything known about it."""

    model: VAE
    config: Config
    columns: int
    metrics: dict[str, Any]
    history: list[Row]


def train_rows(
    config: Config,
    train: RowsDataset,
    held_out: RowsDataset,
    start: Callable[[VAE], object],
    *,
    model: VAE | None = None,
    device: str,
    verbose: bool,
    started: float | None = None,
) -> FittedRows:
    """One training.

    Args:
        config: of the model and of the training.
        train, held_out: what to train on, and what to watch it by.
        start: called with the model before training, to start it at what the rows tell.
        model: one that goes on learning; by default a new one.
        device: ``auto``, ``cpu`` or ``cuda``.
        verbose: whether training tells on stderr how it goes.
        started: ``time.monotonic()`` from which a time budget counts; by default now.

    Raises:
        TextVAEError: the training failed.
    """
    where, seed = resolve_device(device), config.train.seed
    recorder = Recorder(watcher_for() if verbose else Silent())
    length = Length(config.train, started=time.monotonic() if started is None else started)
    with seeded(where, seed):
        model = build(config, train.columns) if model is None else model.cpu()
        start(model)
        outcome = Trainer(
            model,
            build_objective(config, train.columns),
            train,
            held_out,
            config.train,
            folder=None,
            watcher=recorder,
            device=device,
            length=length,
        ).run()
    metrics = {
        "training": {**asdict(outcome), "seed": seed, "parameters": parameters(model)},
        "data": {"n_train": len(train), "n_validation": len(held_out), "columns": train.columns},
        "versions": versions(),
    }
    return FittedRows(model.to(where), config, train.columns, metrics, recorder.rows)


def split_rows(rows: RowsDataset, config: TrainConfig) -> tuple[RowsDataset, RowsDataset]:
    """What to train on, and a share, ``held_out``, to watch training by.

    Raises:
        TextVAEError: there is one row only.
    """
    if len(rows) < 2:
        raise TextVAEError("Training needs at least two rows, and the matrix has one.")
    order = np.random.default_rng(config.seed).permutation(len(rows))
    held_out = min(max(1, round(config.held_out * len(rows))), len(rows) - 1)
    return rows.subset(np.sort(order[held_out:])), rows.subset(np.sort(order[:held_out]))


def at_once(columns: int) -> int:
    """How many rows of so many columns are made dense or decoded at once."""
    return max(1, _NUMBERS_AT_ONCE // columns)


class TrainedRows:
    """What the estimators of models of rows share: what training left, and its folder."""

    model_: Any
    config_: Config
    history_: list[dict[str, Any]]
    metrics_: dict[str, Any]
    n_features_in_: int

    def _take(self, fitted: FittedRows) -> None:
        self.model_, self.config_, self.n_features_in_ = fitted.model, fitted.config, fitted.columns
        self.metrics_, self.history_ = fitted.metrics, fitted.history

    def save_pretrained(self, folder: str | PathLike[str]) -> None:
        """Writes the model as a folder; one that is there is replaced once the new one is whole.

        Raises:
            TextVAEError: the folder holds other things than a model, or can't be written; a model in it is kept.
        """
        check_is_fitted(self, "model_")
        write_whole(Path(folder), self._write)

    def _write(self, folder: Path) -> None:
        write_atomically(folder / HISTORY, "".join(json.dumps(row) + "\n" for row in self.history_).encode())
        write_json(folder / METRICS, self.metrics_)
        write_model(folder, self.model_)
        write_config(folder, self.config_, self.n_features_in_, version("textvae"))

    @property
    def _n_features_out(self) -> int:
        return self.model_.latent_dim


def read_fitted(folder: Path, reads: str, device: str) -> FittedRows:
    """What ``TrainedRows`` wrote to a folder.

    Raises:
        TextVAEError: no model, one that reads other data, a damaged one, or one of another format.
    """
    model, config = read_model(folder)
    check_reads(config, reads)
    columns = read_model_config(folder)[1]
    metrics, history = read_json(folder / METRICS), read_rows(folder / HISTORY)
    return FittedRows(model.to(resolve_device(device)), config, columns, metrics, history)
