"""From texts to a trained model in a folder: read, split, tokenise, train, measure, save."""

from __future__ import annotations

import contextlib
import math
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from textvae.config import Config
from textvae.device import resolve_device
from textvae.errors import TextVAEError
from textvae.estimators.card import model_card
from textvae.estimators.evaluating import evaluate
from textvae.estimators.folder import ModelFolder, has_checkpoint
from textvae.estimators.labels import learns_labels, often_enough, with_labels
from textvae.estimators.material import Material, Say, describe, prepare
from textvae.estimators.strings import findings
from textvae.model import VAE, build, build_objective
from textvae.noise import seeded
from textvae.processes import Processes
from textvae.store import (
    CARD,
    CHECKPOINT,
    HISTORY,
    METRICS,
    TOKENIZER,
    TOKENS,
    write_atomically,
    write_config,
    write_json,
    write_model,
)
from textvae.text.batch import evenly
from textvae.text.corpus import Corpus
from textvae.train.length import Length
from textvae.train.loop import Outcome, Trainer
from textvae.train.tracking import Recorder, Row, Watcher, read_rows

_TEXTS, _SAMPLES = 500, 20  # of the evaluation that ends a training


@dataclass(frozen=True)
class Fitted:
    """A trained model with everything known about it."""

    model: VAE
    config: Config
    material: Material
    outcome: Outcome
    history: list[Row]
    metrics: dict[str, Any]


def train_model(
    texts: Iterable[Corpus],
    validation: Corpus | None,
    configure: Callable[[Config | None], Config],
    *,
    folder: Path | None,
    resume: bool,
    overwrite: bool,
    device: str,
    started: float,
    watcher: Watcher,
    say: Say,
) -> Fitted:
    """One training from its texts to its figures.

    Args:
        texts: any number of them, a chunk at a time; they are read once.
        configure: gives the configuration; it is handed the one that a resumed training started with.
        folder: for the model and its checkpoints; None keeps nothing.
        started: ``time.monotonic()`` from which a time budget counts.
        say: takes lines that tell what is going on.

    Raises:
        TextVAEError: texts, configuration or folder can't be used, or the training failed.
    """
    processes = Processes(resolve_device(device))
    if not processes.is_main:
        say = _unsaid
    home, saved = check_folder(folder, resume, overwrite)
    config = configure(saved)
    resumed = saved is not None
    with _tokens_folder(folder if processes.is_main else None) as tokens:
        material = prepare(texts, validation, config, tokens, resumed=folder if resumed else None, say=say)
        for line in describe(material):
            say(line)
        if learns_labels(config):
            config = with_labels(config, material.labels)
            share = config.objective.options.labelled_share
            material = replace(material, train=often_enough(material.train, share))
        return _train(config, material, processes, home, folder, resumed, device, started, watcher, say)


def _train(
    config: Config,
    material: Material,
    processes: Processes,
    home: ModelFolder | None,
    folder: Path | None,
    resumed: bool,
    device: str,
    started: float,
    watcher: Watcher,
    say: Say,
) -> Fitted:
    recorder = Recorder(watcher)
    with seeded(resolve_device(device), config.train.seed):
        counts = material.tokenizer.frequencies
        model = build(
            config, material.tokenizer.vocab_size, None if counts is None else torch.as_tensor(counts)
        )
        objective = build_objective(config, material.tokenizer.vocab_size)
        length = Length(config.train, started=started)
        trainer = Trainer(
            model,
            objective,
            material.train,
            material.validation,
            config.train,
            folder=folder,
            watcher=recorder,
            device=device,
            length=length,
        )
        # which they do only after each has looked at the folder, so that the main one may write to it
        processes.agree_on(material.facts["sha256"], "texts")
        processes.agree_on(config.model_dump_json(), "options")
        if not processes.is_main:
            home = None
        goes_on = resumed and folder is not None and has_checkpoint(folder)
        if home is not None and not resumed:
            home.begin()
        try:
            if home is not None:
                _write_start(home.path, config, material, fresh=not resumed)
            if resumed and not goes_on:
                say("There is no checkpoint yet: training starts from the beginning.")
            outcome = trainer.run(resume=goes_on)
            if home is not None:
                # first of all: what follows can be made up for, the weights can't
                write_model(home.path, model)
                home.keep()
        except BaseException:
            if home is not None:
                _after_failure(home, say)
            raise

    model.to(resolve_device(device))
    history = read_rows(folder / HISTORY) if folder is not None else recorder.rows
    if outcome.reason == "interrupted":
        which = "best validated weights are" if trainer.best is not None else "weights as they are now are"
        go_on = "" if folder is None else "; --resume goes on with the training"
        say(f"Interrupted: the {which} measured and saved{go_on}.")
    metrics = measure(model, config, material, outcome, history, seconds_left=_left(config, outcome))
    if home is not None:
        write_figures(home.path, config, metrics)
        if outcome.reason != "interrupted":
            shutil.rmtree(home.path / CHECKPOINT, ignore_errors=True)
    return Fitted(model, config, material, outcome, history, metrics)


