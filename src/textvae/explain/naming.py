"""A short name for a dimension, composed of what was found about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textvae.types import SPECIAL_TOKENS

UNEXPLAINED = "unexplained"
_CLEAR = 0.1  # share of an attribute's entropy, from which it names a dimension
_CLOSE = 0.8  # of the most told: a label that has it is preferred to what we read off the texts
_LABELS = 2  # that one name may hold
_WORDS = 3
_MARKED = (
    0.4  # nats of effect: words that change less, such as 'the', are named only where there are no others
)


def compose(
    attributes: Sequence[Mapping[str, Any]],
    words_down: Sequence[Mapping[str, Any]],
    words_up: Sequence[Mapping[str, Any]],
) -> str:
    """Such as ``tense: past → present``, or ``he, said → market, shares``, from low to high.

    Where two labels name one dimension, that which no other dimension tells better comes first.

    Args:
        attributes, words_down, words_up: as an explanation lists them, the most telling first.
    """
    clear = [each for each in attributes if each["share"] >= _CLEAR]
    if clear:
        best = max(map(_told, clear))
        close = [each for each in clear if _told(each) >= _CLOSE * best]
        close.sort(key=lambda each: (each["is_foremost"], _told(each)), reverse=True)
        chosen = [each for each in close if each["is_label"]][:_LABELS] or close[:1]
        return ", ".join(f"{each['name']}: {each['low']} → {each['high']}" for each in chosen)
    if words_down or words_up:
        return f"{_list(words_down)} → {_list(words_up)}"
    return UNEXPLAINED


def _told(attribute: Mapping[str, Any]) -> float:
    """Mutual information over the geometric mean of the entropies (Strehl & Ghosh 2002), but for those of z."""
    return (attribute["mi"] * attribute["share"]) ** 0.5


def _list(rows: Sequence[Mapping[str, Any]]) -> str:
    words = [row for row in rows if row["word"] not in SPECIAL_TOKENS]
    marked = [row for row in words if abs(row["effect"]) >= _MARKED] or words
    return ", ".join(row["word"] for row in marked[:_WORDS]) or "…"
