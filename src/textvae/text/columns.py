"""Which row names the columns, which column holds the texts, and what the others are as labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.errors import TextVAEError

# Usual names of a column of texts, the surest first.
TEXT_NAMES = (
    *("text", "sentence", "review", "content", "body", "comment", "utterance", "document", "message"),
    *("tweet", "caption", "question", "abstract", "description", "summary", "headline", "title"),
)

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$", re.IGNORECASE)
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})$")
_HEADER_CELL = re.compile(r"[^\W\d][\w.\-/#()]*( [\w.\-/#()]+){0,2}$")


@dataclass(frozen=True)
class Table:
    """Columns of equal length (N,) by name; without a header they are called ``"0"``, ``"1"`` and so on."""

    columns: dict[str, list[Any]]
    has_header: bool


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns rather than being data like the rows below.

    It does if a cell is a usual name of a text column. It does not if a cell is a number, or no name at all
    (more than three words, a full stop …), or comes again below it (a label), or there is nothing below.
    """
    first = [cell.strip() for cell in rows[0]]
    below = rows[1:1001]
    if any(cell.lower() in TEXT_NAMES for cell in first):
        return True
    if len(first) > 1 and first == [str(i) for i in range(len(first))]:
        return True  # what pandas writes for columns without names
    named = [cell for cell in first if cell]
    if not below or not named or len(set(named)) < len(named):
        return False
    if any(_NUMBER.match(cell) or not _HEADER_CELL.match(cell) for cell in named):
        return False
    columns = [[row[i] for row in below if i < len(row)] for i in range(len(first))]
    if any(cell and cell in map(str.strip, column) for cell, column in zip(first, columns, strict=True)):
        return False
    # A name stands over numbers, or is short beside the texts under it.
    return any(
        column and (all(map(_NUMBER.match, column)) or 3 * len(cell) * len(column) < sum(map(len, column)))
        for cell, column in zip(first, columns, strict=True)
    )


def find_column(table: Table, source: str, wanted: str) -> str:
    """The column called ``wanted``, or in that place from 0; ``TextVAEError`` lists those there are."""
    columns = list(table.columns)
    if wanted in columns:
        return wanted
    if wanted.isdecimal() and int(wanted) < len(columns):
        return columns[int(wanted)]
    there = ", ".join(columns[:20]) + (" …" if len(columns) > 20 else "")
    no_header = "" if table.has_header else " (it has no header)"
    raise TextVAEError(f"{source} has no column {wanted!r}{no_header}: there are {there}")


def text_column_of(table: Table, source: str, excluded: Collection[str]) -> str:
    """The column with a usual name and with words in it, else the one with the longest texts."""
    letters = {
        column: sum(len(value) for value in values if isinstance(value, str) and not _NUMBER.match(value))
        for column, values in table.columns.items()
        if column not in excluded
    }
    named = [c for name in TEXT_NAMES for c in letters if c.strip().lower() in (name, name + "s")]
    for column in named:
        if letters[column]:
            return column
    longest = max(letters, key=letters.__getitem__, default=None)
    if longest is None or (letters[longest] == 0 and len(letters) > 1 and not named):
        raise TextVAEError(f"{source} has no column of texts: there are {', '.join(table.columns)}")
    return longest if letters[longest] or not named else named[0]


def label_values(values: Sequence[Any]) -> np.ndarray:
    """Labels (N,): int64 if every value is or writes a whole number, float64 if all are numbers, else str."""
    kinds = {type(value) for value in values}
    if kinds <= {int}:
        return np.array(values, dtype=np.int64)
    if kinds <= {int, float}:
        return np.array(values, dtype=np.float64)
    words = ["" if value is None else str(value).strip() for value in values]
    if all(map(_INTEGER.match, words)):
        return np.array([int(word) for word in words], dtype=np.int64)
    return np.array(words)