def measure(
    model: VAE,
    config: Config,
    material: Material,
    outcome: Outcome,
    history: list[Row],
    seconds_left: float = math.inf,
) -> dict[str, Any]:
    """The content of ``metrics.json``: a quick evaluation on held-out texts, the training, the data, the versions."""
    texts = material.held_out
    most = _TEXTS
    if math.isfinite(seconds_left):
        # scoring a sample costs about what training on it does, at most; half of the time stays in hand
        per_text = _SAMPLES * float(material.validation.lengths.mean())
        rate = outcome.tokens / max(outcome.seconds, 1e-9)
        most = min(max(int(0.5 * seconds_left * rate / per_text), 16), _TEXTS)
    chosen = [texts[i] for i in evenly(len(texts), most)]
    evaluation = evaluate(model, material.tokenizer, chosen, iw_samples=_SAMPLES)
    found = findings(model, material.tokenizer, chosen, evaluation, history, asdict(outcome))
    kind = "test" if material.test else "validation"
    return {
        "evaluation": {"texts": kind, **evaluation},
        "findings": found,
        "training": {**asdict(outcome), "seed": config.train.seed, "parameters": parameters(model)},
        "data": material.facts,
        "versions": versions(),
    }


def write_figures(folder: Path, config: Config, metrics: dict[str, Any]) -> None:
    """``metrics.json`` and the model card."""
    write_json(folder / METRICS, metrics)
    write_atomically(folder / CARD, model_card(folder.resolve().name, config, metrics).encode())


def parameters(model: VAE) -> int:
    """How many numbers are trained, tied ones once."""
    return sum(p.numel() for p in model.parameters())


def versions() -> dict[str, str]:
    """Of textvae and of what decides its numbers."""
    libraries = {name: version(name) for name in ("textvae", "torch", "numpy", "tokenizers")}
    return {**libraries, "python": platform.python_version()}


def check_folder(
    folder: Path | None, resume: bool, overwrite: bool
) -> tuple[ModelFolder | None, Config | None]:
    """The folder to write to, and the configuration of the training to resume, if there is one.

    Raises:
        TextVAEError: the folder can't be used.
    """
    if folder is None:
        if resume:
            raise TextVAEError("Resuming needs the folder of the earlier training: give it as output.")
        return None, None
    if resume and overwrite:
        raise TextVAEError("--resume goes on with a training and --overwrite replaces it: give one of them.")
    return ModelFolder.to_resume(folder) if resume else (ModelFolder(folder, overwrite=overwrite), None)


@contextlib.contextmanager
def _tokens_folder(folder: Path | None) -> Iterator[Path]:
    """Where texts and their tokens are in the meantime; in a model's folder they stay where training can go on."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="textvae-") as temporary:
            yield Path(temporary)
        return
    there = folder.exists()
    try:
        yield folder / TOKENS
    finally:
        if not has_checkpoint(folder):
            shutil.rmtree(folder / TOKENS, ignore_errors=True)
        if not there:
            with contextlib.suppress(OSError):
                folder.rmdir()  # nothing came of it


def _write_start(folder: Path, config: Config, material: Material, fresh: bool) -> None:
    """What a resumed training needs."""
    if fresh:
        write_json(folder / METRICS, {"data": material.facts, "versions": versions()})
        write_atomically(folder / TOKENIZER, material.tokenizer.to_json().encode())
    write_config(folder, config, material.tokenizer.vocab_size, version("textvae"))


def _after_failure(home: ModelFolder, say: Say) -> None:
    """Without a checkpoint to go on from, the folder must not look like a model: it is what it was before."""
    if not has_checkpoint(home.path):
        home.restore()
    elif home.previous.exists():
        say(f"The earlier model is kept in {home.previous} until the training is finished with --resume.")


def _left(config: Config, outcome: Outcome) -> float:
    if outcome.reason == "interrupted":
        return 10.0
    if config.train.time_budget is None:
        return math.inf
    return max(config.train.time_budget - outcome.seconds, 0.0)


def _unsaid(line: str) -> None:
    """What another process says."""
