"""A trained topic model held against documents: perplexity, coherence, diversity, and how topics agree with labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from textvae.errors import TextVAEError
from textvae.estimators.topics.trained import TrainedTopics
from textvae.matrix import RowsDataset
from textvae.metrics.cooccurrence import Cooccurrence, in_documents, in_windows
from textvae.metrics.likelihood import Likelihood, evaluate_likelihood
from textvae.metrics.topic_likelihood import completion_perplexity
from textvae.metrics.topics import (
    CV_WINDOW,
    NPMI_WINDOW,
    TOP,
    c_v,
    nmi,
    npmi,
    perplexity,
    purity,
    topic_diversity,
)


class MeasuredTopics(TrainedTopics):
    """How good a topic model is, as ``TopicVAE`` measures it."""

    def perplexity(
        self,
        X: Any,
        *,
        per: Literal["document", "corpus"] = "corpus",
        bound: Literal["elbo", "importance"] = "elbo",
        samples: int = 20,
        seed: int = 0,
        vectors: Any = None,
        covariates: Any = None,
    ) -> float:
        """exp of a bound of −log p(x) per word, by ``samples`` draws: of the corpus, or of its documents on average.

        Documents without a word of the vocabulary are left out. The bound is −ELBO, with ``per="document"`` what NVDM
        and those after it report; or, with ``bound="importance"``, the tighter one of importance weighting
        (``metrics/likelihood.py``), which falls to −log p(x) as ``samples`` grow.
        """
        documents, lengths = self._with_words(self._documents(X, vectors=vectors, covariates=covariates))
        likelihood = self._likelihood(documents, samples, seed)
        return perplexity(likelihood.iw_nll if bound == "importance" else -likelihood.elbo, lengths)[
            f"per_{per}"
        ]

    def score(self, X: Any, y: object = None) -> float:
        """The mean ELBO of documents in nats, for model selection; those without a known word are left out."""
        documents, _ = self._with_words(self._documents(X))
        return float(self._likelihood(documents, samples=20, seed=0).elbo.mean())

    def evaluate(
        self,
        X: Any,
        labels: Any = None,
        *,
        n: int = TOP,
        seed: int = 0,
        vectors: Any = None,
        covariates: Any = None,
    ) -> dict[str, Any]:
        """The figures of the model on documents, as ``textvae topics evaluate --json`` gives them.

        Coherence is that of the n foremost words with these documents as the reference: in sliding windows of their
        words (10 for NPMI, 110 for C_V) if they are texts and single words are counted, else in whole documents, as
        ``reference`` says. Purity and NMI compare ``labels`` with the topics of largest shares.
        """
        texts, documents = self._with_texts(X, vectors, covariates)
        judged = self._judge(documents)
        ids = self._foremost(n)
        narrow, wide, name = self._references(texts, documents, ids)
        coherence = npmi(ids, narrow)
        known, lengths = self._with_words(documents)
        figures: dict[str, Any] = {
            "n_documents": len(documents),
            "n_words": float(documents.sparse().sum()),
            "n_topics": self.n_topics_,
            "npmi": float(np.nanmean(coherence)) if n > 1 else None,
            "c_v": float(c_v(ids, wide).mean()),
            "diversity": topic_diversity(ids),
            "top": n,
            "reference": name,
            "perplexity": perplexity(-self._likelihood(known, 20, seed).elbo, lengths),
            "completion_perplexity": completion_perplexity(self.model_, documents, self._at_once, seed),
            "fits": float(judged.fits.mean()),
            "topic_npmi": coherence.tolist(),
        }
        if labels is not None:
            if len(labels) != len(documents):
                raise TextVAEError(f"There are {len(documents)} documents, and {len(labels)} labels.")
            groups = judged.theta.argmax(1)
            figures |= {"purity": purity(groups, labels), "nmi": nmi(groups, labels)}
        return figures

    # ------------------------------------------------------------------ within

    def _with_words(self, documents: RowsDataset) -> tuple[RowsDataset, np.ndarray]:
        """The documents that have words, and how many (n,)."""
        lengths = np.asarray(documents.sparse().sum(1)).ravel()
        kept = np.flatnonzero(lengths)
        if not len(kept):
            raise TextVAEError("No document has a word of the vocabulary.")
        return documents.subset(kept), lengths[kept]

    def _likelihood(self, documents: RowsDataset, samples: int, seed: int) -> Likelihood:
        return evaluate_likelihood(
            self.model_, documents, iw_samples=samples, seed=seed, max_tokens=self._at_once, precision="fp32"
        )

    def _references(
        self, texts: list[str] | None, documents: RowsDataset, ids: np.ndarray
    ) -> tuple[Cooccurrence, Cooccurrence, str]:
        """What NPMI and C_V are taken in, and what it is called."""
        longest = max(len(word.split()) for word in self.words_[np.unique(ids)])
        if texts is None or self.vectorizer_ is None or longest > 1:
            reference = in_documents(documents.sparse(), ids)
            return reference, reference, "documents"
        tokens = self._tokens(texts)
        windows = f"windows of {NPMI_WINDOW} words (NPMI) and {CV_WINDOW} (C_V)"
        return in_windows(tokens, ids, NPMI_WINDOW), in_windows(tokens, ids, CV_WINDOW), windows

    def _tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The columns of each text's words, in their order; −1 for words outside the vocabulary."""
        analyse = self.vectorizer_.build_analyzer()
        column = {word: i for i, word in enumerate(self.words_.tolist())}
        return [np.array([column.get(word, -1) for word in analyse(text)], np.int64) for text in texts]
