"""The topic model as a scikit-learn estimator."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state

from textvae.config import Config, merge, read_config
from textvae.errors import TextVAEError, TextVAEWarning
from textvae.estimators.options import configuration
from textvae.estimators.reporting import Reported
from textvae.estimators.rows import FittedRows, TrainedRows, read_fitted, split_rows, train_rows
from textvae.estimators.topics.context import Context, plan
from textvae.estimators.topics.documents import Counted, count, learn
from textvae.estimators.topics.fits import ENOUGH, Fit
from textvae.estimators.topics.intervals import Calibration
from textvae.estimators.topics.measured import MeasuredTopics
from textvae.estimators.topics.runs import Consensus, consensus
from textvae.estimators.topics.seeds import STRENGTH, seed_ids, seed_report
from textvae.matrix import RowsDataset
from textvae.metrics.topic_likelihood import shares
from textvae.model import VAE
from textvae.store import VOCABULARY, read_json, write_json
from textvae.text.batch import evenly
from textvae.text.vectorizers import vectorizer_from, vectorizer_state
from textvae.train.topic_start import start_topics

_ONE_PASS = {"train": {"epochs": 1.0, "validations": 1, "patience": None}}

_PREVALENCE = 20_000  # documents that topics' prevalence is taken of, at most


class _Run(NamedTuple):
    """A training: what it left, and the documents that it was watched by."""

    fitted: FittedRows
    held_out: RowsDataset


class TopicVAE(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, MeasuredTopics, TrainedRows, Reported, BaseEstimator
):
    """A topic model: documents in, topics and each document's shares of them out.

    Documents are texts, or counts of words that are there already: a matrix (N, V), whose columns ``vocabulary`` names.

    Args:
        n_topics: K.
        preset: a ready configuration of a topic model; by default ``topics``.
        vocabulary: the words to count in texts, or the names of a matrix's columns.
        vectorizer: how texts are counted: a ``textvae.text.count.WordCounter`` with options of one's own, or one of
            scikit-learn's that has a vocabulary.
        seed_words: words that a topic is to be about, ``{0: ["goal", "match"], 3: ["film"]}``. Topic 0 then is and
            stays that of these words, as far as the data let it: ``metrics_["topics"]["seeds"]`` tells how far
            they moved it.
        epochs, steps, time_budget: how long to train, by one of the three; by default as the preset says.
        random_state: of the split, the first weights and the order of training: a number, or as in scikit-learn.
        device: ``auto``, ``cpu`` or ``cuda``.
        config: a TOML file of options, or the same as nested dictionaries.
        set: any option by its dotted name, ``{"encoder.hidden": 100}``.
        verbose: whether training tells on stderr how it goes.

    Attributes:
        words_: (V,) the vocabulary.
        components_: (K, V) p(word | topic).
        model_, config_, history_, metrics_: as of ``MatrixVAE``; ``metrics_["topics"]`` has ``prevalence`` and, where
            there are any, ``seeds`` and ``runs``.
        consensus_: what several runs agree on (``topics/runs.py``); None after one.
        dropped_: how many documents of training had no word of the vocabulary.
        n_features_in_: V.

    >>> docs = ["the cat chased a mouse", "a mouse ate cheese", "the market fell", "the market rate rose"] * 5
    >>> words = ["cat", "mouse", "cheese", "market", "rate"]
    >>> topics = TopicVAE(n_topics=2, vocabulary=words, epochs=2).fit(docs)
    >>> topics.transform(docs).shape, len(topics.topic_words(3))
    ((20, 2), 2)
    """

    consensus_: Consensus | None

    def __init__(
        self,
        n_topics: int = 50,
        preset: str | None = None,
        *,
        vocabulary: Sequence[str] | None = None,
        vectorizer: Any = None,
        seed_words: Mapping[int, Sequence[str]] | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        time_budget: float | str | None = None,
        random_state: Any = 0,
        device: str = "auto",
        config: str | PathLike[str] | Mapping[str, Any] | None = None,
        set: Mapping[str, Any] | Iterable[str] | None = None,
        verbose: bool = False,
    ):
        self.n_topics = n_topics
        self.preset = preset
        self.vocabulary = vocabulary
        self.vectorizer = vectorizer
        self.seed_words = seed_words
        self.epochs = epochs
        self.steps = steps
        self.time_budget = time_budget
        self.random_state = random_state
        self.device = device
        self.config = config
        self.set = set
        self.verbose = verbose

    # ------------------------------------------------------------------ training

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        vectors: Any = None,
        covariates: Any = None,
        n_runs: int = 1,
        started: float | None = None,
    ) -> Self:
        """Trains on documents. A share of them, ``train.held_out``, is kept to watch training by.

        Args:
            X: texts, which may come as a generator and are read once, or a matrix of counts.
            y: (N,) labels, for a model that learns from them (``scholar2018``); others ignore them.
            vectors: (N, D) of the documents, for a model that reads such (``combinedtm2021``, ``zeroshot2021``);
                without them it reads those of a latent semantic analysis of the counts.
            covariates: (N, C) of the documents, for ``scholar2018``.
            n_runs: trainings with different seeds, ``random_state`` and those after it. The one whose topics are most
                like those of all others is kept; each of its topics has a ``support``, the share of the others that
                found it too.
            started: ``time.monotonic()`` from which a time budget counts; by default this call.

        Raises:
            TextVAEError: the documents or the options can't be used, or the training failed.
        """
        self._fit(X, y, vectors, covariates, n_runs, started)
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> np.ndarray:
        """``fit``, then ``transform`` of the same documents, which are read once: (N, K) float32."""
        options = {"vectors": None, "covariates": None, "n_runs": 1, "started": None, **fit_params}
        counts = self._fit(X, y, **options)
        context = self.context_.of(counts, None, options["vectors"], options["covariates"])
        return shares(self.model_, RowsDataset(counts, context), self._at_once)

    def partial_fit(self, X: Any, y: Any = None, *, vectors: Any = None, covariates: Any = None) -> Self:
        """One pass over documents with the model as it is; the first call begins with a new one, as ``fit`` does.

        The vocabulary is that of the first call. What is known of documents (``prevalence``, intervals and
        whether a topic fits) is that of the last ones.
        """
        if not hasattr(self, "model_"):
            config = self._configuration()
            counted = self._learn(X)
            config, context = plan(config, counted.counts, y, vectors, covariates)
        else:
            counts = count(X, self.words_.tolist(), self.vectorizer_)
            counted = Counted(counts, self.words_.tolist(), self.vectorizer_)
            config, context = self.config_, self.context_
        going_on = getattr(self, "model_", None)
        before = getattr(self, "word_counts_", 0)
        once = read_config(merge(config.model_dump(mode="json"), _ONE_PASS))
        least = max(self.n_topics, 2) if going_on is None else 2
        documents = self._documents_of(counted, context, y, vectors, covariates, least)
        seeds = self._seed_ids(counted.words)
        run = self._train(once, documents, seeds, None, going_on)
        self._settle([run], config, counted, context, documents, seeds)
        self.word_counts_ = self.word_counts_ + before
        return self

    def _fit(self, X: Any, y: Any, vectors: Any, covariates: Any, n_runs: int, started: float | None) -> Any:
        """Trains; the counts of all documents, those without a word too."""
        started = time.monotonic() if started is None else started
        if n_runs < 1:
            raise TextVAEError(f"At least 1 run is needed, not {n_runs}.")
        config = self._configuration()  # a mistake in the options is told before the documents are read
        counted = self._learn(X)
        config, context = plan(config, counted.counts, y, vectors, covariates)
        documents = self._documents_of(counted, context, y, vectors, covariates, max(self.n_topics, 2))
        seeds = self._seed_ids(counted.words)
        runs = []
        for run in range(n_runs):
            other = {"train": {"seed": config.train.seed + run}}
            own = read_config(merge(config.model_dump(mode="json"), other)) if run else config
            runs.append(self._train(own, documents, seeds, None if run else started))
        self._settle(runs, config, counted, context, documents, seeds)
        return counted.counts

    def _configuration(self) -> Config:
        seed = self.random_state
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            seed = check_random_state(seed).randint(2**31 - 1)
        options = self.get_params(deep=False)
        return configuration({**options, "latent_dim": self.n_topics, "seed": int(seed)}, reads="topics")

    def _learn(self, X: Any) -> Counted:
        counted = learn(X, self.vectorizer, self.vocabulary)
        if len(counted.words) < 2:
            raise TextVAEError(
                f"A vocabulary of {len(counted.words)} word has no topics: there have to be two words at least."
            )
        return counted

    def _seed_ids(self, words: Sequence[str]) -> dict[int, list[int]]:
        return seed_ids(self.seed_words, words, self.n_topics)

    def _documents_of(
        self, counted: Counted, context: Context, labels: Any, vectors: Any, covariates: Any, least: int
    ) -> RowsDataset:
        """The documents to train on: those that have words, of which there have to be so many."""
        beside = context.of(counted.counts, labels, vectors, covariates)
        kept = np.flatnonzero(np.asarray(counted.counts.sum(1)).ravel())
        empty = counted.counts.shape[0] - len(kept)
        if not len(kept):
            raise TextVAEError("No document has a word of the vocabulary.")
        if len(kept) < least:
            raise TextVAEError(
                f"{self.n_topics} topics need at least {least} documents with words, and there are {len(kept)}."
            )
        if empty:
            warnings.warn(
                f"{empty:,} of {counted.counts.shape[0]:,} documents have no word of the vocabulary and are left out.",
                TextVAEWarning,
                stacklevel=4,
            )
        self.dropped_ = empty
        return RowsDataset(counted.counts[kept], None if beside is None else beside[kept])

    def _train(
        self,
        config: Config,
        documents: RowsDataset,
        seeds: dict[int, list[int]],
        started: float | None,
        going_on: VAE | None = None,
    ) -> _Run:
        train, held_out = split_rows(documents, config.train)

        def start(model: VAE) -> None:
            if going_on is None:
                start_topics(model, train, config.train.seed, seeds)
            if seeds:
                model.decoder.hold(seeds, STRENGTH)

        fitted = train_rows(
            config,
            train,
            held_out,
            start,
            model=going_on,
            device=self.device,
            verbose=self.verbose,
            started=started,
        )
        return _Run(fitted, held_out)

    def _settle(
        self,
        runs: list[_Run],
        config: Config,
        counted: Counted,
        context: Context,
        documents: RowsDataset,
        seeds: dict[int, list[int]],
    ) -> None:
        """Keeps one run, and what its model and these documents tell of each other."""
        topics = [run.fitted.model.decoder.topics().detach().cpu().numpy() for run in runs]
        self.consensus_ = consensus(topics) if len(runs) > 1 else None
        kept = 0 if self.consensus_ is None else self.consensus_.reference
        fitted, held_out = runs[kept]
        self._take(FittedRows(fitted.model, config, fitted.columns, fitted.metrics, fitted.history))
        self.words_ = np.array(counted.words, dtype=object)
        self.vectorizer_, self.context_ = counted.vectorizer, context
        self.word_counts_ = np.asarray(counted.counts.sum(0), np.float64).ravel()
        self.calibration_ = Calibration.on(self.model_, documents, self._at_once, config.train.seed)
        usual = held_out if len(held_out) >= ENOUGH else documents
        self.fit_ = Fit.on(self.model_, usual, self.word_counts_, self._at_once)
        some = documents.subset(evenly(len(documents), _PREVALENCE))
        theta = shares(self.model_, some, self._at_once)
        about: dict[str, Any] = {"prevalence": theta.mean(0, dtype=np.float64).tolist()}
        if seeds:
            foremost = self.model_.decoder.foremost().detach().cpu().numpy()
            about["seeds"] = seed_report(seeds, counted.words, documents.sparse(), topics[kept], foremost)
        if self.consensus_ is not None:
            about["runs"] = self.consensus_.state([config.train.seed + run for run in range(len(runs))])
        self.metrics_["data"]["dropped"] = {"without a word of the vocabulary": self.dropped_}
        self.metrics_["topics"] = about

    # ------------------------------------------------------------------ folders

    def _write(self, folder: Path) -> None:
        state = {
            "words": self.words_.tolist(),
            "counts": self.word_counts_.tolist(),
            "vectorizer": None if self.vectorizer_ is None else vectorizer_state(self.vectorizer_),
            "context": self.context_.write(folder),
            "intervals": self.calibration_.state(),
            "fits": self.fit_.state(),
        }
        write_json(folder / VOCABULARY, state)
        super()._write(folder)

    @classmethod
    def from_pretrained(cls, folder: str | PathLike[str], *, device: str = "auto") -> Self:
        """The model that a folder holds.

        Raises:
            TextVAEError: no topic model, a damaged one, or one of another format.
        """
        source = Path(folder)
        fitted = read_fitted(source, "topics", device)
        state = read_json(source / VOCABULARY)
        config = fitted.config
        self = cls(
            config.latent_dim,
            random_state=config.train.seed,
            config=config.model_dump(mode="json"),
            device=device,
        )
        self._take(fitted)
        self.words_ = np.array(state["words"], dtype=object)
        self.word_counts_ = np.array(state["counts"])
        saved = state["vectorizer"]
        self.vectorizer_ = None if saved is None else vectorizer_from(saved, state["words"])
        self.context_ = Context.read(source, state["context"])
        self.calibration_, self.fit_ = Calibration.of(state["intervals"]), Fit.of(state["fits"])
        self.consensus_ = None
        self.dropped_ = sum(self.metrics_["data"]["dropped"].values())
        return self

    # ------------------------------------------------------------------ scikit-learn

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.target_tags.required = False
        return tags
