"""Files to tables, some rows at a time: what each format holds, before anyone says which column is the text."""

from __future__ import annotations

import csv
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from textvae.errors import TextVAEError
from textvae.text.columns import Table, looks_like_header
from textvae.text.files import COMPRESSIONS, lines_of, pieces_of

FORMATS = (".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
ROWS = 10_000  # in a table; header and columns are found in the first
_NOT_TEXT = (
    *(".json", ".html", ".pdf", ".doc", ".docx", ".xls", ".xlsx"),
    *(".zip", ".tar", ".arrow", ".pkl", ".npy", ".npz"),
)

_END = "\x1c"  # ends what is read of a CSV file
_LONGEST_CELL = 2**27  # characters: a quote that is never closed must not fill the memory

T = TypeVar("T")


def format_of(path: Path) -> str:
    """The suffix that says how to read a file: ``.txt`` for an unknown one, as in ``train.en``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ".txt"
    if suffix in _NOT_TEXT:
        raise TextVAEError(f"{path}: {suffix} files are not read; use one of {', '.join(FORMATS)}")
    return suffix if suffix in FORMATS else ".txt"


def read_tables(source: Path | None, asked: list[str]) -> Iterator[Table]:
    """A file, or standard input's lines if ``source`` is None, as tables of some rows each.

    ``asked`` are the columns wanted: a text file of which one is asked is read as TSV. Raises ``TextVAEError``
    for a format that is not read, and while reading for anything unreadable.
    """
    name = str(source) if source else "standard input"
    suffix = format_of(source) if source else ".txt"
    if source and suffix == ".parquet":
        return _read_parquet(source)
    lines = lines_of(source)
    if suffix in (".jsonl", ".ndjson"):
        return _read_jsonl(lines, name)
    if suffix == ".txt" and not asked:
        return (Table({"0": texts}, has_header=False) for texts in blocks_of(lines))
    return _read_delimited(lines, suffix, name, asked)


def blocks_of(items: Iterable[T]) -> Iterator[list[T]]:
    """So many of the items at a time as a table has rows."""
    rest = iter(items)
    while block := list(itertools.islice(rest, ROWS)):
        yield block


def _read_delimited(lines: Iterator[str], suffix: str, name: str, asked: list[str]) -> Iterator[Table]:
    """CSV with quotes, or TSV without any, as real files are.

    A first row with a name of ``asked`` in it is a header. A row too short for a column has ``None`` there.
    Where the first row is a single cell, so is every row: a separator in it is part of the text.

    Raises ``TextVAEError`` for a row with more cells than there are columns (and, in CSV without a header, for
    one with fewer), and for a header that repeats a name: texts would be cut, or lost, without a word.
    """
    separator = "\t"
    if suffix == ".csv":
        separator, lines = _separator(lines)
    rows = _csv_rows(lines, separator, name) if suffix == ".csv" else _tsv_rows(lines)
    columns: list[str] = []
    has_header = single = False
    for block in blocks_of(rows):
        single = single or (not columns and len(block[0][1]) == 1)
        cells = [[separator.join(row)] for _, row in block] if single else [row for _, row in block]
        body = cells
        if not columns:
            named = any(column in cells[0] for column in asked if not column.isdigit())
            has_header = named or looks_like_header(cells)
            columns = [cell if has_header and cell else str(i) for i, cell in enumerate(cells[0])]
            body = cells[has_header:]
        repeated = next((column for i, column in enumerate(columns) if column in columns[:i]), None)
        if repeated is not None:
            raise TextVAEError(f"{name}: its header has two columns called {repeated!r}; rename one of them")
        exact = suffix == ".csv" and not has_header
        _check_widths(cells, [line for line, _ in block], len(columns), name, has_header, exact)
        yield Table(
            {column: [row[i] if i < len(row) else None for row in body] for i, column in enumerate(columns)},
            has_header,
        )


def _check_widths(
    rows: list[list[str]], lines: list[int], width: int, name: str, has_header: bool, exact: bool
) -> None:
    """Refuses rows with more cells than the first, empty ones at their end aside; if ``exact``, with fewer too."""
    for row, line in zip(rows, lines, strict=True):
        if len(row) == width or row == [""] or not (any(row[width:]) or (exact and len(row) < width)):
            continue
        first = "its header" if has_header else "its first row"
        raise TextVAEError(
            f"{name}: the row in line {line} has {len(row)} cells and {first} {width}; put texts that hold the "
            "separator in quotes, or save the file as .txt with one text a line"
        )


def _separator(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """The mark between the cells of a CSV file, and all its lines."""
    head: list[str] = []
    for line in lines:
        head.append(line)
        if line.strip():
            break
    # Semicolons are what spreadsheets write where the comma is the decimal mark.
    mark = next((mark for mark in ",;\t" if head and mark in head[-1]), ",")
    return mark, itertools.chain(head, lines)


def _tsv_rows(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows from the first with anything in it on, each with its line of the file."""
    rows = ((number, line.split("\t")) for number, line in enumerate(lines, start=1))
    return itertools.dropwhile(lambda row: row[1] == [""], rows)


def _csv_rows(lines: Iterator[str], separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with anything in them, each with the line of the file that it ends in."""
    # A row of its own at the end, unless an open quote swallows it.
    reader = csv.reader((f"{line}\n" for line in itertools.chain(lines, [_END])), delimiter=separator)
    row: list[str] = []
    ended, number = 0, 0
    while block := _csv_block(reader, name):
        for line, following in block:
            if row:
                yield number, row
                ended = number
            number, row = line, following
    if row != [_END]:
        raise TextVAEError(
            f"{name}: a quote opened in the row from line {ended + 1} on is never closed; close it, or save "
            "the file as .txt with one text a line"
        )


def _csv_block(reader: Any, name: str) -> list[tuple[int, list[str]]]:
    usual = csv.field_size_limit(_LONGEST_CELL)
    try:
        return [(reader.line_num, row) for row in itertools.islice(reader, ROWS)]
    except csv.Error as error:
        raise TextVAEError(f"{name}: line {reader.line_num} is not CSV: {error}") from error
    finally:
        csv.field_size_limit(usual)


def _read_jsonl(lines: Iterator[str], name: str) -> Iterator[Table]:
    """One JSON object, or one JSON string, a line. A key that a line lacks is ``None`` there."""
    columns: dict[str, None] = {}
    for rows in blocks_of(_json_rows(lines, name)):
        for row in rows:
            columns.update(dict.fromkeys(row))
        yield Table({column: [row.get(column) for row in rows] for column in columns}, has_header=True)


def _json_rows(lines: Iterator[str], name: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise TextVAEError(f"{name}: line {number} is not JSON: {error}") from error
        if isinstance(row, str):
            row = {"text": row}
        if not isinstance(row, dict):
            raise TextVAEError(
                f"{name}: line {number} holds a JSON {type(row).__name__}, not an object or a string"
            )
        yield row


def _read_parquet(path: Path) -> Iterator[Table]:
    """A parquet file's columns."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise TextVAEError("reading .parquet files needs pyarrow: pip install 'textvae[data]'") from error
    with _seekable(path) as file:
        try:
            for batch in pyarrow.parquet.ParquetFile(file).iter_batches(ROWS):
                yield Table(batch.to_pydict(), has_header=True)
        except (pyarrow.ArrowException, OSError) as error:
            raise TextVAEError(f"{path} is not a parquet file: {error}") from error


@contextmanager
def _seekable(path: Path) -> Iterator[Any]:
    """A file that can be read from any place: decompressed on disk if it has to be."""
    if path.suffix.lower() not in COMPRESSIONS:
        yield path
        return
    with tempfile.TemporaryFile() as file:
        for piece in pieces_of(path):
            file.write(piece)
        file.seek(0)
        yield file
