"""The map of texts as small as it can be for the page's script: numbers in bytes, written in base64."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from textvae.report.atlas import Atlas, Colouring
from textvae.report.wording import Translator, shown

_LONGEST, _LONGEST_NAME = 280, 80  # characters of a text and of a label
_LEVELS = 255  # steps of a number, of which the ramp of colours has far fewer
_OUTLIERS = 0.01  # share of the numbers at either end that take the ramp's last colour


def packed(atlas: Atlas, places: Sequence[int], t: Translator) -> dict[str, Any]:
    """The texts at these places. Coordinates are float32, values uint8: categories, or steps from low to high."""
    return {
        "texts": [shown(atlas.texts[i], _LONGEST) for i in places],
        "layouts": [
            {"name": each.name, "x": _base64(each.x, places, "<f4"), "y": _base64(each.y, places, "<f4")}
            for each in atlas.layouts
        ],
        "colourings": [_colouring(each, places, t) for each in atlas.colourings],
    }


def _colouring(colouring: Colouring, places: Sequence[int], t: Translator) -> dict[str, Any]:
    told = {"name": shown(_title(colouring, t), _LONGEST_NAME), "source": colouring.source}
    if colouring.names is not None:
        names = [shown(name, _LONGEST_NAME) for name in colouring.names]
        return told | {"kind": "category", "names": names, "values": _base64(colouring.values, places, "u1")}
    values = np.array(colouring.values, np.float64)
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, [_OUTLIERS, 1 - _OUTLIERS]).tolist() if len(finite) else (0.0, 1.0)
    steps = np.nan_to_num((values - low) / ((high - low) or 1.0) * _LEVELS).round().clip(0, _LEVELS)
    return told | {"kind": "number", "low": low, "high": high, "values": _base64(steps, places, "u1")}


def _title(colouring: Colouring, t: Translator) -> str:
    if colouring.source == "latent":
        return t("Dimension {name}", name=colouring.name)
    if colouring.source == "topic":
        return t("Topic {name}", name=colouring.name) if colouring.names is None else t("foremost topic")
    if colouring.source == "label":
        return colouring.name
    known = {
        "nll_per_token": t("nats per token"),
        "nll": t("nats"),
        "kl": t("KL, nats"),
        "tokens": t("tokens"),
    }
    return known[colouring.name]


def _base64(values: Any, places: Sequence[int], kind: str) -> str:
    return base64.b64encode(np.asarray(values)[list(places)].astype(kind).tobytes()).decode()
