"""Whether each known factor of the texts lies on one axis of the latent, by seven published metrics.

One definition each, for latents (N, Z) and the values of F factors (N, F) as whole numbers from 0. They differ in what
they punish: MIG, SAP and completeness a factor that is spread over axes; modularity, DCI's disentanglement, IRS,
z-diff and z-min-var an axis that mixes factors. Where every factor has an axis of its own all are 1 but SAP, whose
classifiers need two values for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from textvae.errors import TextVAEError

_FEWEST_TEXTS = 20
_BINS = 20  # of equal width, for the mutual information with a number (Locatello et al. 2019)
_TEST = 0.2  # share of the rows that a classifier is scored on
_TREES = 10
_SVM_C = 0.01
_QUANTILE = 0.99  # for the largest deviation, which one odd text would decide
_GROUPS = 1000  # of texts that share a factor's value, for each factor
_GROUP = 64  # texts, or pairs, in each

_Labelled = tuple[np.ndarray, np.ndarray]  # what each group measures, and the number of its factor


class Carrier(NamedTuple):
    """The axis that tells most of a factor: I(z_j; v) in nats, of the factor's entropy in nats."""

    factor: str
    values: int
    axis: int
    information: float
    entropy: float


@dataclass(frozen=True)
class Disentanglement:
    """The metrics of one representation, each 0 to 1; the functions of the same names say what they are.

    ``disentanglement``, ``completeness`` and ``informativeness`` are those of ``dci``; ``carriers`` has one entry for
    each factor.
    """

    mig: float
    modularity: float
    disentanglement: float
    completeness: float
    informativeness: float
    sap: float
    irs: float
    z_diff: float
    z_min_var: float
    carriers: tuple[Carrier, ...]


class DCI(NamedTuple):
    """The three scores of Eastwood & Williams, and the importances (F, Z) they are taken from."""

    disentanglement: float
    completeness: float
    informativeness: float
    importance: np.ndarray


def measure_disentanglement(
    z: np.ndarray, factors: Mapping[str, np.ndarray], *, seed: int = 0
) -> Disentanglement:
    """All metrics of latents (N, Z), with the values (N,) of each factor, of any type.

    Raises:
        TextVAEError: fewer than two factors, or one that doesn't vary; fewer than 20 texts.
    """
    values = factor_values(factors)
    if len(z) < _FEWEST_TEXTS:
        raise TextVAEError(
            f"{len(z)} texts are too few to measure disentanglement: {_FEWEST_TEXTS} at least."
        )
    z = np.asarray(z, np.float64)
    scores = dci(z, values, seed=seed)
    return Disentanglement(
        mig=mig(z, values),
        modularity=modularity(z, values),
        disentanglement=scores.disentanglement,
        completeness=scores.completeness,
        informativeness=scores.informativeness,
        sap=sap(z, values, seed=seed),
        irs=irs(z, values),
        z_diff=z_diff(z, values, seed=seed),
        z_min_var=z_min_var(z, values, seed=seed),
        carriers=tuple(_carriers(z, values, list(factors))),
    )


def _carriers(z: np.ndarray, values: np.ndarray, names: Sequence[str]) -> Iterator[Carrier]:
    for name, column, row in zip(names, values.T, mutual_information(z, values), strict=True):
        axis = int(row.argmax())
        yield Carrier(name, int(column.max()) + 1, axis, float(row[axis]), _information(column, column))


def factor_values(factors: Mapping[str, np.ndarray]) -> np.ndarray:
    """The factors' values as whole numbers from 0: (N, F).

    Raises:
        TextVAEError: fewer than two factors, or one that doesn't vary.
    """
    if len(factors) < 2:
        raise TextVAEError(
            "Disentanglement is of two factors or more: name the columns of two labels at least."
        )
    columns = []
    for name, values in factors.items():
        kinds, column = np.unique(values, return_inverse=True)
        if len(kinds) < 2:
            raise TextVAEError(f"The factor '{name}' has the same value in all texts.")
        columns.append(column)
    return np.stack(columns, axis=1)


# ------------------------------------------------------------------ by mutual information


def mutual_information(z: np.ndarray, values: np.ndarray) -> np.ndarray:
    """I(z_j; v_k) in nats, (F, Z), each z_j cut into 20 bins of equal width.

    The estimate is that of the counts, which exceeds the truth by about 19 · (values − 1) / 2N.
    """
    low, high = z.min(0), z.max(0)
    width = np.where(high > low, high - low, 1) / _BINS
    bins = np.minimum(((z - low) / width).astype(np.int64), _BINS - 1)
    return np.array([[_information(column, row) for row in bins.T] for column in values.T])


