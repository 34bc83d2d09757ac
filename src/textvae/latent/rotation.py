"""Which orthogonal rotation of a latent space makes its axes read best."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

from textvae.errors import TextVAEError
from textvae.text.batch import evenly

METHODS = ("varimax", "ica", "labels")
_ACTIVE = 0.01  # variance along a direction (Burda et al. 2016): below it nothing is there to be rotated
_SWEEPS = 500
_TOLERANCE = 1e-7
_VALUES = 6  # bins of a label that is a number
_TEXTS = 3000  # by which rotations toward labels are compared
_DISCRIMINANTS = 3  # directions that tell a label's values apart, of which mixes are tried
_MIXES = 500
_BINS = 16  # of a coordinate
_JACOBI_SWEEPS = 20
_ENOUGH = 0.005  # nats that a sweep must add for another one to follow
_ANGLES = np.concatenate([[0.0], np.pi / 32 * np.arange(-16, 16), [-0.04, -0.015, 0.015, 0.04]])
# which of the two new coordinates, of which old one, by which angle
_TURNS = np.array([[np.cos(_ANGLES), np.sin(_ANGLES)], [-np.sin(_ANGLES), np.cos(_ANGLES)]])


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


def toward_labels(z: np.ndarray, labels: Mapping[str, np.ndarray], seed: int = 0) -> np.ndarray:
    """R (Z, Z), orthogonal, whose first axes tell the labels: one each, in their order.

    Maximises Σ_l I(z·r_l; label l), in nats over equally full bins, by rotations in one plane after the other, as in
    Jacobi's method. So an axis may also tell a label whose values lie along it in no order. The search ends in the
    nearest summit: it starts from the labels' sliced variances, from their discriminants and from independent axes, and
    the highest end is taken.

    Args:
        z: (N, Z).
        labels: name -> (N,), names or numbers.
        seed: of the independent axes and of the mixes of discriminants.

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
    codes = [_codes(name, values) for name, values in labels.items()]
    some = evenly(len(z), _TEXTS)
    seen, of_seen = inside[some], [code[some] for code in codes]
    whitening = _whitening(inside)
    white = inside @ whitening
    starts = (
        _completed(whitening @ _sliced(white, codes)),
        _completed(whitening @ _discriminant(white, codes, some, seed)),
        _assigned(seen, of_seen, independent(inside, seed)),
    )
    ends = [_turned(seen, of_seen, start) for start in starts]
    best = max(ends, key=lambda end: end[1])[0]
    return np.hstack([active @ best, rest])


def _codes(name: str, values: np.ndarray) -> np.ndarray:
    """A label's values as whole numbers from 0: names as they are, numbers by equally full bins."""
    column = np.asarray(values)
    different, codes = np.unique(column, return_inverse=True)
    if len(different) < 2:
        raise TextVAEError(f"Label {name} has the same value in all texts: there is no direction to it.")
    if column.dtype.kind in "iuf" and len(different) > _VALUES:
        cuts = np.unique(np.quantile(column, np.linspace(0, 1, _VALUES + 1)[1:-1]))
        codes = np.unique(np.searchsorted(cuts, column), return_inverse=True)[1]
    return codes


def _sliced(white: np.ndarray, codes: list[np.ndarray]) -> np.ndarray:
    """(A, L): the direction of whitened z (N, A) that each label shows most along.

    By sliced average variance estimation (Cook & Weisberg 1991): the foremost eigenvector of Σ_c p(c) (I − Cov[z|c])²,
    which finds a label that shifts z as well as one that spreads it, such as the parity of two others.
    """
    first = []
    for code in codes:
        kernel = np.zeros((white.shape[1],) * 2)
        for value in range(code.max() + 1):
            own = white[code == value]
            change = np.eye(len(kernel)) - np.atleast_2d(np.cov(own.T, bias=True))
            kernel += len(own) / len(white) * change @ change
        first.append(np.linalg.eigh(kernel)[1][:, -1])
    return np.stack(first, 1)


def _discriminant(white: np.ndarray, codes: list[np.ndarray], some: list[int], seed: int) -> np.ndarray:
    """(A, L): the best mix of each label's discriminants, of whitened z (N, A).

    These are the directions in which the label's values lie furthest apart (Fisher 1936; Rao 1948). Four values at the
    corners of a square need two, and still lie apart on one line across it: of random mixes, that is taken which tells
    most of ``some`` texts.
    """
    rng, first = np.random.default_rng(seed), []
    for code in codes:
        counts = np.bincount(code)
        means = np.stack([white[code == value].mean(0) for value in range(len(counts))])
        apart = np.linalg.svd(means * np.sqrt(counts)[:, None], full_matrices=False)[2]
        apart = apart[: min(len(counts) - 1, _DISCRIMINANTS)]
        mixes = apart.T @ rng.standard_normal((len(apart), _MIXES))
        first.append(mixes[:, _information(white[some] @ mixes, code[some]).argmax()])
    return np.stack(first, 1)


def _whitening(z: np.ndarray) -> np.ndarray:
    """W (A, A) by which centred z·W has variance 1 in all directions."""
    variance, directions = np.linalg.eigh(z.T @ z / len(z))
    return directions / np.sqrt(variance)


def _completed(first: np.ndarray) -> np.ndarray:
    """The orthogonal matrix (A, A) whose first columns are nearest to these directions (A, L)."""
    axes = _nearest(_unit(first))
    return np.hstack([axes, np.linalg.svd(axes)[0][:, axes.shape[1] :]])


def _assigned(z: np.ndarray, codes: list[np.ndarray], rotation: np.ndarray) -> np.ndarray:
    """The columns in another order: first for each label that which tells it, so that all together tell most."""
    told = np.stack([_information(z @ rotation, code) for code in codes])  # (L, A)
    own = linear_sum_assignment(-told)[1]
    return rotation[:, [*own, *(axis for axis in range(z.shape[1]) if axis not in own)]]


def _turned(z: np.ndarray, codes: list[np.ndarray], rotation: np.ndarray) -> tuple[np.ndarray, float]:
    """The rotation after plane rotations that each tell more of the labels, and the nats told in the end."""
    rotation, reached = rotation.copy(), -np.inf
    for _ in range(_JACOBI_SWEEPS):
        for label, code in enumerate(codes):
            for other in range(label + 1, z.shape[1]):
                plane = rotation[:, [label, other]]
                first, second = z @ plane @ _TURNS  # (N, angles) each
                told = _information(first, code)
                if other < len(codes):
                    told = told + _information(second, codes[other])
                rotation[:, [label, other]] = plane @ _TURNS[:, :, told.argmax()].T
        told = sum(float(_information(z @ rotation[:, [i]], code)[0]) for i, code in enumerate(codes))
        if told < reached + _ENOUGH:
            break
        reached = told
    return rotation, reached


def _information(z: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(K,) nats between each column of z (N, K), in equally full bins, and codes (N,); the plug-in estimate."""
    (texts, columns), values = z.shape, int(codes.max()) + 1
    bins = z.argsort(0).argsort(0) * _BINS // texts + np.arange(columns) * _BINS
    table = np.bincount((bins * values + codes[:, None]).ravel(), minlength=columns * _BINS * values)
    p = table.reshape(columns, _BINS, values) / texts
    independent = p.sum(1, keepdims=True) * p.sum(2, keepdims=True)
    return (p * np.log(np.where(p > 0, p, 1) / np.where(p > 0, independent, 1))).sum((1, 2))


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
