"""What a linear model reads off latents: how well, how surely, and how much of that any labels would have given."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse

from textvae.errors import TextVAEError

# Whole numbers with more different values than this are quantities, not names of classes.
_MOST_CLASSES = 20
# What a fit chooses its regularisation from: C of the logistic regression, 1 / alpha of the ridge regression.
_STRENGTHS = (0.1, 1.0, 10.0)
_STEPS = 1000  # of a logistic regression, at most


@dataclass(frozen=True)
class Probe:
    """How well a linear model predicts a label from the features of texts that it was not fitted on.

    Attributes:
        measure: ``accuracy``, of a logistic regression, or ``R2``, of a ridge regression: 1 − Σ (y − ŷ)² / Σ (y − ȳ)².
        score: its mean over the texts.
        stderr: its standard error over the texts; what other texts to fit on would have changed is not in it.
        baseline: the score without features: the share of the most frequent class, or 0.
        control: the score with labels shuffled among the texts, which only noise can predict.
        n_texts: the texts that were predicted.
        n_classes: None for numbers.
    """

    measure: Literal["accuracy", "R2"]
    score: float
    stderr: float
    baseline: float
    control: float
    n_texts: int
    n_classes: int | None


def probe(
    features: Any, labels: np.ndarray, *, folds: int = 5, held_out: np.ndarray | None = None, seed: int = 0
) -> Probe:
    """Fits a linear model of ``labels`` (N,) on ``features`` (N, D), dense or sparse, and predicts other texts.

    Features are taken at the scale they have. That of latents is their prior's, so a dimension whose modes hardly
    vary is hardly read: nor could it be from draws of the posterior. Every fit chooses its regularisation by
    cross-validation on its own texts. (Alain & Bengio 2017, arXiv:1610.01644; Hewitt & Liang 2019, arXiv:1909.03368,
    for the control.)

    Args:
        features: such as the modes of q(z|x).
        labels: fractions, and whole numbers of more than 20 different values, are predicted as numbers, others as
            classes.
        folds: parts of the texts, each predicted by a model of all the others.
        held_out: (N,) bool: the texts that a model of the rest predicts, instead of folds.
        seed: of the folds and of the control.

    Raises:
        TextVAEError: the labels don't vary, or a class has fewer texts than every fit needs.
    """
    labels = np.asarray(labels)
    features = features.tocsr() if scipy.sparse.issparse(features) else np.asarray(features, np.float64)
    if len(labels) != features.shape[0]:
        raise TextVAEError(
            f"A probe takes a label for each text: {len(labels)} for {features.shape[0]} texts."
        )
    if labels.dtype.kind == "f" or (labels.dtype.kind in "iu" and len(np.unique(labels)) > _MOST_CLASSES):
        classes, target = None, labels.astype(np.float64)
    else:
        classes, target = np.unique(labels, return_inverse=True)
    splits = _splits(target, classes, folds, held_out, seed)
    shuffled = np.random.default_rng(seed).permutation(target)
    scores = _scores(features, target, splits, classes is not None)
    tested = target[np.concatenate([split.test for split in splits])]
    return Probe(
        measure="R2" if classes is None else "accuracy",
        score=float(scores.mean()),
        stderr=float(scores.std(ddof=1) / math.sqrt(len(scores))),
        baseline=0.0 if classes is None else float(np.bincount(tested).max() / len(tested)),
        control=float(_scores(features, shuffled, splits, classes is not None).mean()),
        n_texts=len(scores),
        n_classes=None if classes is None else len(classes),
    )


class _Split(NamedTuple):
    """The indices of the texts fitted on, and of those predicted."""

    train: np.ndarray
    test: np.ndarray


def _splits(
    target: np.ndarray, classes: np.ndarray | None, folds: int, held_out: np.ndarray | None, seed: int
) -> list[_Split]:
    from sklearn.model_selection import KFold, StratifiedKFold

    if len(np.unique(target)) < 2:
        raise TextVAEError("A probe needs a label that varies, and all texts have the same.")
    if held_out is not None:
        return [_Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))]
    if classes is None:
        if len(target) < 2 * folds:
            raise TextVAEError(f"{len(target)} texts are too few to be probed in {folds} folds.")
        return [_Split(*split) for split in KFold(folds, shuffle=True, random_state=seed).split(target)]
    rarest = np.bincount(target).argmin()
    count = int((target == rarest).sum())
    if count < 2 * folds:  # so that the training texts of each fold can be halved
        raise TextVAEError(
            f"A probe in {folds} folds needs {2 * folds} texts of each class, and '{classes[rarest]}' has {count}: "
            "leave it out."
        )
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [_Split(*split) for split in parts.split(target, target)]


def _scores(features: Any, target: np.ndarray, splits: Sequence[_Split], classify: bool) -> np.ndarray:
    """Of each text predicted, in the order of the splits: whether it was right, or its summand of R²."""
    predicted = np.concatenate(
        [
            _fitted(features[split.train], target[split.train], classify).predict(features[split.test])
            for split in splits
        ]
    )
    actual = target[np.concatenate([split.test for split in splits])]
    if classify:
        return (predicted == actual).astype(np.float64)
    return 1 - (actual - predicted) ** 2 / actual.var()


def _fitted(features: Any, target: np.ndarray, classify: bool) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV

    if classify:
        model, choices = LogisticRegression(max_iter=_STEPS), {"C": _STRENGTHS}
    else:
        model, choices = Ridge(), {"alpha": [1 / strength for strength in _STRENGTHS]}
    with warnings.catch_warnings():
        # features that are nearly the same number take more steps, which change weights and hardly any prediction
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GridSearchCV(model, choices, cv=2).fit(features, target)
