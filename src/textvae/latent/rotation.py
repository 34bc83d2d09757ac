"""Which orthogonal rotation of a latent space makes its axes read best."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping

import numpy as np

from textvae.errors import TextVAEError

METHODS = ("varimax", "ica", "labels")
_ACTIVE = 0.01  # variance along a direction (Burda et al. 2016): below it nothing is there to be rotated
_SWEEPS = 500
_TOLERANCE = 1e-7
_RIDGE = 1e-3  # of the variance
_ORDERED = 6  # values of a label at most, whose order along an axis is searched for


def varimax(loadings: np.ndarray, z: np.ndarray) -> np.ndarray:
    """R (Z, Z), orthogonal, that makes loadings·R simple: each column large in few rows.

    Maximises Σ_j Var_i((loadings·R)²_ij) by repeated singular value decompositions (Kaiser 1958, "The varimax criterion
    for analytic rotation in factor analysis"), in the active subspace of z.

    Args:
        loadings: (P, Z), such as what each axis does to each of P words.
        z: (N, Z).
    """
    active, rest = _subspace(z)
    inside = loadings @ active
    rotation, reached = np.eye(inside.shape[1]), 0.0
    for _ in range(_SWEEPS):
        turned = inside @ rotation
        gradient = inside.T @ (turned**3 - turned * (turned**2).mean(0))
        u, singular, v = np.linalg.svd(gradient)
        rotation = u @ v
        if singular.sum() <= reached * (1 + _TOLERANCE):
            break
        reached = singular.sum()
    return np.hstack([active @ rotation, rest])


def independent(z: np.ndarray, seed: int = 0) -> np.ndarray:
    """R (Z, Z), orthogonal, whose coordinates z·R are as independent as a rotation makes them.

    Independent component analysis (Hyvärinen 1999, FastICA) of z in its active subspace. What it unmixes by need not
    be orthogonal: R is the orthogonal matrix nearest to it.

    Args:
        z: (N, Z).
        seed: of where the search starts.
    """
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    active, rest = _subspace(z)
    ica = FastICA(whiten="unit-variance", fun="cube", max_iter=_SWEEPS, random_state=seed)
    with warnings.catch_warnings():
        # where nothing is independent no search ends, and any rotation will do
        warnings.simplefilter("ignore", ConvergenceWarning)
        ica.fit(z @ active)
    return np.hstack([active @ _nearest(_unit(ica.components_.T)), rest])


def toward_labels(z: np.ndarray, labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """R (Z, Z), orthogonal, whose first axes tell the labels: one each, in their order.

    A label is told by linear regression on z: a number as it is, a name by equally spaced places of its values, in the
    order that is told best. What more a label of several values tells goes to the axes after these, and the rest of
    the space to the last ones. Directions that are not orthogonal move to the nearest that are.

    Args:
        z: (N, Z).
        labels: name -> (N,).

    Raises:
        TextVAEError: there are no labels, more than active dimensions, or one that never changes.
    """
    active, rest = _subspace(z)
    inside = z @ active
    inside = inside - inside.mean(0)
    if not 0 < len(labels) <= inside.shape[1]:
        raise TextVAEError(
            "A rotation toward labels takes at least one label and no more than there are active dimensions "
            f"({inside.shape[1]}), got {len(labels)}."
        )
    covariance = inside.T @ inside / len(z)
    covariance += _RIDGE * covariance.trace() / len(covariance) * np.eye(len(covariance))
    first, more = [], []
    for name, values in labels.items():
        targets = _targets(name, values)
        weights = np.linalg.solve(covariance, inside.T @ targets / len(z))  # (A, C)
        first.append(_axis(inside, targets, weights))
        more.append(weights)
    axes = _nearest(_unit(np.stack(first, 1)))
    for weights in more:
        u, singular, _ = np.linalg.svd(weights - axes @ (axes.T @ weights), full_matrices=False)
        told = singular[: weights.shape[1] - 2] > 1e-6
        axes = np.hstack([axes, u[:, : len(told)][:, told]])[:, : len(covariance)]
    others = np.linalg.svd(axes)[0][:, axes.shape[1] :]
    return np.hstack([active @ np.hstack([axes, others]), rest])


def _targets(name: str, values: np.ndarray) -> np.ndarray:
    """What is regressed on z, (N, C): a number, or for each of C values whether a text has it; all with mean 0."""
    column = np.asarray(values)
    different, codes = np.unique(column, return_inverse=True)
    if len(different) < 2:
        raise TextVAEError(f"Label {name} has the same value in all texts: there is no direction to it.")
    if column.dtype.kind in "iuf" and len(different) > _ORDERED:
        targets = column[:, None].astype(np.float64) / column.std()
    else:
        targets = np.eye(len(different))[codes]
    return targets - targets.mean(0)


def _axis(inside: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(A,) the regression of the best told order of a label's values; of many values the best told contrast."""
    count = targets.shape[1]
    if count == 1:
        return weights[:, 0]
    if count <= _ORDERED:
        places = (
            np.array([p for p in itertools.permutations(range(count)) if p[0] < p[-1]]).T - (count - 1) / 2
        )
    else:
        places = np.linalg.svd(inside @ weights, full_matrices=False)[2].T
    told = ((inside @ weights @ places) ** 2).sum(0) / ((targets @ places) ** 2).sum(0)
    return weights @ places[:, told.argmax()]


def _subspace(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal directions (Z, A) along which z varies, and (Z, Z - A) those along which it doesn't."""
    variance, directions = np.linalg.eigh(np.atleast_2d(np.cov(z.T.astype(np.float64))))
    varies = variance > _ACTIVE
    if not varies.any():
        raise TextVAEError("No dimension of this model is active: there is nothing to rotate.")
    return directions[:, varies], directions[:, ~varies]


def _unit(columns: np.ndarray) -> np.ndarray:
    return columns / np.linalg.norm(columns, axis=0)


def _nearest(columns: np.ndarray) -> np.ndarray:
    """The orthonormal columns nearest to these (Schönemann 1966)."""
    u, _, v = np.linalg.svd(columns, full_matrices=False)
    return u @ v