def mig(z: np.ndarray, values: np.ndarray) -> float:
    """Mutual information gap: 1/F Σ_k (I(z_j*; v_k) − max_{j≠j*} I(z_j; v_k)) / H(v_k), j* the best axis of v_k.

    Chen et al. 2018, Isolating Sources of Disentanglement in VAEs (arXiv:1802.04942).
    """
    entropy = np.array([_information(column, column) for column in values.T])
    return float((_gap(mutual_information(z, values)) / entropy).mean())


def modularity(z: np.ndarray, values: np.ndarray) -> float:
    """Mean over axes of 1 − Σ_{k≠k*} I(z_j; v_k)² / ((F − 1) I(z_j; v_k*)²), k* the best factor of z_j.

    An axis without any information is left out; one with the little that chance gives counts like any other.
    Ridgeway & Mozer 2018, Learning Deep Disentangled Embeddings with the F-Statistic Loss (arXiv:1802.05312).
    """
    squares = mutual_information(z, values) ** 2
    best = squares.max(0)
    some = best > 0
    others = squares.sum(0)[some] - best[some]
    return float((1 - others / best[some] / (len(squares) - 1)).mean()) if some.any() else 0.0


# ------------------------------------------------------------------ by prediction


def dci(z: np.ndarray, values: np.ndarray, *, seed: int = 0, axes_per_split: float | str = 1.0) -> DCI:
    """Disentanglement, completeness and informativeness by the importances R_kj of z_j for predicting v_k.

    Random forests of 10 trees predict each factor from all axes, and R_kj is the share of impurity that splits on z_j
    remove. D = Σ_j ρ_j (1 − H_F(R_·j / Σ_k R_kj)) with ρ_j = Σ_k R_kj / Σ R; C = 1/F Σ_k (1 − H_Z(R_k·)); H_n is
    the entropy over ln n; I is the mean accuracy on a fifth of the rows.
    Eastwood & Williams 2018, A Framework for the Quantitative Evaluation of Disentangled Representations (ICLR).

    Args:
        axes_per_split: the share of axes that a split chooses from. Below all (as ``'sqrt'``, scikit-learn's default
            for classifiers) trees have to split on axes that say nothing, and a perfect representation scores less
            than 1.
    """
    from sklearn.ensemble import RandomForestClassifier

    train, test = _split(len(z), seed)
    importance, accuracy = [], []
    for column in values.T:
        forest = RandomForestClassifier(_TREES, max_features=axes_per_split, random_state=seed)  # pyright: ignore
        forest.fit(z[train], column[train])
        importance.append(forest.feature_importances_)
        accuracy.append(forest.score(z[test], column[test]))
    R = np.array(importance)
    weights = R.sum(0) / max(R.sum(), 1e-12)
    return DCI(
        float((weights * _concentration(R.T)).sum()),
        float(_concentration(R).mean()),
        float(np.mean(accuracy)),
        R,
    )


def sap(z: np.ndarray, values: np.ndarray, *, seed: int = 0) -> float:
    """Separated attribute predictability: 1/F Σ_k of the gap between the two axes that predict v_k best.

    An axis predicts by a linear support vector machine (C = 0.01, one class against the rest) on it alone; its score is
    the accuracy on a fifth of the rows.
    Kumar et al. 2018, Variational Inference of Disentangled Latent Concepts (arXiv:1711.00848).
    """
    from sklearn.svm import LinearSVC

    train, test = _split(len(z), seed)
    accuracy = [
        [
            LinearSVC(C=_SVM_C, dual="auto")
            .fit(axis[train, None], column[train])
            .score(axis[test, None], column[test])
            for axis in z.T
        ]
        for column in values.T
    ]
    return float(_gap(np.array(accuracy)).mean())


# ------------------------------------------------------------------ by holding a factor still


def irs(z: np.ndarray, values: np.ndarray) -> float:
    """Interventional robustness: how little an axis moves while its best factor stays and all others change.

    With d(S) the 99th percentile over the texts of S of |z_j − mean of z_j in S|, axis j has
    max_k (1 − Σ_v p(v_k = v) d(texts with v_k = v) / d(all texts)); their mean is weighted by d(all texts).
    Suter et al. 2019, Robustly Disentangled Causal Mechanisms (arXiv:1811.00007), where d is the maximum.
    """
    z = z[:, _varies(z)]
    if not z.shape[1]:
        return 0.0
    whole = np.maximum(_deviation(z), 1e-12)
    robust = [
        1 - sum(np.mean(column == v) * _deviation(z[column == v]) for v in np.unique(column)) / whole
        for column in values.T
    ]
    best = np.max(robust, axis=0).clip(0)
    return float((whole * best).sum() / whole.sum())


