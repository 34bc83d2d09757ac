"""The sentence VAE as a scikit-learn estimator."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from textvae.config import Config
from textvae.device import resolve_device
from textvae.errors import TextVAEError
from textvae.estimators import hub, strings
from textvae.estimators.evaluating import evaluate
from textvae.estimators.fitting import parameters, train_model, write_figures
from textvae.estimators.folder import write_whole
from textvae.estimators.measuring import MeasuredText
from textvae.estimators.options import check_reads, configuration
from textvae.estimators.prior import refit, with_prior
from textvae.estimators.reading import ReadableText
from textvae.estimators.reporting import Reported
from textvae.estimators.steering import SteeredText, read_directions, write_directions
from textvae.language import translate
from textvae.store import (
    HISTORY,
    METRICS,
    TOKENIZER,
    read_json,
    read_model,
    read_model_config,
    write_atomically,
    write_config,
    write_model,
)
from textvae.text.tokenize import Tokenizer
from textvae.train.tracking import Silent, read_rows, watcher_for


class TextVAE(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ReadableText,  # explain, rotate, attribute, certainty
    SteeredText,  # directions, edit, analogy
    MeasuredText,  # probe, disentangle
    Reported,  # report
    BaseEstimator,
):
    """A sentence VAE: strings in, latents, figures and strings out.

    Training and storing are here; what a trained model does is in its parents, most of it in ``TrainedText``.

    Every option is None by default, which leaves it to the preset. Later ones win: preset, ``config``, the
    options with names of their own, ``set``.

    Args:
        preset: a ready configuration; ``textvae presets`` shows them. Without one it is the ``preset`` that
            ``config`` names, else ``default``.
        latent_dim: Z, how many numbers a text becomes.
        tokenizer: ``auto``, ``word``, ``bpe``, ``unigram``, ``char`` or ``jieba``.
        vocab_size: ordinary tokens at most.
        epochs, steps, time_budget: how long to train, by one of the three; a time is a number of seconds or
            a string such as ``'10m'``.
        target_kl: nats per text to hold the KL of held-out texts at.
        seed: of the split, the first weights and the order of training.
        device: ``auto``, ``cpu`` or ``cuda``.
        config: a TOML file of options, or the same as nested dictionaries; ``preset = "…"`` in it names a preset.
        set: any option by its dotted name, ``{"decoder.dropout": 0.3}`` or ``["decoder.dropout=0.3"]``.
        verbose: whether training tells on stderr how it goes.

    Attributes:
        model_: the trained ``textvae.model.VAE``.
        tokenizer_: its ``Tokenizer``.
        config_: the whole ``Config``.
        history_: rows of figures, one an interval of training.
        metrics_: what ``metrics.json`` holds: ``evaluation``, ``findings``, ``training``, ``data``, ``versions``, and
            ``prior`` once one was fitted.
        directions_: the directions learned since, by ``label=value``.
        dropped_: how many texts were left out, by reason.
        n_dropped_: how many in all.
        test_texts_: texts kept from training and validation; none where validation texts were given.

    >>> vae = TextVAE(latent_dim=16, epochs=5).fit(texts)  # doctest: +SKIP
    >>> vae.encode(["a text", "another"]).shape  # doctest: +SKIP
    (2, 16)
    """

    def __init__(
        self,
        preset: str | None = None,
        *,
        latent_dim: int | None = None,
        tokenizer: str | None = None,
        vocab_size: int | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        time_budget: float | str | None = None,
        target_kl: float | None = None,
        seed: int | None = None,
        device: str = "auto",
        config: str | PathLike[str] | Mapping[str, Any] | None = None,
        set: Mapping[str, Any] | Iterable[str] | None = None,
        verbose: bool = False,
    ):
        self.preset = preset
        self.latent_dim = latent_dim
        self.tokenizer = tokenizer
        self.vocab_size = vocab_size
        self.epochs = epochs
        self.steps = steps
        self.time_budget = time_budget
        self.target_kl = target_kl
        self.seed = seed
        self.device = device
        self.config = config
        self.set = set
        self.verbose = verbose

    # ------------------------------------------------------------------ training

    def fit(
        self,
        X: strings.Texts,
        y: Iterable[Any] | None = None,
        *,
        validation: strings.Texts | None = None,
        output: str | PathLike[str] | None = None,
        resume: bool = False,
        overwrite: bool = False,
        started: float | None = None,
    ) -> Self:
        """Trains on texts, and on labels where the model is one that learns them.

        Args:
            X: texts; empty and too long ones are left out and counted. They are read once and then lie on disk,
                so that a generator, the ``Path`` of a file, or ``read_chunks`` of several may give any number.
            y: a label for each text, None where it is not known; for presets that learn from labels, others ignore
                it. Of a ``Corpus`` with one label it is that.
            validation: texts to watch training by; without them a share, ``train.held_out`` (a tenth), is kept for
                validation and test, 20,000 texts at most.
            output: a folder for the model, its checkpoints and its figures; None keeps nothing on disk.
            resume: go on with the training that was cut off in ``output``, with the same texts.
            overwrite: replace a model in ``output``.
            started: ``time.monotonic()`` from which a time budget counts; by default this call.

        Raises:
            TextVAEError: texts, options or folder can't be used, or the training failed.
        """
        started = time.monotonic() if started is None else started
        say: Callable[[str], object] = _say if self.verbose else (lambda line: None)
        fitted = train_model(
            strings.text_chunks(X if y is None else strings.with_labels(X, y)),
            None if validation is None else strings.as_corpus(validation, "validation texts"),
            lambda saved: configuration(self.get_params(deep=False), saved),
            folder=None if output is None else Path(output),
            resume=resume,
            overwrite=overwrite,
            device=self.device,
            started=started,
            watcher=watcher_for() if self.verbose else Silent(),
            say=say,
        )
        self._take(fitted.model, fitted.material.tokenizer, fitted.config, fitted.metrics, fitted.history)
        self.test_texts_ = fitted.material.test
        return self

    def _take(
        self,
        model: Any,
        tokenizer: Tokenizer,
        config: Config,
        metrics: dict[str, Any],
        history: list[dict[str, Any]],
    ) -> None:
        self.model_, self.tokenizer_, self.config_ = model, tokenizer, config
        self.metrics_, self.history_ = metrics, history
        self.directions_ = {}
        self.dropped_ = dict(metrics.get("data", {}).get("dropped", {}))
        self.n_dropped_ = sum(self.dropped_.values())
        self.test_texts_: list[str] = []

    # ------------------------------------------------------------------ another prior

    def fit_prior(
        self,
        X: strings.Texts,
        kind: str = "flow",
        *,
        validation: strings.Texts | None = None,
        options: Mapping[str, Any] | None = None,
        iw_samples: int = 100,
    ) -> dict[str, Any]:
        """Replaces the prior by one fitted to the latents of texts, best those trained on; the rest of the model stays.

        The likelihood rises, as the KL falls by what the old prior charged for regions that no text is in, and
        samples come from where texts are.

        Args:
            X: texts; without ``validation``, the same tenth of them as in training is held out.
            kind: a prior that learns: ``flow``, ``mixture``, ``vamp``, or ``learned_codes`` for a discrete posterior.
            validation: texts that say when to stop, and that the figures are taken on.
            options: of the prior, such as ``{"components": 20}``.
            iw_samples: of the figures' importance weighting.

        Returns:
            The report of ``textvae.estimators.prior.refit``: figures before and after. ``metrics_`` keeps it as
            ``prior``, and its ``evaluation`` and ``findings`` are those of the new model.

        Raises:
            TextVAEError: the prior doesn't go with the posterior, or the texts can't be used.
        """
        check_is_fitted(self, "model_")
        refitted = refit(
            self.model_,
            self.tokenizer_,
            self.config_,
            with_prior(self.config_, kind, options),
            strings.text_chunks(X),
            None if validation is None else strings.as_corpus(validation, "validation texts"),
            iw_samples=iw_samples,
            say=_say if self.verbose else (lambda line: None),
        )
        self.model_, self.config_ = refitted.model, refitted.config
        evaluation = evaluate(self.model_, self.tokenizer_, refitted.texts, iw_samples=20)
        training = self.metrics_.get("training", {})
        self.metrics_ = self.metrics_ | {
            "evaluation": {"texts": refitted.report["texts"], **evaluation},
            "findings": strings.findings(
                self.model_, self.tokenizer_, refitted.texts, evaluation, self.history_, training
            ),
            "training": {**training, "parameters": parameters(self.model_)},
            "prior": refitted.report,
        }
        return refitted.report

    # ------------------------------------------------------------------ folders

    def save_pretrained(self, folder: str | PathLike[str]) -> None:
        """Writes the model as a folder; one that is there is replaced once the new one is whole.

        Raises:
            TextVAEError: the folder holds other things than a model, or can't be written; a model in it is kept.
        """
        check_is_fitted(self, "model_")
        write_whole(Path(folder), self._write)

    def _write(self, folder: Path) -> None:
        write_atomically(folder / TOKENIZER, self.tokenizer_.to_json().encode())
        write_atomically(folder / HISTORY, "".join(json.dumps(row) + "\n" for row in self.history_).encode())
        write_figures(folder, self.config_, self.metrics_)
        write_directions(folder, self.directions_)
        write_model(folder, self.model_)
        write_config(folder, self.config_, self.tokenizer_.vocab_size, version("textvae"))

    @classmethod
    def from_pretrained(
        cls,
        source: str | PathLike[str],
        *,
        device: str = "auto",
        allow_download: bool = False,
        revision: str | None = None,
    ) -> Self:
        """The model that a folder holds.

        Args:
            source: a folder; with ``allow_download`` also a repository of the Hugging Face Hub.
            device: ``auto``, ``cpu`` or ``cuda``.
            allow_download: whether ``source`` may be fetched from the Hub if there is no such folder.
            revision: of the repository.

        Raises:
            TextVAEError: no model, a damaged one, or one of another format.
        """
        folder = Path(source)
        if not folder.exists() and allow_download:
            folder = hub.fetch(str(source), revision)
        model, config = read_model(folder)
        check_reads(config, "tokens")
        tokenizer = Tokenizer.load(folder / TOKENIZER)
        vocab_size = read_model_config(folder)[1]
        if tokenizer.vocab_size != vocab_size:
            raise TextVAEError(
                f"{folder / TOKENIZER} has {tokenizer.vocab_size} tokens and the model {vocab_size}: "
                "they don't belong together."
            )
        metrics = read_json(folder / METRICS) if (folder / METRICS).exists() else {}
        self = cls(config=config.model_dump(mode="json"), device=device)
        model.to(resolve_device(device))
        self._take(model, tokenizer, config, metrics, read_rows(folder / HISTORY))
        self.directions_ = read_directions(folder)
        return self

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        message: str | None = None,
    ) -> str:
        """Uploads the model to the Hugging Face Hub, and returns its address there."""
        check_is_fitted(self, "model_")
        return hub.push(repo_id, self._write, private=private, token=token, message=message)

    # ------------------------------------------------------------------ scikit-learn

    def transform(self, X: Iterable[str]) -> np.ndarray:
        """The latents of texts, (N, Z) float32: ``encode`` for scikit-learn."""
        return self.encode(strings.listed(X))

    @property
    def _n_features_out(self) -> int:
        return self.model_.latent_dim

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = False
        return tags


def _say(line: str) -> None:
    print(translate(line), file=sys.stderr, flush=True)
