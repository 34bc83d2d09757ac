"""Reading a trained sentence VAE's space: what its dimensions mean, with evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from textvae.distributions.rotated import is_standard_normal
from textvae.errors import TextVAEError
from textvae.estimators import strings
from textvae.estimators.progress import progress_bar
from textvae.estimators.steering import SteeredText
from textvae.explain.attribution import attribute
from textvae.explain.certainty import calibrate, surprise
from textvae.explain.explanation import Material, explain
from textvae.explain.words import word_loadings
from textvae.latent.encode import encode
from textvae.latent.rotation import METHODS, independent, toward_labels, varimax
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import rotate
from textvae.text.batch import Dataset, evenly
from textvae.text.corpus import Corpus

_MOST_TEXTS = 20_000  # explained by: evenly spaced ones of more
_ELBO_TEXTS = 500
_WRITTEN = 2_000  # texts of the model's own, where none are given


class ReadableText(SteeredText):
    """What ``TextVAE`` can say about its own latent space."""

    def explain(
        self,
        texts: Corpus | Iterable[str] | None = None,
        *,
        directions: Mapping[Any, ArrayLike] | None = None,
        seed: int = 0,
        show_progress_bar: bool = False,
    ) -> list[dict[str, Any]]:
        """What each dimension means, as ``textvae explain --json`` gives it, with held-out evidence.

        Args:
            texts: of the kind the model is used on; the labels of a ``Corpus`` are among the attributes. At most
                20,000 evenly spaced ones are used. Without any, 2,000 that the model writes from its prior.
            directions: by name, (Z,) each, to explain instead of the dimensions.
            seed: of all that is drawn.
            show_progress_bar: on stderr.

        Returns:
            One dictionary for each; their keys: ``textvae.explain.explanation.explain``.

        Raises:
            TextVAEError: there are fewer than 40 texts, or the directions don't fit the space.
        """
        check_is_fitted(self, "model_")
        if texts is None:
            texts = self.sample(_WRITTEN, seed=seed)
        corpus = strings.as_corpus(texts)
        corpus = corpus.select(evenly(len(corpus), _MOST_TEXTS))
        axes: Mapping[Any, ArrayLike] = dict(enumerate(np.eye(self.model_.latent_dim)))
        wanted = axes if directions is None else directions
        with progress_bar("explaining", show_progress_bar, total=1) as progress:
            return explain(
                self.model_,
                self._material(corpus),
                {name: np.asarray(direction) for name, direction in wanted.items()},
                self.decode,
                seed=seed,
                progress=progress,
            )

    def rotate(
        self,
        texts: Corpus | Iterable[str],
        method: Literal["varimax", "ica", "labels"] = "varimax",
        *,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Turns the axes of the latent space to those that read best; the likelihood of every text stays what it was.

        From then on ``encode`` gives the rotated coordinates and ``decode`` takes them, and so does a model saved
        and loaded again. Directions learned before turn along.

        Args:
            texts: to choose the axes by; for ``labels`` a ``Corpus`` with labels.
            method: ``varimax``: each axis moves few words' probabilities; ``ica``: the axes are as independent as can
                be; ``labels``: the first axes tell the labels, one each.
            seed: of what is drawn.

        Returns:
            What ``metrics_`` keeps as ``rotation``: ``method``, ``n_texts``, ``elbo_before`` and ``elbo_after`` in nats
            per text on at most 500 of the texts, with the same noise, and ``labels``: label -> its axis.

        Raises:
            TextVAEError: the prior is not N(0, I), so that a rotation would change the model; there is no such method;
                or it needs labels and there are none.
        """
        check_is_fitted(self, "model_")
        corpus = strings.as_corpus(texts)
        corpus = corpus.select(evenly(len(corpus), _MOST_TEXTS))
        if not is_standard_normal(self.model_.prior()):
            raise TextVAEError(
                f"Only under the prior standard, N(0, I), are all axes alike: this model's is "
                f"{self.config_.prior.name}, and rotated it would be another model."
            )
        matrix = self._rotation(corpus, method, seed)
        shown = [corpus.texts[i] for i in evenly(len(corpus), _ELBO_TEXTS)]
        before = self._elbo(shown, seed)
        self.model_ = rotate(self.model_, torch.from_numpy(matrix))
        self.directions_ = {name: each.rotated(matrix) for name, each in self.directions_.items()}
        report = {
            "method": method,
            "n_texts": len(corpus),
            "elbo_before": before,
            "elbo_after": self._elbo(shown, seed),
            "labels": {name: axis for axis, name in enumerate(corpus.labels)} if method == "labels" else {},
        }
        self.metrics_ = self.metrics_ | {"rotation": report}
        return report

    def _rotation(self, corpus: Corpus, method: str, seed: int) -> np.ndarray:
        """R (Z, Z) float64."""
        if method not in METHODS:
            raise TextVAEError(f"There is no rotation '{method}'; there are: {', '.join(METHODS)}.")
        dataset = Dataset(self.tokenizer_.encode(corpus.texts))
        q = encode(self.model_, dataset)
        if method == "labels":
            return toward_labels(q.mode, corpus.labels, seed)
        if method == "ica":
            return independent(q.mode, seed)
        steps = np.sqrt(q.mode.var(0) + (q.stddev**2).mean(0))
        return varimax(word_loadings(self.model_, dataset, np.eye(len(steps)), steps, seed=seed), q.mode)

    def _elbo(self, texts: list[str], seed: int) -> float:
        dataset = Dataset(self.tokenizer_.encode(texts))
        likelihood = evaluate_likelihood(
            self.model_,
            dataset,
            iw_samples=1,
            seed=seed,
            max_tokens=strings.budget(dataset),
            precision="fp32",
        )
        return float(likelihood.elbo.mean())

    def attribute(self, texts: str | Iterable[str], dimension: int | str | ArrayLike) -> Any:
        """Which tokens put a text where it is on a dimension, or along a direction: a dictionary for one string.

        Args:
            texts: one text or several.
            dimension: its number; or a direction, by its name or as (Z,) numbers.

        Returns:
            For each text: ``text``, ``dimension``, ``position``, ``baseline``, ``gap`` and ``tokens``, each with
            ``token``, ``gradient`` and ``occlusion`` (``textvae.explain.attribution.Attribution``); ``agreement``:
            the correlation of these two over the tokens, None where one of them is the same for all.

        Raises:
            TextVAEError: there is no such dimension, or the encoder has no word embeddings.
        """
        check_is_fitted(self, "model_")
        one, items = strings.one_or_more(texts)
        direction = self._direction(dimension)
        shown = dimension if isinstance(dimension, int | str) else "direction"
        rows = []
        for text, ids in zip(items, self.tokenizer_.encode(items), strict=True):
            found = attribute(self.model_, Dataset([ids]).batch([0]), direction)
            words = [self.tokenizer_.vocabulary[int(i)] for i in ids[1:]]
            pairs = zip(words, found.gradients.tolist(), found.occlusion.tolist(), strict=True)
            rows.append(
                {
                    "text": text,
                    "dimension": shown,
                    "position": found.position,
                    "baseline": found.baseline,
                    "gap": found.gap,
                    "agreement": found.agreement,
                    "tokens": [{"token": w, "gradient": g, "occlusion": o} for w, g, o in pairs],
                }
            )
        return rows[0] if one else rows

    def certainty(
        self,
        texts: str | Iterable[str],
        *,
        reference: Corpus | Iterable[str] | None = None,
        seed: int = 0,
    ) -> dict[str, Any]:
        """How sure the model is: of where texts lie, and that they are texts of the kind it knows.

        Args:
            texts: one text or several.
            reference: of the kind the model knows, best some it was not trained on; at most 20,000 evenly spaced ones
                are used. Without any, 2,000 that the model writes from its prior.
            seed: of all that is drawn.

        Returns:
            ``texts``: of each its ``text``, ``stddev``: the width of q(z|x) in each dimension; ``surprise``, ``rank``,
            ``likelihood`` and ``latent`` (``textvae.explain.certainty.Surprises``). ``calibration``: ``levels``,
            ``coverage`` of each level and dimension, ``spread`` (``textvae.explain.certainty.Calibration``).
            ``n_reference``: how many reference texts.

        Raises:
            TextVAEError: there are no texts, or fewer than 20 reference texts.
        """
        check_is_fitted(self, "model_")
        _, items = strings.one_or_more(texts)
        if not items:
            raise TextVAEError("At least one text is needed to say how sure the model is of it.")
        if reference is None:
            reference = self.sample(_WRITTEN, seed=seed)
        known = strings.as_corpus(reference, "reference texts").texts
        known = [known[i] for i in evenly(len(known), _MOST_TEXTS)]
        dataset, reference_set = (Dataset(self.tokenizer_.encode(some)) for some in (items, known))
        calibration = calibrate(self.model_, max_length=self.config_.text.max_length, seed=seed)
        found = surprise(self.model_, dataset, reference_set, seed=seed)
        columns = {"text": items, "stddev": encode(self.model_, dataset).stddev.tolist()}
        columns |= {name: column.tolist() for name, column in found._asdict().items()}
        return {
            "texts": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
            "calibration": {
                "levels": list(calibration.levels),
                "coverage": calibration.coverage.tolist(),
                "spread": calibration.spread.tolist(),
            },
            "n_reference": len(known),
        }

    def _direction(self, dimension: int | str | ArrayLike) -> np.ndarray:
        """(Z,) of length 1."""
        size = self.model_.latent_dim
        if isinstance(dimension, str):
            direction = self.direction(dimension).shift
        elif isinstance(dimension, int):
            if not 0 <= dimension < size:
                raise TextVAEError(f"There is no dimension {dimension}: they go from 0 to {size - 1}.")
            direction = np.eye(size)[dimension]
        else:
            direction = np.asarray(dimension, np.float64)
        if direction.shape != (size,) or not direction.any():
            raise TextVAEError(f"A direction of this space has {size} numbers, not all of them 0.")
        return direction / np.linalg.norm(direction)

    def _material(self, corpus: Corpus) -> Material:
        ids = self.tokenizer_.encode(corpus.texts)
        return Material(corpus.texts, Dataset(ids), self.tokenizer_.vocabulary, corpus.labels)
