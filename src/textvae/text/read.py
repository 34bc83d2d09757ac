"""Files, columns, folders, names and lists of strings to a ``Corpus``."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textvae.errors import TextVAEError
from textvae.text.corpus import Corpus
from textvae.text.formats import COMPRESSIONS, FORMATS, Table, is_text_name, read_table

BUILT_IN = ("docstrings", "grammar")

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})$")
_HUB_NAME = re.compile(r"[\w.\-]+/[\w.\-]+(:[\w.\-]+)?$")

Source = str | os.PathLike[str] | Iterable[str]


def load_corpus(
    source: Source | Sequence[str | os.PathLike[str]],
    *,
    text_column: str | int | None = None,
    label_column: str | int | Sequence[str] | None = None,
    split_sentences: bool = False,
) -> Corpus:
    """Read texts, one a line or a row, from wherever they are.

    ``source`` is a ``.txt .csv .tsv .jsonl .parquet`` file (also ``.gz .xz .zst``), ``-`` for the lines of standard
    input, ``docstrings`` or ``grammar`` (built in), a Hugging Face data set (``owner/name``, ``owner/name:config``, or
    a folder that ``datasets`` saved), strings, or a list of any but the last.

    ``text_column`` and ``label_column`` (one, or several) name columns, or count them from 0. Without
    ``text_column`` it is the one with a usual name (text, sentence, review …), else the one with the longest texts.
    Labels become (N,) arrays, of whole numbers where every value is one. ``split_sentences`` makes each sentence a
    text with its text's labels. Texts are stripped and control characters in them become spaces; those left empty
    are dropped and counted in ``Corpus.dropped``.

    Raises ``TextVAEError`` for anything that cannot be read, saying what and why.
    """
    text_name = None if text_column is None else str(text_column)
    if label_column is None:
        label_names = []
    elif isinstance(label_column, (str, int)):
        label_names = [str(label_column)]
    else:
        label_names = [str(name) for name in label_column]

    if isinstance(source, (str, os.PathLike)):
        parts = [_read_one(source, text_name, label_names)]
    elif not isinstance(source, Iterable):
        raise TextVAEError(f"texts come from a path or from strings, not from a {type(source).__name__}")
    else:
        items = list(source)
        if items and all(map(_is_source, items)):
            parts = [_read_one(item, text_name, label_names) for item in items]
        else:
            parts = [_from_strings(items, text_name, label_names)]
    corpus = _finish(parts, split_sentences)
    if not corpus.texts:
        raise TextVAEError(f"{corpus.name} holds no text")
    return corpus


def clean_text(text: str) -> str:
    """One line without control characters or halves of surrogate pairs, and no space at its ends."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", text)).strip(" \t\u00a0\u3000\ufeff").strip()


def _is_source(item: object) -> bool:
    """Whether an item of a list names a file (or other source) rather than being a text."""
    if isinstance(item, os.PathLike) or item == "-" or item in BUILT_IN:
        return True
    if not isinstance(item, str) or "\n" in item or len(item) > 1000:
        return False
    endings = [fmt + compression for fmt in FORMATS for compression in ("", *COMPRESSIONS)]
    return item.lower().endswith(tuple(endings)) or os.path.isfile(item)


def _read_one(source: str | os.PathLike[str], text_column: str | None, label_columns: list[str]) -> Corpus:
    name = os.fspath(source)
    if name == "-":
        return _from_table(read_table(None, _asked(text_column, label_columns)), "standard input", text_column, label_columns)
    path = Path(name)
    if name in BUILT_IN and not path.exists():
        return _built_in(name, text_column, label_columns)
    if path.is_dir():
        from textvae.text.hub import read_folder

        return _from_table(read_folder(path), path.name, text_column, label_columns)
    if not path.exists() and isinstance(source, str) and _is_hub_name(name):
        from textvae.text.hub import read_hub

        return _from_table(read_hub(name), name, text_column, label_columns)
    if not path.exists() and not path.suffix and os.sep not in name:
        raise TextVAEError(
            f"there is no file {name}, and it is not one of the built-in corpora ({', '.join(BUILT_IN)}) "
            "or a Hugging Face data set written owner/name"
        )
    return _from_table(read_table(path, _asked(text_column, label_columns)), name, text_column, label_columns)


def _asked(text_column: str | None, label_columns: list[str]) -> list[str]:
    return [*([text_column] if text_column is not None else []), *label_columns]


