"""The map of texts: where each lies, and the colours it can have there."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from textvae.latent.projection import Plane

_CATEGORIES = 7  # of a label in colours of their own; the others share one
_DIMENSIONS = 64  # of the latent to colour by, those that vary most
_FEWEST = 5  # texts for which a map shows anything


@dataclass(frozen=True)
class Layout:
    """Places of the texts, (N,) each: principal components, or a t-SNE of the latents."""

    name: str
    x: list[float]
    y: list[float]
    explained: float | None
    """Share of the latents' variance that the two axes hold."""


@dataclass(frozen=True)
class Colouring:
    """A value of each text to colour it by: a number (None: not known), or a category's place in ``names``.

    ``source`` is ``label``, ``likelihood``, ``latent`` or ``topic``.
    """

    name: str
    source: str
    values: Sequence[float | None]
    names: list[str] | None = None


@dataclass(frozen=True)
class Atlas:
    """Texts with their places and colourings."""

    texts: list[str]
    layouts: list[Layout]
    colourings: list[Colouring]


def atlas(
    texts: Sequence[str],
    z: np.ndarray,
    labels: Mapping[str, np.ndarray],
    likelihood: Mapping[str, np.ndarray],
    names: Mapping[int, str],
    *,
    seed: int,
) -> Atlas | None:
    """The map of texts by their latents (N, Z), or None where there are too few.

    Args:
        labels: by name, (N,) each.
        likelihood: ``nll_per_token``, ``nll``, ``kl`` and ``tokens``, (N,) each.
        names: of latent dimensions.
        seed: of the t-SNE, which is there where openTSNE is installed (Poličar et al. 2024).
    """
    if len(texts) < _FEWEST:
        return None
    colourings = [by_label(name, values) for name, values in labels.items()]
    colourings += [Colouring(name, "likelihood", values.tolist()) for name, values in likelihood.items()]
    for d in np.argsort(-z.var(0), kind="stable")[:_DIMENSIONS].tolist():
        colourings.append(Colouring(names.get(d, str(d)), "latent", z[:, d].tolist()))
    return Atlas(list(texts), layouts(z, seed), colourings)


def layouts(z: np.ndarray, seed: int) -> list[Layout]:
    """Principal components of points (N, Z), and a t-SNE where openTSNE is installed."""
    if z.shape[1] == 1:
        return [Layout("PCA", z[:, 0].tolist(), [0.0] * len(z), 1.0)]
    plane = Plane.fit(z)
    x, y = plane.project(z).T.tolist()
    found = [Layout("PCA", x, y, float(plane.explained.sum()))]
    if find_spec("openTSNE") is not None and z.shape[1] > 2:
        from openTSNE import TSNE

        perplexity = max(min(30, (len(z) - 1) // 3), 1)
        x, y = np.asarray(TSNE(perplexity=perplexity, random_state=seed, n_jobs=1).fit(z)).T.tolist()
        found.append(Layout("t-SNE", x, y, None))
    return found


def by_label(name: str, values: np.ndarray, source: str = "label") -> Colouring:
    """By number where the label is one with many values, else by category, the frequent ones first."""
    counts = Counter(values.tolist())
    if values.dtype.kind in "iuf" and len(counts) > _CATEGORIES:
        numbers = [value if math.isfinite(value) else None for value in values.tolist()]
        return Colouring(name, source, numbers)
    shown = [value for value, _ in counts.most_common(_CATEGORIES)]
    places = [float(shown.index(v)) if v in shown else float(len(shown)) for v in values.tolist()]
    names = [str(value) for value in shown] + (["…"] if len(counts) > len(shown) else [])
    return Colouring(name, source, places, names)
