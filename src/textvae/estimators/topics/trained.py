"""A trained topic model at work: its topics, and documents' shares of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from textvae.errors import TextVAEError
from textvae.estimators.rows import at_once
from textvae.estimators.streams import Stream
from textvae.estimators.topics.context import Context
from textvae.estimators.topics.documents import count, is_matrix, texts_of
from textvae.estimators.topics.fits import Fit, Judged
from textvae.estimators.topics.groups import Period, Prevalence, group_numbers, prevalence, word_changes
from textvae.estimators.topics.intervals import Calibration, Intervals
from textvae.matrix import RowsDataset
from textvae.metrics.topic_likelihood import shares
from textvae.metrics.topics import TOP, top_words
from textvae.rowfile import Columns, RowFile
from textvae.text.batch import evenly
from textvae.text.corpus import Corpus

_UNSURE = 300  # documents that tell how unsure shares are


class TrainedTopics:
    """What ``TopicVAE`` does with a model that is there: all but training, measuring and storing it.

    Documents ``X`` are texts (strings, a ``Corpus``, the ``Path`` of a file) or a matrix of counts (N, V), sparse or
    dense. ``vectors`` (N, D) or ``covariates`` (N, C) go with them where the model was trained with such.
    """

    model_: Any
    words_: np.ndarray
    word_counts_: np.ndarray
    vectorizer_: Any
    context_: Context
    calibration_: Calibration
    fit_: Fit
    metrics_: dict[str, Any]

    # ------------------------------------------------------------------ documents to shares

    def transform(self, X: Any, *, vectors: Any = None, covariates: Any = None) -> np.ndarray:
        """θ (N, K) float32: each document's shares of the topics, in the documents' order; a row sums to 1.

        They are those at the mean of q(z|x). A document without a word of the vocabulary has those of no words at all.
        """
        documents = self._documents(X, vectors=vectors, covariates=covariates)
        return shares(self.model_, documents, self._at_once)

    def transform_chunks(
        self,
        chunks: Iterable[Corpus],
        *,
        file: RowFile | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> Iterator[Columns]:
        """The same of any number of texts, some at a time: rows of each chunk, as of ``read_chunks``.

        Their columns are ``index`` from 0, ``text``, the labels that the first chunk has, ``topic`` (that of the
        largest share), ``fits`` and ``theta`` (n, K).

        Args:
            file: for the rows; those that an earlier run left there are not given again.
            progress: called with the number of texts done.
        """
        stream = Stream(chunks, file=file)
        for part in stream:
            if len(part) and not part.done:
                theta, fits = self._judge(self._documents(part.corpus))
                columns = {**part.columns, "topic": theta.argmax(1), "fits": fits, "theta": theta}
                stream.write(part, columns)
                yield columns
            if progress:
                progress(part.first + len(part))

    def intervals(
        self, X: Any, level: float = 0.9, *, vectors: Any = None, covariates: Any = None, seed: int = 0
    ) -> Intervals:
        """Between which shares a document's share of a topic is, at a level in (0, 1).

        From the posterior's spread, calibrated on documents drawn from the model: ``topics/intervals.py`` says how.
        """
        if not 0 < level < 1:
            raise TextVAEError(f"The level of an interval is between 0 and 1, not {level}.")
        documents = self._documents(X, vectors=vectors, covariates=covariates)
        return self.calibration_.intervals(self.model_, documents, level, self._at_once, seed)

    def fits(self, X: Any, *, vectors: Any = None, covariates: Any = None) -> np.ndarray:
        """(N,) bool: whether any topic fits a document; about one in a hundred of the corpus itself is told it doesn't.

        Documents keep their shares either way: this is a flag beside them, and no topic of its own.
        """
        documents = self._documents(X, vectors=vectors, covariates=covariates)
        return self._judge(documents).fits

    # ------------------------------------------------------------------ topics

    @property
    def n_topics_(self) -> int:
        """K."""
        return self.model_.latent_dim

    @property
    def components_(self) -> np.ndarray:
        """(K, V) float32: p(word | topic), rows sum to 1, columns as ``words_``."""
        check_is_fitted(self, "model_")
        return self.model_.decoder.topics().detach().cpu().numpy()

    def topic_words(self, n: int = TOP) -> list[list[str]]:
        """The n foremost words of every topic."""
        return self.words_[self._foremost(n)].tolist()

    def get_topic(self, topic: int, n: int = TOP) -> list[tuple[str, float]]:
        """The n foremost words of a topic with their probabilities in it."""
        self._check_topic(topic)
        ids = self._foremost(n)[topic]
        return list(zip(self.words_[ids].tolist(), self.components_[topic, ids].tolist(), strict=True))

    def get_topic_info(self, n: int = TOP) -> list[dict[str, Any]]:
        """A row for each topic: ``topic``, ``prevalence``, ``words``, and what training knows of it.

        Prevalence is the mean share of the topic in the documents of training. ``support`` and ``likeness`` are there
        after several runs, ``seeds`` for a seeded topic.
        """
        about = self.metrics_["topics"]
        runs = about.get("runs")
        seeded = {row["topic"]: row for row in about.get("seeds", [])}
        rows = []
        for topic, words in enumerate(self.topic_words(n)):
            row: dict[str, Any] = {"topic": topic, "prevalence": about["prevalence"][topic], "words": words}
            if runs:
                row |= {"support": runs["support"][topic], "likeness": runs["likeness"][topic]}
            if topic in seeded:
                row["seeds"] = {key: value for key, value in seeded[topic].items() if key != "topic"}
            rows.append(row)
        return rows

    def get_document_info(
        self, X: Any, *, vectors: Any = None, covariates: Any = None
    ) -> list[dict[str, Any]]:
        """A row for each document: its number, its text, its foremost topic.

        Keys: ``document``, ``text`` where there is one, ``topic`` (that of the largest share), ``share``, ``words`` (of
        the topic), ``known_words`` (how many of the document's are in the vocabulary) and ``fits``.
        """
        texts, documents = self._with_texts(X, vectors, covariates)
        theta, fits = self._judge(documents)
        known = np.asarray(documents.sparse().sum(1)).ravel()
        words = self.topic_words()
        rows = []
        for document, topic in enumerate(theta.argmax(1).tolist()):
            row: dict[str, Any] = {"document": document}
            if texts is not None:
                row["text"] = texts[document]
            row |= {"topic": topic, "share": float(theta[document, topic]), "words": words[topic]}
            rows.append(row | {"known_words": float(known[document]), "fits": bool(fits[document])})
        return rows

    def representative_documents(
        self, X: Any, n: int = 3, *, vectors: Any = None, covariates: Any = None
    ) -> list[list[dict[str, Any]]]:
        """For each topic the n documents with the largest shares of it: ``document``, ``share``, and ``text`` if any.

        Only documents that a topic fits are shown, and none whose largest share is of another topic.
        """
        texts, documents = self._with_texts(X, vectors, covariates)
        theta, fits = self._judge(documents)
        mine = theta.argmax(1)
        chosen = []
        for topic in range(theta.shape[1]):
            places = np.flatnonzero(fits & (mine == topic))
            best = places[np.argsort(-theta[places, topic], kind="stable")[:n]]
            chosen.append(
                [
                    {"document": int(i), "share": float(theta[i, topic])}
                    | ({} if texts is None else {"text": texts[i]})
                    for i in best
                ]
            )
        return chosen

    # ------------------------------------------------------------------ groups

    def prevalence(
        self,
        X: Any,
        by: Any,
        *,
        period: Period | None = None,
        level: float = 0.9,
        vectors: Any = None,
        covariates: Any = None,
    ) -> Prevalence:
        """The mean shares of topics in documents of each label or, with a ``period``, of each year, month, week or day.

        Args:
            X: documents.
            by: (N,) their labels or dates.
            period: ``year``, ``month``, ``week`` or ``day``, where ``by`` are dates.
            level: of the intervals, which hold both how documents differ and how unsure their shares are.
            vectors, covariates: of the documents.
        """
        documents = self._documents(X, vectors=vectors, covariates=covariates)
        groups, numbers = group_numbers(by, len(documents), period)
        theta = shares(self.model_, documents, self._at_once)
        # a calibrated interval of 68.3 % is two standard deviations wide; some documents stand for all
        some = documents.subset(evenly(len(documents), _UNSURE))
        around = self.calibration_.intervals(self.model_, some, 0.683, self._at_once)
        unsure = np.square((around.upper - around.lower) / 2).mean(0)
        return prevalence(theta, unsure, groups, numbers, level)

    def word_changes(
        self,
        X: Any,
        by: Any,
        topic: int,
        *,
        period: Period | None = None,
        n: int = TOP,
        vectors: Any = None,
        covariates: Any = None,
    ) -> list[dict[str, Any]]:
        """For each group, the n words that its documents use more, and less, for a topic than those of other groups.

        Returns:
            A row for each group: ``group``, and ``more`` and ``less``, lists of (word, z). Beyond ±2 it is hardly
            chance.
        """
        self._check_topic(topic)
        documents = self._documents(X, vectors=vectors, covariates=covariates)
        groups, numbers = group_numbers(by, len(documents), period)
        theta = shares(self.model_, documents, self._at_once)
        z = word_changes(documents.sparse(), theta, self.components_, topic, numbers, len(groups))
        rows = []
        for group, scores in zip(groups, z, strict=True):
            order = np.argsort(-scores, kind="stable")
            more, less = (
                [(str(self.words_[i]), float(scores[i])) for i in ids if scores[i] * sign > 0]
                for ids, sign in ((order[:n], 1), (order[::-1][:n], -1))
            )
            rows.append({"group": group, "more": more, "less": less})
        return rows

    def to_octis(
        self, X: Any = None, n: int = TOP, *, vectors: Any = None, covariates: Any = None
    ) -> dict[str, Any]:
        """The dictionary that OCTIS takes its measures of.

        ``topics``, ``topic-word-matrix`` (K, V), and where there are documents ``topic-document-matrix`` (K, N).
        """
        output: dict[str, Any] = {"topics": self.topic_words(n), "topic-word-matrix": self.components_}
        if X is not None:
            theta = self.transform(X, vectors=vectors, covariates=covariates)
            output["topic-document-matrix"] = theta.T
        return output

    # ------------------------------------------------------------------ within

    @property
    def _at_once(self) -> int:
        return at_once(len(self.words_))

    def _foremost(self, n: int) -> np.ndarray:
        """(K, n) the columns of the foremost words of every topic."""
        check_is_fitted(self, "model_")
        if n < 1:
            raise TextVAEError(f"At least 1 word of a topic has to be shown, not {n}.")
        return top_words(self.model_.decoder.foremost().detach().cpu().numpy(), n)

    def _check_topic(self, topic: int) -> None:
        check_is_fitted(self, "model_")
        if not 0 <= topic < self.n_topics_:
            raise TextVAEError(f"There is no topic {topic}: topics are numbered 0 to {self.n_topics_ - 1}.")

    def _documents(self, X: Any, *, vectors: Any = None, covariates: Any = None) -> RowsDataset:
        check_is_fitted(self, "model_")
        counts = count(X, self.words_.tolist(), self.vectorizer_)
        if not counts.shape[0]:
            raise TextVAEError("There are no documents.")
        return RowsDataset(counts, self.context_.of(counts, None, vectors, covariates))

    def _with_texts(self, X: Any, vectors: Any, covariates: Any) -> tuple[list[str] | None, RowsDataset]:
        """The texts of documents that are texts, and the documents; what comes as a generator is read once."""
        texts = None if is_matrix(X) else list(texts_of(X))
        documents = X if texts is None else texts
        return texts, self._documents(documents, vectors=vectors, covariates=covariates)

    def _judge(self, documents: RowsDataset) -> Judged:
        return self.fit_.judge(self.model_, documents, self.word_counts_, self._at_once)