def _is_hub_name(name: str) -> bool:
    """``owner/name``, unless it is rather a file's path that has a mistake in it."""
    owner = name.partition("/")[0]
    looks_like_file = Path(name).suffix.lower() in (*FORMATS, *COMPRESSIONS) or os.path.isdir(owner)
    return _HUB_NAME.match(name) is not None and owner not in (".", "..") and not looks_like_file


def _built_in(name: str, text_column: str | None, label_columns: list[str]) -> Corpus:
    if name == "grammar":
        from textvae.text.grammar import grammar_corpus

        corpus = grammar_corpus()
    else:
        from textvae.text.docstrings import docstrings_corpus

        corpus = docstrings_corpus()
    columns = {"text": corpus.texts, **corpus.labels}
    for column in _asked(text_column, label_columns):
        if column not in columns:
            raise TextVAEError(f"{name} has no column {column!r}: there are {', '.join(columns)}")
    return corpus


def _from_strings(items: list[Any], text_column: str | None, label_columns: list[str]) -> Corpus:
    if text_column is not None or label_columns:
        raise TextVAEError("a list of strings has no columns: give a file to choose columns of")
    for i, item in enumerate(items):
        if item is not None and not isinstance(item, str):
            raise TextVAEError(f"text {i} is a {type(item).__name__}, not a string")
    return Corpus([item or "" for item in items])


def _from_table(table: Table, name: str, text_column: str | None, label_columns: list[str]) -> Corpus:
    if not table.columns:
        raise TextVAEError(f"{name} is empty")
    labels = [_find_column(table, name, label) for label in label_columns]
    if text_column is not None:
        column = _find_column(table, name, text_column)
    else:
        column = _text_column(table, name, labels)
    texts = ["" if value is None else str(value) for value in table.columns[column]]
    values = [_label_values(table.columns[label]) for label in labels]
    return Corpus(texts, dict(zip(label_columns, values, strict=True)), name)


def _find_column(table: Table, name: str, wanted: str) -> str:
    """The column of that name, or in that place counted from 0."""
    columns = list(table.columns)
    if wanted in columns:
        return wanted
    if wanted.isdigit() and int(wanted) < len(columns):
        return columns[int(wanted)]
    there = ", ".join(columns[:20]) + (" …" if len(columns) > 20 else "")
    no_header = "" if table.has_header else " (it has no header)"
    raise TextVAEError(f"{name} has no column {wanted!r}{no_header}: there are {there}")


def _text_column(table: Table, name: str, labels: list[str]) -> str:
    candidates = {c: values for c, values in table.columns.items() if c not in labels}
    for column in candidates:
        if is_text_name(column):
            return column

    def mean_length(values: list[Any]) -> float:
        return sum(len(value) for value in values if isinstance(value, str)) / max(1, len(values))

    longest = max(candidates, key=lambda column: mean_length(candidates[column]), default=None)
    if longest is None or mean_length(candidates[longest]) == 0:
        raise TextVAEError(f"{name} has no column of texts: there are {', '.join(table.columns)}")
    return longest


def _label_values(values: list[Any]) -> np.ndarray:
    """(N,) int64 if every value is a whole number or the digits of one, else float64 if all are numbers, else str."""
    kinds = {type(value) for value in values}
    if kinds <= {int}:
        return np.array(values, dtype=np.int64)
    if kinds <= {int, float}:
        return np.array(values, dtype=np.float64)
    words = ["" if value is None else str(value).strip() for value in values]
    if all(map(_INTEGER.match, words)):
        return np.array([int(word) for word in words], dtype=np.int64)
    return np.array(words)


def _finish(parts: list[Corpus], split_sentences: bool) -> Corpus:
    """Clean, drop and, if asked, split the texts of all parts, and put them together."""
    if split_sentences:
        from textvae.text.sentences import split_into_sentences as pieces_of
    else:
        def pieces_of(text: str) -> list[str]:
            return [text]

    dropped: Counter[str] = Counter()
    texts: list[str] = []
    labels: dict[str, list[np.ndarray]] = {name: [] for name in parts[0].labels}
    for part in parts:
        origin = []
        dropped.update(part.dropped)
        for i, text in enumerate(map(clean_text, part.texts)):
            if not text:
                dropped["empty"] += 1
            for piece in pieces_of(text) if text else []:
                texts.append(piece)
                origin.append(i)
        for name in labels:
            labels[name].append(part.labels[name][origin])
    joined = {name: np.concatenate(values) for name, values in labels.items()}
    return Corpus(texts, joined, " + ".join(part.name for part in parts), dict(dropped))
