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
from textvae.text.columns import Table, find_column, label_values, text_column_of
from textvae.text.corpus import Corpus
from textvae.text.formats import COMPRESSIONS, FORMATS, read_table

BUILT_IN = ("docstrings", "grammar")

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
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

    ``source`` is a ``.txt .csv .tsv .jsonl .parquet`` file (also ``.gz .xz .zst``), ``-`` for the lines of
    standard input, ``docstrings`` or ``grammar`` (built in), a Hugging Face data set (``owner/name``,
    ``owner/name:config``, or a folder that ``datasets`` saved), strings, or a list of files.

    ``text_column`` and ``label_column`` (one, or several) name columns, or count them from 0. Without
    ``text_column`` it is the one with a usual name (text, sentence, review …), else the one with the longest
    texts. Labels become (N,) arrays, of whole numbers where every value is one. ``split_sentences`` makes
    each sentence a text with its text's labels. Texts are stripped and control characters in them become
    spaces; those left empty are dropped and counted in ``Corpus.dropped``.

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
    path = Path(name).expanduser()
    asked = _asked(text_column, label_columns)
    if name == "-":
        table, name = read_table(None, asked), "standard input"
    elif name in BUILT_IN and not os.path.exists(path):
        return _built_in(name, asked, label_columns)
    elif os.path.isdir(path):
        from textvae.text.hub import read_folder

        table = read_folder(path)
    elif not os.path.exists(path) and isinstance(source, str) and _is_hub_name(name):
        from textvae.text.hub import read_hub

        table = read_hub(name)
    elif not os.path.exists(path) and not path.suffix and os.sep not in name:
        raise TextVAEError(
            f"there is no file {name}, and it is not one of the built-in corpora ({', '.join(BUILT_IN)}) "
            "or a Hugging Face data set written owner/name"
        )
    else:
        table = read_table(path, asked)
    return _from_table(table, name, text_column, label_columns)


def _asked(text_column: str | None, label_columns: list[str]) -> list[str]:
    return [*([text_column] if text_column is not None else []), *label_columns]


def _is_hub_name(name: str) -> bool:
    """``owner/name``, unless it is rather a file's path that has a mistake in it."""
    owner = name.partition("/")[0]
    looks_like_file = Path(name).suffix.lower() in (*FORMATS, *COMPRESSIONS) or os.path.isdir(owner)
    return _HUB_NAME.match(name) is not None and owner not in (".", "..") and not looks_like_file


def _built_in(name: str, asked: list[str], label_columns: list[str]) -> Corpus:
    if name == "grammar":
        from textvae.text.grammar import grammar_corpus

        corpus = grammar_corpus()
    else:
        from textvae.text.docstrings import docstrings_corpus

        corpus = docstrings_corpus()
    for column in asked:
        if column not in ("text", *corpus.labels):
            there = ", ".join(("text", *corpus.labels))
            raise TextVAEError(f"{name} has no column {column!r}: there are {there}")
    # Built-in labels cost nothing and are what these corpora are for: all of them unless some are asked for.
    labels = {label: corpus.labels[label] for label in label_columns} if label_columns else corpus.labels
    return Corpus(corpus.texts, labels, name, corpus.dropped)


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
    labels = {label: find_column(table, name, label) for label in label_columns}
    if text_column is not None:
        column = find_column(table, name, text_column)
    else:
        column = text_column_of(table, name, excluded=labels.values())
    texts = ["" if value is None else str(value) for value in table.columns[column]]
    return Corpus(texts, {label: label_values(table.columns[c]) for label, c in labels.items()}, name)


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
