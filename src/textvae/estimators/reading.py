"""Reading a trained sentence VAE's space: what its dimensions mean, with evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from textvae.estimators import strings
from textvae.estimators.progress import progress_bar
from textvae.estimators.trained import TrainedText
from textvae.explain.explanation import Material, explain
from textvae.text.batch import Dataset, evenly
from textvae.text.corpus import Corpus

_MOST_TEXTS = 20_000  # explained by: evenly spaced ones of more
_WRITTEN = 2_000  # texts of the model's own, where none are given


class ReadableText(TrainedText):
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

    def _material(self, corpus: Corpus) -> Material:
        ids = self.tokenizer_.encode(corpus.texts)
        return Material(corpus.texts, Dataset(ids), self.tokenizer_.vocabulary, corpus.labels)