def z_diff(z: np.ndarray, values: np.ndarray, *, seed: int = 0) -> float:
    """Accuracy of a linear classifier that tells which factor the two texts of every pair share.

    For each factor 1,000 groups of 64 pairs, the two texts of a pair being alike in that factor; a group's features are
    the means of |z_j − z'_j|, z_j with standard deviation 1. Chance is 1/F; a fifth of the groups is scored.
    Higgins et al. 2017, beta-VAE (ICLR).
    """
    from sklearn.linear_model import LogisticRegression

    z = _standardised(z)
    if not z.shape[1]:
        return 1 / values.shape[1]

    def differences(column: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        first = rng.integers(len(z), size=(_GROUPS, _GROUP))
        second = _Alike(column).draw(column[first], rng)
        return np.abs(z[first] - z[second]).mean(1)

    train, test = _groups(values, differences, seed)
    return float(LogisticRegression(max_iter=1000).fit(*train).score(*test))


def z_min_var(z: np.ndarray, values: np.ndarray, *, seed: int = 0) -> float:
    """Accuracy of telling which factor is held still by the axis that varies least, its majority deciding.

    For each factor 1,000 groups of 64 texts that are alike in it; variances are of z_j with standard deviation 1. Each
    axis stands for the factor that it varied least for most often; chance is 1/F; a fifth of the groups is scored.
    Kim & Mnih 2018, Disentangling by Factorising (arXiv:1802.05983).
    """
    z = _standardised(z)
    if not z.shape[1]:
        return 1 / values.shape[1]

    def least(column: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        shared = column[rng.integers(len(z), size=_GROUPS)]
        group = _Alike(column).draw(np.repeat(shared[:, None], _GROUP, axis=1), rng)
        return z[group].var(1).argmin(1)

    train, (axes, factors) = _groups(values, least, seed)
    votes = np.zeros((z.shape[1], values.shape[1]))
    np.add.at(votes, train, 1)
    return float((votes.argmax(1)[axes] == factors).mean())


# ------------------------------------------------------------------ what they share


def _information(a: np.ndarray, b: np.ndarray) -> float:
    """I(a; b) in nats by the counts of whole numbers (N,); the entropy, where b is a."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1 / len(a))
    apart = table.sum(1, keepdims=True) * table.sum(0)
    there = table > 0
    return max(0.0, float((table[there] * np.log(table[there] / apart[there])).sum()))


def _gap(scores: np.ndarray) -> np.ndarray:
    """Of each row of (F, Z) the best minus the second best, (F,); a lone axis has nothing beside it."""
    ordered = np.sort(np.pad(scores, ((0, 0), (1, 0))), axis=1)
    return ordered[:, -1] - ordered[:, -2]


def _concentration(weights: np.ndarray) -> np.ndarray:
    """1 − H / ln n of each row of (m, n), scaled to sum 1: 0 where spread evenly (or all zero), 1 where on one."""
    n = weights.shape[1]
    total = weights.sum(1, keepdims=True)
    shares = np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / n)
    return 1 + (shares * np.log(np.where(shares > 0, shares, 1))).sum(1) / np.log(max(n, 2))


def _varies(z: np.ndarray) -> np.ndarray:
    """Which axes are not constant (Z,): the deviations of equal numbers are rounding, not 0."""
    return np.ptp(z, axis=0) > 0


def _deviation(z: np.ndarray) -> np.ndarray:
    return np.quantile(np.abs(z - z.mean(0)), _QUANTILE, axis=0)


def _standardised(z: np.ndarray) -> np.ndarray:
    """The axes that vary, with standard deviation 1."""
    z = z[:, _varies(z)]
    return z / z.std(0)


class _Alike:
    """Texts by their value of one factor (N,)."""

    def __init__(self, column: np.ndarray):
        self._order = np.argsort(column, kind="stable")
        self._count = np.bincount(column)
        self._first = np.cumsum(self._count) - self._count

    def draw(self, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The index of a random text for each wanted value, in the same shape."""
        return self._order[
            self._first[wanted] + (rng.random(wanted.shape) * self._count[wanted]).astype(np.int64)
        ]


def _groups(
    values: np.ndarray, measure: Callable[[np.ndarray, np.random.Generator], np.ndarray], seed: int
) -> tuple[_Labelled, _Labelled]:
    """Groups of texts that are alike in one factor, to train on and to score on.

    ``measure`` draws ``_GROUPS`` groups by a factor's values (N,).
    """
    rng = np.random.default_rng(seed)
    x = np.concatenate([measure(column, rng) for column in values.T])
    y = np.repeat(np.arange(values.shape[1]), _GROUPS)
    train, test = _split(len(x), seed)
    return (x[train], y[train]), (x[test], y[test])


def _split(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random places to train on, and to score on."""
    order = np.random.default_rng(seed).permutation(n)
    cut = n - max(1, round(n * _TEST))
    return order[:cut], order[cut:]
