"""From texts to a trained model in a folder: read, split, tokenise, train, measure, save."""

from __future__ import annotations

import hashlib
import math
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textvae.config import Config
from textvae.device import resolve_device
from textvae.errors import TextVAEError
from textvae.estimators.card import model_card
from textvae.estimators.strings import evaluate, findings
from textvae.metrics.text_quality import unknown_rate
from textvae.model import VAE, build, build_objective
from textvae.store import (
    CARD,
    CHECKPOINT,
    CONFIG,
    HISTORY,
    METRICS,
    TOKENIZER,
    WEIGHTS,
    holds_model,
    read_json,
    read_model_config,
    write_atomically,
    write_config,
    write_json,
    write_model,
)
from textvae.text.batch import Dataset, drop_long
from textvae.text.corpus import Corpus
from textvae.text.split import split_corpus
from textvae.text.tokenize import Tokenizer
from textvae.train.length import Length
from textvae.train.loop import Outcome, Trainer
from textvae.train.tracking import Row, Watcher, read_rows

_HELD_OUT = 0.1  # share of the texts kept from training where no validation texts are given
_FEWEST_TO_HALVE = 20  # held-out texts, to have test texts beside the validation texts
_TEXTS, _SAMPLES = 500, 20  # of the evaluation that ends a training

Say = Callable[[str], object]


