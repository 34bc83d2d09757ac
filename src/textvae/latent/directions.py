"""Directions of the latent space along which a label lies, learned from latents, with the evidence for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from textvae.errors import TextVAEError

FOLDS = 5
_STEPS = 1000  # of a logistic regression, at most
_Z_95 = 1.959964  # of a normal distribution, two-sided


@dataclass(frozen=True)
class Direction:
    """A way through the latent space, from texts without a label's value to those with it.

    A step of 1 along it is one standard deviation of all texts' latents along it.

    Attributes:
        name: ``label=value``.
        mean: (Z,) of all latents.
        shift: (Z,) one step along the difference of the means with and without the value (Larsen et al. 2016).
        probe_shift: (Z,) one step along the normal of the linear probe.
        weight, bias: (Z,) and a number: P(value | z) = σ(w · z + b), the probe.
        evidence: ``n_texts``; ``share`` of them that have the value; ``majority``, the accuracy of always saying the
            more frequent; ``probe``, ``mean_difference`` and ``control``: accuracies on texts not learned from, as
            ``accuracy``, ``low`` and ``high`` (95%). The control is the probe's with labels shuffled among the texts.
    """

    name: str
    mean: np.ndarray
    shift: np.ndarray
    probe_shift: np.ndarray
    weight: np.ndarray
    bias: float
    evidence: Mapping[str, Any]

    def coordinate(self, z: np.ndarray) -> np.ndarray:
        """Where latents (N, Z) lie along ``shift``: (N,) steps from the mean of all texts."""
        return (z - self.mean) @ self.shift / (self.shift @ self.shift)

    def probability(self, z: np.ndarray) -> np.ndarray:
        """P(value | z) of latents (N, Z) by the probe, (N,)."""
        return expit(z @ self.weight + self.bias)

    def opposite(self, name: str) -> Self:
        """The way back, of the only other value."""
        evidence = {**self.evidence, "share": 1 - self.evidence["share"]}
        turned = {part: -getattr(self, part) for part in ("shift", "probe_shift", "weight", "bias")}
        return replace(self, name=name, evidence=evidence, **turned)

    def rotated(self, rotation: np.ndarray) -> Self:
        """The same direction in the coordinates z @ ``rotation``, an orthogonal matrix (Z, Z)."""
        parts = ("mean", "shift", "probe_shift", "weight")
        return replace(self, **{part: getattr(self, part) @ rotation for part in parts})


def learn_directions(
    z: np.ndarray, labels: Sequence[Any] | np.ndarray, *, name: str = "label", seed: int = 0
) -> list[Direction]:
    """A direction for each value of a label, from the latents (N, Z) of texts with this label (N,).

    Each is against all other values together. Accuracies are by cross-validation over five parts, with all copies of
    a text in one.

    Args:
        z: such as the modes of q(z|x).
        labels: values of one label, two different ones at least.
        name: of the label.
        seed: of the parts and of the shuffling.

    Raises:
        TextVAEError: too few different texts with or without a value.
    """
    z, values = np.asarray(z, np.float64), np.asarray(labels)
    if len(values) != len(z):
        raise TextVAEError(f"Directions take a label for each text: {len(values)} for {len(z)} texts.")
    kinds = np.unique(values).tolist()
    if len(kinds) < 2:
        raise TextVAEError(
            f"The label {name} has the same value in all texts: there is no direction to learn."
        )
    first = _learn(z, values == kinds[0], f"{name}={kinds[0]}", seed)
    if len(kinds) == 2:
        return [first, first.opposite(f"{name}={kinds[1]}")]
    return [first, *(_learn(z, values == kind, f"{name}={kind}", seed) for kind in kinds[1:])]


class _Line(NamedTuple):
    """What tells two classes apart: w · z + b is above 0 for one."""

    weight: np.ndarray
    bias: float

    def says(self, z: np.ndarray) -> np.ndarray:
        return z @ self.weight + self.bias > 0


def _learn(z: np.ndarray, has: np.ndarray, name: str, seed: int) -> Direction:
    fold = _folds(z, has, name, seed)
    shuffled = _shuffled(has, fold, seed)
    probe, means = _fit_probe(z, has), _fit_means(z, has)
    share = float(has.mean())
    evidence = {
        "n_texts": len(z),
        "share": share,
        "majority": max(share, 1 - share),
        "probe": _accuracy(z, has, fold, _fit_probe),
        "mean_difference": _accuracy(z, has, fold, _fit_means),
        "control": _accuracy(z, shuffled, fold, _fit_probe),
    }
    return Direction(
        name,
        z.mean(0).astype(np.float32),
        _one_step(z, means.weight),
        _one_step(z, probe.weight),
        probe.weight.astype(np.float32),
        probe.bias,
        evidence,
    )


def _fit_probe(z: np.ndarray, has: np.ndarray) -> _Line:
    fitted = LogisticRegression(max_iter=_STEPS).fit(z, has)
    return _Line(fitted.coef_[0], float(fitted.intercept_[0]))


def _fit_means(z: np.ndarray, has: np.ndarray) -> _Line:
    """The points nearer to the one mean than to the other."""
    with_it, without = z[has].mean(0), z[~has].mean(0)
    weight = with_it - without
    return _Line(weight, -float(weight @ (with_it + without)) / 2)


def _one_step(z: np.ndarray, way: np.ndarray) -> np.ndarray:
    unit = way / max(float(np.linalg.norm(way)), 1e-12)
    return (unit * (z @ unit).std()).astype(np.float32)


def _folds(z: np.ndarray, has: np.ndarray, name: str, seed: int) -> np.ndarray:
    """The part (N,) that each text is in: copies in the same one, either class spread evenly over all."""
    _, first, copy_of = np.unique(z, axis=0, return_index=True, return_inverse=True)
    fewest = min(int(has[first].sum()), int((~has[first]).sum()))
    if fewest < FOLDS:
        raise TextVAEError(
            f"The direction {name} needs {FOLDS} different texts with it and {FOLDS} without, and there are {fewest}."
        )
    order = np.random.default_rng(seed).permutation(len(first))
    order = order[np.argsort(has[first][order], kind="stable")]
    part = np.empty(len(first), np.int64)
    part[order] = np.arange(len(first)) % FOLDS
    return part[copy_of.ravel()]


def _shuffled(has: np.ndarray, fold: np.ndarray, seed: int) -> np.ndarray:
    """The labels (N,) among the texts of each part, so that every part keeps both classes."""
    rng, shuffled = np.random.default_rng(seed), has.copy()
    for part in range(FOLDS):
        shuffled[fold == part] = rng.permutation(has[fold == part])
    return shuffled


def _accuracy(z: np.ndarray, has: np.ndarray, fold: np.ndarray, fit: Any) -> dict[str, float]:
    right = np.empty(len(z), bool)
    for part in range(FOLDS):
        test = fold == part
        right[test] = fit(z[~test], has[~test]).says(z[test]) == has[test]
    low, high = interval(right)
    return {"accuracy": float(right.mean()), "low": low, "high": high}


def interval(right: np.ndarray) -> tuple[float, float]:
    """The 95% interval of a share, from N trials (N,) (Wilson 1927)."""
    n, share, square = len(right), float(np.mean(right)), _Z_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z_95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return middle - half, middle + half
