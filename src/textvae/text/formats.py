"""Files to tables: what each format holds, before anyone says which column is the text."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import re
import sys
import zlib
from pathlib import Path
from typing import Any

from textvae.errors import TextVAEError
from textvae.text.columns import Table, looks_like_header

FORMATS = (".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
COMPRESSIONS = (".gz", ".xz", ".zst")
_NOT_TEXT = (
    *(".json", ".html", ".pdf", ".doc", ".docx", ".xls", ".xlsx"),
    *(".zip", ".tar", ".arrow", ".pkl", ".npy", ".npz"),
)

_END = "\x1c"  # ends what is read of a CSV file


def format_of(path: Path) -> str:
    """The suffix that says how to read a file: ``.txt`` for an unknown one, as in ``train.en``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ".txt"
    if suffix in _NOT_TEXT:
        raise TextVAEError(f"{path}: {suffix} files are not read; use one of {', '.join(FORMATS)}")
    return suffix if suffix in FORMATS else ".txt"


def read_bytes(path: Path) -> bytes:
    """The content of a file, decompressed. Raises ``TextVAEError`` if it is missing, empty or damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise TextVAEError(f"there is no file {path}") from error
    except OSError as error:
        raise TextVAEError(f"cannot read {path}: {error.strerror or error}") from error
    return _decompress(data, path)


def _decompress(data: bytes, path: Path) -> bytes:
    suffix = path.suffix.lower()
    if suffix not in COMPRESSIONS or not data:
        return data
    failures: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, lzma.LZMAError)
    try:
        if suffix == ".gz":
            return gzip.decompress(data)
        if suffix == ".xz":
            return lzma.decompress(data)
        zstandard = _zstandard()
        failures = (zstandard.ZstdError,)
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as stream:
            return stream.read()
    except failures as error:
        raise TextVAEError(f"{path} is not a whole {suffix} file: {error}") from error


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise TextVAEError("reading .zst files needs zstandard: pip install 'textvae[data]'") from error
    return zstandard


def decode(data: bytes, name: str) -> str:
    """Bytes to a string: UTF-8, or UTF-16 with a byte order mark.

    Raises ``TextVAEError`` naming the first line that is neither.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TextVAEError(
            f"{name}: line {line} is not {encoding[:6].rstrip('-').upper()} text "
            f"(byte 0x{data[error.start]:02x}); save the file as UTF-8"
        ) from error


def lines_of(content: str) -> list[str]:
    """The lines of a text file; only line feeds and carriage returns end one."""
    lines = re.split(r"\r\n|\n|\r", content)
    return lines[:-1] if lines[-1] == "" else lines


def read_lines(content: str) -> Table:
    """One text a line: a single column."""
    return Table({"0": lines_of(content)}, has_header=False)


def read_delimited(content: str, suffix: str, name: str, asked: list[str]) -> Table:
    """CSV with quotes, or TSV without any, as real files are.

    A first row with a name of ``asked`` in it is a header. A row too short for a column has ``None`` there.
    Where the first row is a single cell, so is every row: a separator in it is part of the text.

    Raises ``TextVAEError`` for a row with more cells than there are columns (and, in CSV without a header, for
    one with fewer), and for a header that repeats a name: texts would be cut, or lost, without a word.
    """
    separator = _separator(content) if suffix == ".csv" else "\t"
    if suffix == ".csv":
        rows, lines = _csv_rows(content, separator, name)
    else:
        cut = [line.split("\t") for line in lines_of(content)]
        first = next((i for i, row in enumerate(cut) if row != [""]), len(cut))
        rows, lines = cut[first:], list(range(first + 1, len(cut) + 1))
    if not rows:
        return Table({}, has_header=False)
    if len(rows[0]) == 1:
        rows = [[separator.join(row)] for row in rows]
    has_header = any(column in rows[0] for column in asked if not column.isdigit()) or looks_like_header(rows)
    _check_widths(rows, lines, name, has_header, exact=suffix == ".csv" and not has_header)
    names = [cell if has_header and cell else str(i) for i, cell in enumerate(rows[0])]
    repeated = next((column for i, column in enumerate(names) if column in names[:i]), None)
    if repeated is not None:
        raise TextVAEError(f"{name}: its header has two columns called {repeated!r}; rename one of them")
    body = rows[1:] if has_header else rows
    columns = {column: [row[i] if i < len(row) else None for row in body] for i, column in enumerate(names)}
    return Table(columns, has_header)


def _check_widths(rows: list[list[str]], lines: list[int], name: str, has_header: bool, exact: bool) -> None:
    """Refuses rows with more cells than the first, empty ones at their end aside; if ``exact``, with fewer too."""
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if row == [""] or not (any(row[width:]) or (exact and len(row) < width)):
            continue
        first = "its header" if has_header else "its first row"
        raise TextVAEError(
            f"{name}: the row in line {line} has {len(row)} cells and {first} {width}; put texts that hold the "
            "separator in quotes, or save the file as .txt with one text a line"
        )


def _separator(content: str) -> str:
    first = content.lstrip().partition("\n")[0]
    # Semicolons are what spreadsheets write where the comma is the decimal mark.
    return next((mark for mark in ",;\t" if mark in first), ",")


def _csv_rows(content: str, separator: str, name: str) -> tuple[list[list[str]], list[int]]:
    """The rows with anything in them, and the line of the file that each ends in."""
    rows: list[list[str]] = []
    lines = [0]
    # A row of its own at the end, unless an open quote swallows it.
    reader = csv.reader(io.StringIO(f"{content}\n{_END}", newline=""), delimiter=separator)
    usual = csv.field_size_limit(len(content) + len(_END) + 1)
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise TextVAEError(f"{name}: line {reader.line_num} is not CSV: {error}") from error
    finally:
        csv.field_size_limit(usual)
    if rows.pop() != [_END]:
        raise TextVAEError(
            f"{name}: a quote opened in the row from line {lines[-2] + 1} on is never closed; close it, or save "
            "the file as .txt with one text a line"
        )
    return rows, lines[1:-1]


def read_jsonl(content: str, name: str) -> Table:
    """One JSON object, or one JSON string, a line. A key that a line lacks is ``None`` there."""
    rows: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(content.split("\n"), start=1):
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
        columns.update(dict.fromkeys(row))
        rows.append(row)
    return Table({column: [row.get(column) for row in rows] for column in columns}, has_header=True)


def read_parquet(data: bytes, name: str) -> Table:
    """A parquet file's columns."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise TextVAEError("reading .parquet files needs pyarrow: pip install 'textvae[data]'") from error
    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
    except (pyarrow.ArrowException, OSError) as error:
        raise TextVAEError(f"{name} is not a parquet file: {error}") from error
    return Table(table.to_pydict(), has_header=True)


def read_table(source: Path | None, asked: list[str]) -> Table:
    """Read a file, or standard input's lines if ``source`` is None; ``asked`` are the columns wanted.

    A text file of which a column is asked is read as TSV. Raises ``TextVAEError`` for anything unreadable.
    """
    name = str(source) if source else "standard input"
    suffix = format_of(source) if source else ".txt"
    data = read_bytes(source) if source else sys.stdin.buffer.read()
    if not data.strip():
        raise TextVAEError(f"{name} is empty")
    if suffix == ".parquet":
        return read_parquet(data, name)
    content = decode(data, name)
    if suffix in (".jsonl", ".ndjson"):
        return read_jsonl(content, name)
    if suffix == ".txt" and not asked:
        return read_lines(content)
    return read_delimited(content, suffix, name, asked)