@dataclass(frozen=True)
class Material:
    """Tokenised texts: what is trained on, what is kept from training, and the facts about them."""

    tokenizer: Tokenizer
    train: Dataset
    validation: Dataset
    held_out: list[str]  # what the figures are taken on: the test texts, if any, else the validation texts
    test: list[str]
    facts: dict[str, Any]


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
    corpus: Corpus,
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
        configure: gives the configuration; it is handed the one that a resumed training started with.
        folder: for the model and its checkpoints; None keeps nothing.
        started: ``time.monotonic()`` from which a time budget counts.
        say: takes lines that tell what is going on.

    Raises:
        TextVAEError: texts, configuration or folder can't be used, or the training failed.
    """
    resolve_device(device)
    saved = _check_folder(folder, resume, overwrite)
    config = configure(saved)
    resumed = folder if saved is not None else None
    material = prepare(corpus, validation, config, resumed and resumed / TOKENIZER)
    if resumed is not None:
        _check_same_texts(resumed, material)
    for line in describe(material):
        say(line)

    recorder = _Recorder(watcher)
    with _seeded(config.train.seed):
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
        trainer.processes.wait()  # every process has looked at the folder before one writes to it
        main = trainer.processes.is_main
        if folder is not None and main:
            _write_start(folder, config, material, fresh=resumed is None)
        goes_on = resumed is not None and (resumed / CHECKPOINT).exists()
        if resumed is not None and not goes_on:
            say("There is no checkpoint yet: training starts from the beginning.")
        try:
            outcome = trainer.run(resume=goes_on)
        except BaseException:
            if folder is not None and main and not (folder / CHECKPOINT).exists():
                _clear(folder)  # nothing to go on from: the folder must not look like a model
            raise

    model.to(resolve_device(device))
    history = read_rows(folder / HISTORY) if folder is not None else recorder.rows
    if folder is not None and main:
        write_model(folder, model)  # first of all: what follows can be made up for, the weights can't
    if outcome.reason == "interrupted":
        say("Interrupted: the model as it is now is measured and saved.")
    metrics = measure(model, config, material, outcome, history, seconds_left=_left(config, outcome))
    if folder is not None and main:
        write_figures(folder, config, metrics)
        if outcome.reason != "interrupted":
            shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
    return Fitted(model, config, material, outcome, history, metrics)


def prepare(
    corpus: Corpus, validation: Corpus | None, config: Config, tokenizer_file: Path | None = None
) -> Material:
    """Splits and tokenises; with ``tokenizer_file`` by a tokeniser there is already."""
    if len(set(corpus.texts)) < 2:
        many = f"the same text {len(corpus)} times" if len(corpus) > 1 else f"{len(corpus)} text"
        raise TextVAEError(f"Training needs at least two different texts, and {corpus.name} has {many}.")
    test: list[str] = []
    if validation is None:
        train, kept = split_corpus(corpus, _HELD_OUT, config.train.seed)
        held = kept.texts
        if len(kept) >= _FEWEST_TO_HALVE and len(set(held)) > 1:
            kept, rest = split_corpus(kept, 0.5, config.train.seed)
            held, test = kept.texts, rest.texts
    else:
        train, held = corpus, validation.texts
    tokenizer = (
        Tokenizer.train(train.texts, config.text.tokenizer, config.text.vocab_size)
        if tokenizer_file is None
        else Tokenizer.load(tokenizer_file)
    )
    dropped = dict(corpus.dropped)
    ids, _ = _short(tokenizer, train.texts, "training", config, dropped)
    held_ids, held = _short(tokenizer, held, "validation", config, dropped)
    if test:
        _, test = _short(tokenizer, test, "test", config, dropped, needed=False)
    validation_set = Dataset(held_ids)
    facts = {
        "name": corpus.name,
        "n_texts": len(ids) + len(held) + len(test),
        "n_train": len(ids),
        "n_validation": len(held),
        "n_test": len(test),
        "dropped": dropped,
        "tokenizer": tokenizer.kind,
        "vocab_size": tokenizer.vocab_size,
        "unk_rate": unknown_rate(validation_set),
        "sha256": _fingerprint(train.texts, held, test),
    }
    return Material(tokenizer, Dataset(ids), validation_set, test or held, test, facts)


def describe(material: Material) -> Iterator[str]:
    """What was read and what became of it, in a few lines."""
    facts = material.facts
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in facts["dropped"].items())
    yield f"{facts['name']}: {facts['n_texts']:,} texts" + (f" (left out: {dropped})" if dropped else "")
    yield (
        f"tokenizer {facts['tokenizer']}, vocabulary {facts['vocab_size']:,}, "
        f"{facts['unk_rate']:.1%} of the validation tokens unknown"
    )
    parts = [
        f"{name} {facts[f'n_{name}']:,}" for name in ("train", "validation", "test") if facts[f"n_{name}"]
    ]
    yield ", ".join(parts)


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
    chosen = evenly(texts, most)
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


def evenly(texts: Sequence[str], most: int) -> list[str]:
    """At most so many of the texts, evenly spaced."""
    if len(texts) <= most:
        return list(texts)
    return [texts[i * len(texts) // most] for i in range(most)]


def _check_folder(folder: Path | None, resume: bool, overwrite: bool) -> Config | None:
    """The configuration of the training to resume, if there is one."""
    if folder is None:
        if resume:
            raise TextVAEError("Resuming needs the folder of the earlier training: give it as output.")
        return None
    if folder.exists() and not folder.is_dir():
        raise TextVAEError(f"{folder} is a file, not a folder to put a model in.")
    if not resume:
        if holds_model(folder) and not overwrite:
            raise TextVAEError(
                f"{folder} already holds a model: choose another folder, replace it with --overwrite, "
                "or go on with its training with --resume."
            )
        return None
    if overwrite:
        raise TextVAEError("--resume goes on with a training and --overwrite replaces it: give one of them.")
    if not (folder / CONFIG).exists():
        raise TextVAEError(f"There is no training in {folder} to resume.")
    if (folder / WEIGHTS).exists() and not (folder / CHECKPOINT).exists():
        raise TextVAEError(f"The training in {folder} is finished; there is nothing to resume.")
    return read_model_config(folder)[0]


def _check_same_texts(folder: Path, material: Material) -> None:
    before = read_json(folder / METRICS).get("data", {}).get("sha256")
    if before != material.facts["sha256"]:
        raise TextVAEError(
            f"The texts are not those that the training in {folder} started with: "
            "resume with the same files, or start anew with --overwrite."
        )


def _write_start(folder: Path, config: Config, material: Material, fresh: bool) -> None:
    """What a resumed training needs; the remains of an earlier model are removed before."""
    if fresh:
        _clear(folder)
        write_json(folder / METRICS, {"data": material.facts, "versions": versions()})
        write_atomically(folder / TOKENIZER, material.tokenizer.to_json().encode())
    write_config(folder, config, material.tokenizer.vocab_size, version("textvae"))


def _clear(folder: Path) -> None:
    """Removes what belongs to a model, and nothing else."""
    for name in (CONFIG, WEIGHTS, METRICS, CARD, TOKENIZER, HISTORY):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)


def _short(
    tokenizer: Tokenizer,
    texts: list[str],
    part: str,
    config: Config,
    dropped: dict[str, int],
    needed: bool = True,
) -> tuple[list[np.ndarray], list[str]]:
    """The token ids of the texts that are short enough, and these texts; the others are counted."""
    ids = tokenizer.encode(texts)
    kept, too_long = drop_long(ids, config.text.max_length)
    if needed and not len(kept):
        raise TextVAEError(
            f"All {len(texts)} {part} texts are longer than {config.text.max_length} tokens: allow more with "
            "--set text.max_length=1000, or cut them into sentences with --split sentences."
        )
    if too_long:
        reason = f"longer than {config.text.max_length} tokens"
        dropped[reason] = dropped.get(reason, 0) + too_long
    return [ids[i] for i in kept], [texts[i] for i in kept]


def _fingerprint(*parts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update("\n".join(part).encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()


def _left(config: Config, outcome: Outcome) -> float:
    if outcome.reason == "interrupted":
        return 10.0
    if config.train.time_budget is None:
        return math.inf
    return max(config.train.time_budget - outcome.seconds, 0.0)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """torch's random state started from ``seed``; on leaving it is what it was before."""
    cuda = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        yield


class _Recorder:
    """Keeps the rows that it passes on."""

    def __init__(self, watcher: Watcher):
        self.watcher = watcher
        self.rows: list[Row] = []

    def phase(self, name: str) -> None:
        self.watcher.phase(name)

    def progress(self, done: float) -> None:
        self.watcher.progress(done)

    def row(self, row: Row) -> None:
        self.rows.append(row)
        self.watcher.row(row)

    def close(self) -> None:
        self.watcher.close()
