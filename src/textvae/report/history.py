"""A training over time, few enough points to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_POINTS = 100  # of a curve, at most


@dataclass(frozen=True)
class Curve:
    """A figure over the steps of a training; where there are many rows, the means of neighbouring ones."""

    steps: list[int]
    values: list[float]


@dataclass(frozen=True)
class History:
    """Training over time, in nats per text; ``loss`` is −ELBO, the sum of reconstruction and KL, whatever weights the
    KL had. The validation's curves have a point each time that the model was validated.
    """

    loss: Curve
    kl: Curve
    active_units: Curve
    validation_loss: Curve
    validation_kl: Curve


def history(rows: Sequence[dict[str, Any]]) -> History | None:
    """The curves of the rows of ``metrics.jsonl``; None where there are none."""
    if not rows:
        return None
    return History(
        loss=_curve(rows, "reconstruction", "kl"),
        kl=_curve(rows, "kl"),
        active_units=_curve(rows, "active_units"),
        validation_loss=_curve(rows, "validation_loss"),
        validation_kl=_curve(rows, "validation_kl"),
    )


def _curve(rows: Sequence[dict[str, Any]], *keys: str) -> Curve:
    """The sum of ``keys`` in the rows that have them all."""
    points = [(row["step"], sum(row[key] for key in keys)) for row in rows if all(key in row for key in keys)]
    points = [(step, value) for step, value in points if np.isfinite(value)]
    groups = np.array_split(np.array(points, np.float64).reshape(-1, 2), min(len(points), _POINTS) or 1)
    means = [group.mean(0) for group in groups if len(group)]
    return Curve([round(step) for step, _ in means], [float(value) for _, value in means])
