"""A trained sentence VAE at work: texts to latents, latents to texts, and figures of both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypedDict, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from textvae.config import Config
from textvae.device import Precision
from textvae.errors import TextVAEError
from textvae.estimators import strings
from textvae.estimators.evaluating import evaluate
from textvae.estimators.progress import progress_bar
from textvae.latent.encode import encode, unit_length
from textvae.latent.generate import Method, generate
from textvae.latent.interpolate import interpolate
from textvae.latent.neighbours import nearest
from textvae.noise import prior_draws
from textvae.text.batch import Dataset
from textvae.text.corpus import Corpus
from textvae.text.tokenize import Tokenizer


class Decoding(TypedDict, total=False):
    """How texts are written: the options of ``textvae.latent.generate.generate``."""

    method: Method
    temperature: float
    top_p: float
    top_k: int | None
    beam_size: int
    length_penalty: float
    max_length: int
    allow_unknown: bool
    batch_size: int


class Neighbour(NamedTuple):
    """A text of a corpus near to a query: its place there, itself, and the distance of the latents."""

    index: int
    text: str
    distance: float


class TrainedText:
    """What ``TextVAE`` does with a model that is there: all but training and storing it."""

    model_: Any
    tokenizer_: Tokenizer
    config_: Config
    history_: list[dict[str, Any]]
    metrics_: dict[str, Any]

    # ------------------------------------------------------------------ latents

    def encode(
        self,
        texts: str | Iterable[str],
        *,
        batch_size: int | None = None,
        normalize_embeddings: bool = False,
        precision: Precision = "fp32",
        show_progress_bar: bool = False,
    ) -> np.ndarray:
        """The mode of q(z|x), a Gaussian's mean: (Z,) for one string, (N, Z) for a list, float32, in their order.

        Args:
            texts: one text or several.
            batch_size: texts encoded at once, at most; by default as many as fit.
            normalize_embeddings: scale each latent to length 1.
            precision: ``fp32``; ``bf16``, which is faster where the device has it and moves latents by about a
                hundredth of their spread; or ``auto``, bf16 where it is fast.
            show_progress_bar: on stderr.
        """
        check_is_fitted(self, "model_")
        one, items = strings.one_or_more(texts)
        with progress_bar("encoding", show_progress_bar, total=1) as progress:
            z = strings.encode_strings(
                self.model_,
                self.tokenizer_,
                items,
                batch_size=batch_size,
                precision=precision,
                progress=progress,
            )
        if normalize_embeddings:
            z = unit_length(z)
        return z[0] if one else z

    @overload
    def reconstruct(self, texts: str, *, seed: int = 0, **decoding: Unpack[Decoding]) -> str: ...
    @overload
    def reconstruct(
        self, texts: Iterable[str], *, seed: int = 0, **decoding: Unpack[Decoding]
    ) -> list[str]: ...
    def reconstruct(self, texts, *, seed=0, **decoding):  # pyright: ignore[reportInconsistentOverload]
        """Texts written from the latents of texts, greedily unless another ``method`` is given."""
        return self.decode(self.encode(texts), seed=seed, **decoding)

    def decode(
        self, z: ArrayLike, *, seed: int = 0, **decoding: Unpack[Decoding]
    ) -> Any:  # str for (Z,), list[str] for (N, Z)
        """The text of one latent (Z,), or the texts of several (N, Z), as a list.

        ``method`` is ``greedy`` (the default), ``sample`` (with ``temperature``, ``top_p``, ``top_k``,
        ``seed``) or ``beam`` (with ``beam_size``, ``length_penalty``); see ``textvae.latent.generate``.
        """
        check_is_fitted(self, "model_")
        latents = np.asarray(z, np.float32)
        rows = latents[None] if latents.ndim == 1 else latents
        if rows.ndim != 2 or rows.shape[1] != self.model_.latent_dim:
            raise TextVAEError(
                f"Latents of this model have {self.model_.latent_dim} numbers, as (Z,) or (N, Z); "
                f"got an array of shape {latents.shape}."
            )
        options: Decoding = {"max_length": self.config_.text.max_length, **decoding}
        written = self.tokenizer_.decode_batch(generate(self.model_.decoder, rows, seed=seed, **options).ids)
        return written[0] if latents.ndim == 1 else written

    def sample(
        self, n: int = 1, *, label: str | None = None, seed: int = 0, **decoding: Unpack[Decoding]
    ) -> list[str]:
        """Texts from z ~ p(z), drawn from p(x|z) too unless another ``method`` is given.

        A model that was trained with labels writes texts with a ``label``, or else with any.
        """
        check_is_fitted(self, "model_")
        if n < 0:
            raise TextVAEError(f"The number of samples can't be negative, got {n}.")
        p = self.model_.prior()
        if label is not None:
            place = self._place_of(label)
            p = p.of(place)
        z = prior_draws(p, n, seed).cpu().numpy()
        options: Decoding = {"method": "sample", **decoding}
        return self.decode(z, seed=seed, **options)

    def interpolate(
        self,
        a: str | ArrayLike,
        b: str | ArrayLike,
        steps: int = 7,
        *,
        path: Literal["linear", "spherical"] = "linear",
        seed: int = 0,
        **decoding: Unpack[Decoding],
    ) -> list[str]:
        """The texts along the path from ``a`` to ``b``, texts or latents (Z,), both ends included."""
        start, end = (self.encode(side) if isinstance(side, str) else side for side in (a, b))
        return self.decode(interpolate(start, end, steps, method=path), seed=seed, **decoding)

    def neighbours(
        self,
        texts: str | Iterable[str],
        corpus: Iterable[str],
        k: int = 5,
        *,
        metric: Literal["cosine", "euclidean"] = "cosine",
    ) -> Any:  # list[Neighbour] for a str, a list of these for a list
        """The ``k`` texts of a corpus nearest to each text, nearest first: a list for one string, else lists."""
        one, items = strings.one_or_more(texts)
        candidates = strings.listed(corpus.texts if isinstance(corpus, Corpus) else corpus)
        z = self.encode(candidates)
        if not items:
            return []
        found = nearest(z, self.encode(items), k=k, metric=metric)
        lists = [
            [Neighbour(int(i), candidates[i], float(d)) for i, d in zip(row, distances, strict=True)]
            for row, distances in zip(found.indices, found.distances, strict=True)
        ]
        return lists[0] if one else lists

    # ------------------------------------------------------------------ labels, of a model trained with such

    @property
    def labels_(self) -> tuple[str, ...]:
        """The labels of a model that was trained with labels; else there are none."""
        return getattr(self.config_.posterior.options, "labels", ())

    def _place_of(self, label: str) -> int:
        if not self.labels_:
            raise TextVAEError(
                "This model was trained without labels: train one with preset kingma2014 and a label column."
            )
        if label not in self.labels_:
            raise TextVAEError(f"There is no label '{label}'; there are: {', '.join(self.labels_)}.")
        return self.labels_.index(label)

    def predict(self, texts: str | Iterable[str]) -> Any:  # str for a str, (N,) of str for a list
        """The likeliest label of each text, by the classifier of a model that was trained with labels."""
        found = np.array(self.labels_)[self.predict_proba(texts).argmax(-1)]
        return str(found) if found.ndim == 0 else found

    def predict_proba(self, texts: str | Iterable[str]) -> np.ndarray:
        """q(y|x) of each of ``labels_``: (C,) for one string, (N, C) for a list."""
        check_is_fitted(self, "model_")
        if not self.labels_:
            raise TextVAEError(
                "This model was trained without labels, so it predicts none: train one with preset kingma2014."
            )
        one, items = strings.one_or_more(texts)
        count = len(self.labels_)
        if not items:
            return np.zeros((0, count), np.float32)
        probs = encode(self.model_, Dataset(self.tokenizer_.encode(items))).mean[:, :count] / count**0.5
        return probs[0] if one else probs

    # ------------------------------------------------------------------ figures

    def score(self, X: str | Iterable[str], y: object = None, *, iw_samples: int = 100, seed: int = 0) -> Any:
        """An estimate of log p(x) in nats for every text: (N,) float64, a float for one string.

        By importance weighting with ``iw_samples`` samples of q(z|x), a lower bound in expectation. For a
        single number over texts, take the mean or use ``evaluate``.
        """
        check_is_fitted(self, "model_")
        one, items = strings.one_or_more(X)
        scores = strings.log_likelihood(self.model_, self.tokenizer_, items, iw_samples=iw_samples, seed=seed)
        return float(scores[0]) if one else scores

    def evaluate(
        self,
        texts: Corpus | Iterable[str],
        *,
        iw_samples: int = 500,
        seed: int = 0,
        precision: Precision = "auto",
        show_progress_bar: bool = False,
    ) -> dict[str, Any]:
        """The figures of the model on texts, as ``textvae evaluate --json`` gives them; empty texts are left out.

        The keys, their units and estimators: ``textvae.metrics.evaluation.summarise``; besides, ``dropped``: how
        many texts were left out, by reason.
        """
        check_is_fitted(self, "model_")
        corpus = strings.as_corpus(texts)
        with progress_bar("evaluating", show_progress_bar, total=len(corpus)) as progress:
            figures = evaluate(
                self.model_,
                self.tokenizer_,
                corpus.texts,
                iw_samples=iw_samples,
                seed=seed,
                precision=precision,
                progress=progress,
            )
        return {**figures, "dropped": dict(corpus.dropped)}

    def diagnose(self, texts: Corpus | Iterable[str] | None = None) -> list[dict[str, Any]]:
        """What is wrong with the model, the worst first: ``name``, ``severity``, ``evidence``, ``advice``.

        On ``texts``, or without them as found when training ended.
        """
        check_is_fitted(self, "model_")
        if texts is None:
            if "findings" not in self.metrics_:
                raise TextVAEError(
                    "This model was never measured: give a file of texts (in Python: texts) to examine it on."
                )
            return self.metrics_["findings"]
        items = strings.as_corpus(texts).texts
        figures = evaluate(self.model_, self.tokenizer_, items, iw_samples=20)
        training = self.metrics_.get("training")
        return strings.findings(self.model_, self.tokenizer_, items, figures, self.history_, training)
