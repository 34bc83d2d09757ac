"""The texts nearest to a point of the latent space."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

from textvae.errors import TextVAEError


class Neighbours(NamedTuple):
    """For each query its nearest latents, nearest first: ``indices`` and ``distances``, both (Q, k)."""

    indices: np.ndarray
    distances: np.ndarray


def nearest(
    z: np.ndarray,
    queries: np.ndarray | None = None,
    *,
    k: int = 10,
    metric: Literal["cosine", "euclidean"] = "cosine",
) -> Neighbours:
    """The ``k`` latents of ``z`` (N, Z) nearest to each query (Q, Z), by exact search.

    Without queries, each latent's nearest others: a latent is not its own neighbour. ``cosine`` is
    1 - cos of the angle, in [0, 2]; ``euclidean`` is the norm of the difference.
    """
    if metric not in ("cosine", "euclidean"):
        raise TextVAEError(f"There is no distance called '{metric}'; there are: cosine, euclidean.")
    candidates = len(z) - (queries is None)
    if not 1 <= k <= candidates:
        raise TextVAEError(f"{k} neighbours were asked for; there are {candidates} to choose from.")
    search = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(z)
    distances, indices = search.kneighbors(queries)
    return Neighbours(indices, distances)
