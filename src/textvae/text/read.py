"""Files, columns, folders, names and lists of strings to a ``Corpus``."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textvae.errors import TextVAEError
from textvae.text.columns import Table, find_column, label_values, text_column_of
from textvae.text.corpus import Corpus
from textvae.text.files import COMPRESSIONS
from textvae.text.formats import FORMATS, blocks_of, read_tables

BUILT_IN = ("docstrings", "grammar")

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HUB_NAME = re.compile(r"[\w.\-]+/[\w.\-]+(:[\w.\-]+)?$")

Source = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def load_corpus(
    source: Source,
    *,
    text_column: str | int | None = None,
    label_column: str | int | Sequence[str] | None = None,
    split_sentences: bool = False,
) -> Corpus:
    """Read texts, one a line or a row, from wherever they are.

    ``source`` is a ``.txt .csv .tsv .jsonl .parquet`` file (also ``.gz .xz .zst``), ``-`` for the lines of
    standard input, ``docstrings`` or ``grammar`` (built in), a Hugging Face data set (``owner/name``,
    ``owner/name:config``, or a folder that ``datasets`` saved), strings, or several of the other sources.

    ``text_column`` and ``label_column`` (one, or several) name columns, or count them from 0. Without
    ``text_column`` it is the one with a usual name (text, sentence, review …), else the one with the longest
    texts. Labels become (N,) arrays, of whole numbers where every value is one. ``split_sentences`` makes
    each sentence a text with its text's labels. Texts are stripped and control characters in them become
    spaces; those left empty are dropped and counted in ``Corpus.dropped``.

    Raises ``TextVAEError`` for anything that cannot be read, saying what and why.
    """
    return join_chunks(
        read_chunks(
            source, text_column=text_column, label_column=label_column, split_sentences=split_sentences
        )
    )


def read_chunks(
    source: Source,
    *,
    text_column: str | int | None = None,
    label_column: str | int | Sequence[str] | None = None,
    split_sentences: bool = False,
    keep_empty: bool = False,
    chunk: int = 10_000,
) -> Iterator[Corpus]:
    """The texts that ``load_corpus`` reads, at most ``chunk`` at a time: in memory are only those in hand.

    Each chunk bears the name of the file it is from, and counts what was dropped on the way to it; where that is
    all there was, it holds no text. With ``keep_empty`` nothing is dropped: the texts are the rows of the source.

    Raises ``TextVAEError``: at once for a source that isn't there, while reading for what can't be read.
    """
    text_name = None if text_column is None else str(text_column)
    if label_column is None:
        label_names = []
    elif isinstance(label_column, (str, int)):
        label_names = [str(label_column)]
    else:
        label_names = [str(name) for name in label_column]
    parts = _parts(source, text_name, label_names)
    return _cut(_corpora(parts, text_name, label_names), split_sentences, keep_empty, chunk)


def join_chunks(chunks: Iterable[Corpus]) -> Corpus:
    """The chunks as one corpus, with the labels that all of them have."""
    parts = list(chunks)
    dropped: Counter[str] = Counter()
    for part in parts:
        dropped.update(part.dropped)
    common = [name for name in parts[0].labels if all(name in part.labels for part in parts)]
    labels = {name: np.concatenate([part.labels[name] for part in parts]) for name in common}
    texts = [text for part in parts for text in part.texts]
    return Corpus(texts, labels, joined_names(parts), dict(dropped))


def joined_names(parts: Iterable[Corpus]) -> str:
    """The names of the files that the parts are from."""
    return " + ".join(dict.fromkeys(part.name for part in parts))


def clean_text(text: str) -> str:
    """One line without control characters or halves of surrogate pairs, and no space at its ends."""
    if text.isprintable():  # none of these, nor any space but the usual one
        return text.strip()
    return _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", text)).strip(" \t\u00a0\u3000\ufeff").strip()


def is_source(item: object) -> bool:
    """Whether an item names texts to read, in a file that may be missing, rather than being one."""
    if isinstance(item, os.PathLike) or item == "-" or item in BUILT_IN:
        return True
    if not isinstance(item, str) or "\n" in item or len(item) > 1000:
        return False
    ends_like_one = item.lower().endswith((*FORMATS, *COMPRESSIONS)) and len(item.split()) == 1
    return ends_like_one or os.path.exists(item)


_Part = tuple[str, Iterator[Table]]  # the name of a source, and what it holds


def _parts(source: Source, text_column: str | None, label_columns: list[str]) -> list[_Part]:
    asked = [*([text_column] if text_column is not None else []), *label_columns]
    if isinstance(source, (str, os.PathLike)):
        return [_open(source, asked)]
    if not isinstance(source, Iterable):
        raise TextVAEError(f"texts come from a path or from strings, not from a {type(source).__name__}")
    items = iter(source)
    first = list(itertools.islice(items, 1))
    if first and is_source(first[0]):
        first += items
        if all(map(is_source, first)):
            return [_open(item, asked) for item in first]
    if asked:
        raise TextVAEError("a list of strings has no columns: give a file to choose columns of")
    return [("texts", _read_strings(itertools.chain(first, items)))]


def _open(source: str | os.PathLike[str], asked: list[str]) -> _Part:
    """What a source holds, or a ``TextVAEError`` if there is none of that name."""
    name = os.fspath(source)
    path = Path(name).expanduser()
    if name == "-":
        return "standard input", read_tables(None, asked)
    if _is_built_in(name):
        return name, _read_built_in(name)
    if os.path.isdir(path):
        from textvae.text.hub import read_folder

        return name, read_folder(path)
    if not os.path.exists(path) and isinstance(source, str) and _is_hub_name(name):
        from textvae.text.hub import read_hub

        return name, read_hub(name)
    if not os.path.exists(path):
        if path.suffix or os.sep in name:
            raise TextVAEError(f"there is no file {path}")
        raise TextVAEError(
            f"there is no file {name}, and it is not one of the built-in corpora ({', '.join(BUILT_IN)}) "
            "or a Hugging Face data set written owner/name"
        )
    return name, read_tables(path, asked)


def _is_built_in(name: str) -> bool:
    return name in BUILT_IN and not os.path.exists(name)


def _is_hub_name(name: str) -> bool:
    """``owner/name``, unless it is rather a file's path that has a mistake in it."""
    owner = name.partition("/")[0]
    looks_like_file = Path(name).suffix.lower() in (*FORMATS, *COMPRESSIONS) or os.path.isdir(owner)
    return _HUB_NAME.match(name) is not None and owner not in (".", "..") and not looks_like_file


