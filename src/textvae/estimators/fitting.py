"""From texts to a trained model in a folder: read, split, tokenise, train, measure, save."""

from __future__ import annotations

import hashlib
import math
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
from textvae.estimators.evaluating import evaluate
from textvae.estimators.folder import ModelFolder, has_checkpoint
from textvae.estimators.strings import findings
from textvae.metrics.text_quality import unknown_rate
from textvae.model import VAE, build, build_objective
from textvae.noise import seeded
from textvae.store import (
    CARD,
    CHECKPOINT,
    HISTORY,
    METRICS,
    TOKENIZER,
    read_json,
    write_atomically,
    write_config,
    write_json,
    write_model,
)
from textvae.text.batch import Dataset, drop_long, evenly
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
    home, saved = check_folder(folder, resume, overwrite)
    config = configure(saved)
    resumed = folder if saved is not None else None
    material = prepare(corpus, validation, config, resumed and resumed / TOKENIZER)
    if resumed is not None:
        _check_same_texts(resumed, material)
    for line in describe(material):
        say(line)

    recorder = _Recorder(watcher)
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
        trainer.processes.wait()  # every process has looked at the folder before one writes to it
        if not trainer.processes.is_main:
            home = None
        goes_on = resumed is not None and has_checkpoint(resumed)
        if home is not None and resumed is None:
            home.begin()
        try:
            if home is not None:
                _write_start(home.path, config, material, fresh=resumed is None)
            if resumed is not None and not goes_on:
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
    dropped = Counter(corpus.dropped)
    if validation is not None:
        dropped.update(validation.dropped)
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
        "dropped": dict(dropped),
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


def _check_same_texts(folder: Path, material: Material) -> None:
    before = read_json(folder / METRICS).get("data", {}).get("sha256")
    if before != material.facts["sha256"]:
        raise TextVAEError(
            f"The texts are not those that the training in {folder} started with: "
            "resume with the same files, or start anew with --overwrite."
        )


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


def _short(
    tokenizer: Tokenizer,
    texts: list[str],
    part: str,
    config: Config,
    dropped: Counter[str],
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
        dropped[reason] += too_long
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
