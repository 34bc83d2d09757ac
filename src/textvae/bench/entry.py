"""One entry of a leaderboard: a preset trained and measured, in a process of its own."""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from textvae.bench.sets import BenchmarkSet
from textvae.config import read_config
from textvae.errors import TextVAEError
from textvae.estimators import TextVAE
from textvae.estimators.options import configuration
from textvae.estimators.samples import measure_samples
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.text.batch import Dataset, evenly
from textvae.text.corpus import Corpus
from textvae.text.read import load_corpus

_ABOUT = ("nll", "nll_stderr", "elbo", "reconstruction", "kl", "mi", "active_units", "latent_dim", "ppl")
_TEXT = (
    "iw_samples",
    "iw_texts",
    "bits_per_byte",
    "bleu",
    "unk_rate",
    "n_texts",
    "n_tokens",
    "precision",
    "warnings",
)


class Asked(BaseModel):
    """What an entry is of; the same asked again is not run again, unless its preset is another by then.

    ``length`` holds one of ``epochs``, ``steps`` and ``time_budget`` (seconds), or none: then it is the preset's own;
    ``options`` are assignments as of ``textvae train --set``; ``iw_texts``: the test texts that get ``iw_samples``
    samples, all where it is None (see ``figures_of``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    set: str
    preset: str
    seed: int = 0
    target_kl: float | None = None
    length: dict[str, float] = {}
    options: tuple[str, ...] = ()
    iw_samples: int = 500
    iw_texts: int | None = None
    samples: int = 2000
    device: str = "auto"

    @property
    def name(self) -> str:
        """Of its file of results."""
        rate = "" if self.target_kl is None else f"-kl{self.target_kl:g}"
        return f"{self.preset}{rate}-seed{self.seed}"


def is_of(entry: Mapping[str, Any], asked: Asked) -> bool:
    """Whether an entry has figures, and of just this, by the configuration that this means now."""
    if entry.get("asked") != asked.model_dump(mode="json") or "figures" not in entry:
        return False
    try:
        return read_config(entry["figures"]["config"]) == configuration(
            _estimator(asked).get_params(deep=False)
        )
    except TextVAEError:  # options of then that there are no more
        return False


def measured(asked: Asked, benchmark: BenchmarkSet, folder: Path) -> dict[str, Any]:
    """Trains and measures in a fresh process, so that memory is the entry's own: see ``_measure``.

    Raises:
        TextVAEError: what went wrong there, in one sentence.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(asked, benchmark, folder, theirs))
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        process.join()
        raise TextVAEError(f"the process ended with code {process.exitcode} and no word") from None
    except KeyboardInterrupt:
        process.terminate()
        raise
    process.join()
    if isinstance(found, str):
        raise TextVAEError(found)
    return found


def _run(asked: Asked, benchmark: BenchmarkSet, folder: Path, answer: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer.send(_measure(asked, benchmark, folder))
    except TextVAEError as error:
        answer.send(str(error))


def _end_with_parent() -> None:
    """Ends this process once the one that waits for its figures is gone: killed, it could not end this one itself."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # it was spawned
    parent.join()
    os._exit(1)


def _estimator(asked: Asked) -> TextVAE:
    target = {} if asked.target_kl is None else {"objective": {"target_kl": asked.target_kl, "free_bits": 0}}
    return TextVAE(
        asked.preset,
        config={"train": {**asked.length, "seed": asked.seed}, **target},
        set=list(asked.options),
        device=asked.device,
        verbose=True,
    )


def _measure(asked: Asked, benchmark: BenchmarkSet, folder: Path) -> dict[str, Any]:
    """The figures of ``textvae evaluate`` on the test file, those of samples, and what they cost.

    ``seconds`` are of training, reading included; ``evaluation_seconds`` of the rest; ``peak_mib`` is the most memory
    that the process held.
    """
    train, validation, test = (_texts(file, benchmark) for file in benchmark.files(folder))
    vae = _estimator(asked)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        vae.fit(train, validation=validation, output=Path(scratch) / "model", started=started)
    trained = time.monotonic()
    figures = figures_of(vae, test, asked)
    quality = _samples(vae, train, test, asked)
    training = vae.metrics_["training"]
    return {
        **{name: figures[name] for name in (*_ABOUT, *_TEXT)},
        "samples": quality,
        "epochs": training["epoch"],
        "parameters": training["parameters"],
        "ended": training["reason"],
        "seconds": trained - started,
        "evaluation_seconds": time.monotonic() - trained,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS_PER_MIB,
        "config": vae.config_.model_dump(mode="json"),
        "versions": vae.metrics_["versions"],
    }


_MAXRSS_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere


def figures_of(vae: TextVAE, test: Corpus, asked: Asked) -> dict[str, Any]:
    """Of ``vae.evaluate``; where only some texts get all samples, with the NLL of a regression estimator.

    Every text has its NLL with a few samples, and some have it with all of them too. What more samples take off is
    much the same for all texts, so that its mean over some, added to the mean of all, estimates the NLL of all with
    hardly more spread than if all had all samples (Cochran 1977, Sampling Techniques, section 7.3).
    """
    bar = sys.stderr.isatty()
    if asked.iw_texts is None or asked.iw_texts >= len(test) or asked.iw_samples <= _FEW_SAMPLES:
        whole = vae.evaluate(test, iw_samples=asked.iw_samples, show_progress_bar=bar)
        return whole | {"iw_texts": len(test)}
    figures = vae.evaluate(test, iw_samples=_FEW_SAMPLES, show_progress_bar=bar)
    rows = evenly(len(test), asked.iw_texts)
    dataset = Dataset(vae.tokenizer_.encode([test.texts[i] for i in rows]), rows)
    few, many = (
        evaluate_likelihood(vae.model_, dataset, iw_samples=k) for k in (_FEW_SAMPLES, asked.iw_samples)
    )
    change = many.iw_nll - few.iw_nll
    nll = figures["nll"] + float(change.mean())
    error = float(change.std(ddof=1)) / math.sqrt(len(change))
    return figures | {
        "iw_samples": asked.iw_samples,
        "iw_texts": len(rows),
        "nll": nll,
        "nll_stderr": math.hypot(figures["nll_stderr"], error),
        "ppl": math.exp(nll * figures["n_texts"] / figures["n_tokens"]),
        "bits_per_byte": figures["bits_per_byte"] * nll / figures["nll"],
    }


_FEW_SAMPLES = 10  # of the texts that don't get all


def _texts(file: Path, benchmark: BenchmarkSet) -> Corpus:
    corpus = load_corpus(str(file), text_column=benchmark.text_column)
    if not benchmark.lowercase:
        return corpus
    return Corpus([text.lower() for text in corpus.texts], name=corpus.name, dropped=corpus.dropped)


def _samples(vae: TextVAE, train: Corpus, test: Corpus, asked: Asked) -> Mapping[str, float]:
    """The quality of texts drawn from the prior, beside as many real ones."""
    tokenizer = vae.tokenizer_
    return measure_samples(
        vae.model_,
        tokenizer.encode(train.texts),
        tokenizer.encode([test.texts[i] for i in evenly(len(test), asked.samples)]),
        tokenizer.vocab_size,
        samples=asked.samples,
        max_length=vae.config_.text.max_length,
        seed=asked.seed,
    )
