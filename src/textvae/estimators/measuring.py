"""A trained sentence VAE's latents held against what is known of the texts: probes and disentanglement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from textvae.errors import TextVAEError
from textvae.estimators import strings
from textvae.estimators.trained import TrainedText
from textvae.metrics.collapse import ACTIVE_VARIANCE
from textvae.metrics.disentanglement import measure_disentanglement
from textvae.metrics.probes import probe
from textvae.text.batch import evenly
from textvae.text.corpus import Corpus

_MOST_TEXTS = 20_000  # measured on: evenly spaced ones of more


class MeasuredText(TrainedText):
    """How much of a text's labels is in its latent, and where, as ``TextVAE`` measures it."""

    def probe(
        self,
        texts: Corpus | Iterable[str],
        labels: Mapping[str, ArrayLike] | None = None,
        *,
        folds: int = 5,
        seed: int = 0,
    ) -> dict[str, dict[str, Any]]:
        """How well a linear model of z predicts each label, as ``textvae probe --json`` gives it.

        Args:
            texts: at most 20,000 evenly spaced ones are used.
            labels: the values of each label, (N,); by default those of the ``Corpus``. Texts without a value of a
                label (empty, or no number) are left out of its probe.
            folds: of the cross-validation.
            seed: of the folds and of the control.

        Returns:
            By label the figures of ``textvae.metrics.probes.Probe``.

        Raises:
            TextVAEError: there are no labels, or too few texts with one.
        """
        corpus = self._labelled(texts, labels)
        z = self.encode(corpus.texts)
        figures = {}
        for name, values in corpus.labels.items():
            known = _known(values)
            try:
                figures[name] = asdict(probe(z[known], values[known], folds=folds, seed=seed))
            except TextVAEError as error:
                raise TextVAEError(f"Label {name}: {error}") from error
        return figures

    def disentangle(
        self, texts: Corpus | Iterable[str], factors: Mapping[str, ArrayLike] | None = None, *, seed: int = 0
    ) -> dict[str, Any]:
        """Whether each factor has an active dimension of its own, as ``textvae disentangle --json`` gives it.

        Args:
            texts: at most 20,000 evenly spaced ones are used, of those that have a value of every factor.
            factors: the values of each, (N,); by default the labels of the ``Corpus``.
            seed: of all that is drawn.

        Returns:
            The figures of ``textvae.metrics.disentanglement.Disentanglement`` of the modes' active dimensions, their
            numbers as ``dimensions``, and ``n_texts``; a carrier's ``axis`` is the dimension's number, too.

        Raises:
            TextVAEError: fewer than two factors, one that doesn't vary, or fewer than two active dimensions.
        """
        corpus = self._labelled(texts, factors)
        known = np.all([_known(values) for values in corpus.labels.values()], axis=0)
        corpus = corpus.select(known)
        z = self.encode(corpus.texts)
        active = np.flatnonzero(z.var(0) > ACTIVE_VARIANCE)
        if len(active) < 2:  # a lone axis would score 1 for the completeness of what it doesn't tell
            raise TextVAEError(
                f"Disentanglement compares axes, and {len(active)} of {z.shape[1]} dimensions are active: "
                "two at least are needed."
            )
        measured = measure_disentanglement(z[:, active], corpus.labels, seed=seed)
        carriers = [{**carrier._asdict(), "axis": int(active[carrier.axis])} for carrier in measured.carriers]
        return {
            **asdict(measured),
            "carriers": carriers,
            "dimensions": active.tolist(),
            "n_texts": len(corpus),
        }

    def _labelled(self, texts: Corpus | Iterable[str], labels: Mapping[str, ArrayLike] | None) -> Corpus:
        check_is_fitted(self, "model_")
        if labels is not None:
            items = texts.texts if isinstance(texts, Corpus) else strings.listed(texts)
            texts = Corpus(items, {name: np.asarray(values) for name, values in labels.items()})
        corpus = strings.as_corpus(texts)
        if not corpus.labels:
            raise TextVAEError(
                "The texts have no labels: name the column of one, or several (in Python: labels)."
            )
        return corpus.select(evenly(len(corpus), _MOST_TEXTS))


def _known(values: np.ndarray) -> np.ndarray:
    """Which of a label's values (N,) are there."""
    if values.dtype.kind == "f":
        return np.isfinite(values)
    return values != "" if values.dtype.kind == "U" else np.ones(len(values), bool)
