"""Paths between two latents."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from textvae.errors import TextVAEError

# below this angle, in radians from 0 or π, sin Ω is too small to divide by
_DEGENERATE_ANGLE = 1e-4


def interpolate(
    start: ArrayLike,
    end: ArrayLike,
    steps: int = 7,
    *,
    method: Literal["linear", "spherical"] = "linear",
) -> np.ndarray:
    """The path from ``start`` to ``end``, both (Z,): (steps, Z) float32, both ends included exactly.

    ``linear`` is (1-t)·start + t·end (Bowman et al. 2016, section 5). ``spherical`` keeps to the shell
    where a Gaussian has its mass: sin((1-t)Ω)/sin Ω · start + sin(tΩ)/sin Ω · end, with Ω the angle
    between the two (White 2016, equation 1). Where that angle is 0 or π, or an end is the origin, no one
    great circle joins them and the path is the straight line.

    >>> interpolate([0, 0], [1, 2], steps=3).tolist()
    [[0.0, 0.0], [0.5, 1.0], [1.0, 2.0]]
    """
    if steps < 2:
        raise TextVAEError(f"An interpolation needs at least 2 steps, its two ends; got {steps}.")
    if method not in ("linear", "spherical"):
        raise TextVAEError(f"There is no interpolation called '{method}'; there are: linear, spherical.")
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    t = np.linspace(0, 1, steps)[:, None]
    angle = _angle(a, b) if method == "spherical" else 0.0
    if _DEGENERATE_ANGLE < angle < np.pi - _DEGENERATE_ANGLE:
        path = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    else:
        path = (1 - t) * a + t * b
    # the ends are what was asked for, not what rounding makes of them
    path[0], path[-1] = a, b
    return path.astype(np.float32)


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.arccos(np.clip(a @ b / norms, -1, 1))) if norms > 0 else 0.0
