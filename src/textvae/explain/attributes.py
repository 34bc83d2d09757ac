"""What can be said of a text without a model: its length, first word, tense, negation …, and its labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from textvae.explain import lexicon

_BINS = 6  # of a number, equally full
_MOST_VALUES = 20  # of a name; rarer ones are one value together
_OTHER = "other"
_FEWEST = 10  # texts that must have another value than the most frequent one
_FIRST_WORD = re.compile(r"\w[\w'’]*|[^\w\s]")


@dataclass(frozen=True)
class Attribute:
    """A property of texts: ``values[codes[i]]`` is what text i has; ``codes`` (N,) int64.

    ``is_label`` tells a column that came with the texts from a property that we read off them.
    """

    name: str
    values: tuple[str, ...]
    codes: np.ndarray
    is_label: bool = False

    def at(self, places: np.ndarray) -> Attribute:
        """The same of some of the texts, by an index or a mask."""
        return Attribute(self.name, self.values, self.codes[places], self.is_label)


def attributes_of(
    texts: Sequence[str], lengths: np.ndarray, labels: Mapping[str, np.ndarray] | None = None
) -> list[Attribute]:
    """The attributes in which texts differ, labels first; a label takes the place of ours by the same name.

    Args:
        texts: N of them.
        lengths: (N,) counted tokens.
        labels: name -> (N,) names or numbers.
    """
    columns: dict[str, Sequence | np.ndarray] = {"length": lengths}
    lower = [text.lower() for text in texts]
    for name, read in _READERS.items():
        columns[name] = [read(text) for text in lower]
    given = dict(labels or {})
    found = [_coded(name, values, True) for name, values in given.items()]
    found += [_coded(name, values, False) for name, values in columns.items() if name not in given]
    return [each for each in found if _varies(each)]


def _coded(name: str, values: Sequence | np.ndarray, is_label: bool) -> Attribute:
    column = np.asarray(values)
    if column.dtype.kind in "iuf" and len(np.unique(column)) > _BINS:
        return _binned(name, column.astype(np.float64), is_label)
    named = [str(value) for value in column.tolist()]
    kept = [value for value, _ in Counter(named).most_common(_MOST_VALUES)]
    names = sorted(kept) + ([_OTHER] if len(kept) < len(set(named)) else [])
    place = {value: i for i, value in enumerate(names)}
    return Attribute(
        name,
        tuple(names),
        np.array([place.get(value, len(names) - 1) for value in named], np.int64),
        is_label,
    )


def _binned(name: str, column: np.ndarray, is_label: bool) -> Attribute:
    """Numbers in bins that are about equally full, each named by its ends."""
    cuts = np.unique(np.nanquantile(column, np.linspace(0, 1, _BINS + 1)[1:-1]))
    codes = np.searchsorted(cuts, column, side="left")
    used, codes = np.unique(codes, return_inverse=True)
    names = []
    for code in range(len(used)):
        inside = column[codes == code]
        low, high = np.nanmin(inside), np.nanmax(inside)
        names.append(f"{low:.4g}" if low == high else f"{low:.4g}–{high:.4g}")
    return Attribute(name, tuple(names), codes.astype(np.int64), is_label)


def _varies(attribute: Attribute) -> bool:
    counts = np.bincount(attribute.codes)
    return len(attribute.codes) - int(counts.max(initial=0)) >= _FEWEST


def _first_of(cues: lexicon.Cues) -> Callable[[str], str]:
    """The value whose cue comes first in a text, and of two that start together the one listed first."""

    def read(text: str) -> str:
        places = [(found.start(), i) for i, (_, cue) in enumerate(cues) if (found := cue.search(text))]
        return cues[min(places)[1]][0] if places else "none"

    return read


def _has(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda text: "yes" if pattern.search(text) else "no"


def _first_word(text: str) -> str:
    found = _FIRST_WORD.search(text)
    if found is None:
        return ""
    # Chinese writes no spaces: its first character stands for the first word
    return found[0] if found[0].isascii() else found[0][0]


def _sentiment(text: str) -> str:
    balance = len(lexicon.POSITIVE.findall(text)) - len(lexicon.NEGATIVE.findall(text))
    return "positive" if balance > 0 else "negative" if balance < 0 else "neutral"


_READERS: dict[str, Callable[[str], str]] = {
    "first word": _first_word,
    "tense": _first_of(lexicon.TENSE),
    "person": _first_of(lexicon.PERSON),
    "negation": _has(lexicon.NEGATION),
    "sentiment words": _sentiment,
    "question": _has(re.compile(r"[?？]")),
    "exclamation": _has(re.compile(r"[!！]")),
    "comma": _has(re.compile(r"[,，、]")),
    "quotation": _has(re.compile(r"[\"“”]|``|''")),
    "number": _has(re.compile(r"\d|\bn\b")),
}