def _read_built_in(name: str) -> Iterator[Table]:
    if name == "grammar":
        from textvae.text.grammar import grammar_corpus

        corpus = grammar_corpus()
    else:
        from textvae.text.docstrings import docstrings_corpus

        corpus = docstrings_corpus()
    labels = {label: values.tolist() for label, values in corpus.labels.items()}
    yield Table({"text": corpus.texts, **labels}, has_header=True)


def _read_strings(items: Iterator[Any]) -> Iterator[Table]:
    def checked() -> Iterator[str | None]:
        for i, item in enumerate(items):
            if item is not None and not isinstance(item, str):
                raise TextVAEError(f"text {i} is a {type(item).__name__}, not a string")
            yield item

    for texts in blocks_of(checked()):
        yield Table({"0": texts}, has_header=False)


def _corpora(parts: list[_Part], text_column: str | None, label_columns: list[str]) -> Iterator[Corpus]:
    """The texts as they stand in the tables, with their labels; a source's first table decides on its columns."""
    seen: dict[
        str, tuple[str, str]
    ] = {}  # of each format the first file with a header, and its column of texts
    for name, tables in parts:
        column: str | None = None
        labels: dict[str, str] = {}
        for table in tables:
            if column is None:
                column, labels = _columns_of(table, name, text_column, label_columns)
                if table.has_header and text_column is None:
                    before, usual = seen.setdefault(Path(name).suffix, (name, column))
                    if column != usual:
                        raise TextVAEError(
                            f"the texts of {before} are in its column {usual!r}, and those of {name} seem to be in "
                            f"{column!r}: say which is meant by text_column (--text-column)"
                        )
            texts = ["" if value is None else str(value) for value in table.columns[column]]
            yield Corpus(texts, {label: label_values(table.columns[c]) for label, c in labels.items()}, name)


def _columns_of(
    table: Table, name: str, text_column: str | None, label_columns: list[str]
) -> tuple[str, dict[str, str]]:
    """The column of the texts, and that of each label."""
    if not table.columns:
        raise TextVAEError(f"{name} is empty")
    labels = {label: find_column(table, name, label) for label in label_columns}
    if text_column is not None:
        column = find_column(table, name, text_column)
    else:
        column = text_column_of(table, name, excluded=labels.values())
    if _is_built_in(name) and not labels:
        # theirs cost nothing and are what these corpora are for
        labels = {label: label for label in table.columns if label != column}
    return column, labels


def _cut(corpora: Iterator[Corpus], split_sentences: bool, keep_empty: bool, size: int) -> Iterator[Corpus]:
    """Clean, drop and, if asked, split the texts, and give at most ``size`` at a time."""
    if split_sentences:
        from textvae.text.sentences import split_into_sentences as sentences_of
    else:

        def sentences_of(text: str) -> list[str]:
            return [text]

    name, some = "", False
    for corpus in corpora:
        name = name or corpus.name
        texts: list[str] = []
        origin: list[int] = []
        empty = 0
        for i, text in enumerate(map(clean_text, corpus.texts)):
            pieces = sentences_of(text) if text else [""] if keep_empty else []
            empty += not pieces
            texts += pieces
            origin += [i] * len(pieces)
        some = some or bool(texts)
        labels = {label: values[origin] for label, values in corpus.labels.items()}
        for start in range(0, max(len(texts), 1), size):
            part = slice(start, start + size)
            dropped = {"empty": empty} if empty and start == 0 else {}
            yield Corpus(texts[part], {k: v[part] for k, v in labels.items()}, corpus.name, dropped)
    if not some:
        raise TextVAEError(f"{name or 'texts'} holds no text")
