"""Rows written to a file chunk by chunk: any number of them, and a run cut short goes on where it stopped."""

from __future__ import annotations

import csv
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from textvae.errors import TextVAEError

# A chunk by columns: n values each, or an array (n, D).
Columns = Mapping[str, Sequence[Any] | np.ndarray]


class Rows(Protocol):
    """What rows go to, chunk by chunk: a file, or memory. The methods are those of ``RowFile``."""

    def kept(self, digest: str) -> Any | None: ...
    def append(self, columns: Columns, digest: str, note: Any = True) -> None: ...


class RowList:
    """Rows in memory: ``columns`` has all values of each."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {}

    def kept(self, digest: str) -> None:
        """No earlier run left any."""

    def append(self, columns: Columns, digest: str, note: Any = True) -> None:
        """Adds a chunk."""
        for name, values in columns.items():
            self.columns.setdefault(name, []).extend(values)


class RowFile:
    """Rows on their way to ``path``, which appears when they are all there, in place of what was there.

    Until then ``path.partial`` holds the rows, and ``path.progress`` a line of JSON for each chunk of them. A later run
    with the same ``key`` (what the rows depend on besides their texts) keeps the chunks whose digests are the same
    and in the same order.

    Args:
        path: ends in ``.npy`` (the one column that is an array), ``.parquet``, ``.jsonl`` or ``.csv``.
        key: of the model and the options.
        say: takes lines about what an earlier run left.

    Raises:
        TextVAEError: no such format, pyarrow is missing, or the file can't be written; so do all methods.
    """

    def __init__(self, path: Path, key: str, say: Callable[[str], object] = lambda line: None) -> None:
        self.path = path
        self.rows = 0
        self._say = say
        self._format = _format(path)
        with self._writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._partial = _beside(path, ".partial").open("a+b")
            self._progress = _beside(path, ".progress").open("a+b")
            self._bytes, self._there = 0, self._partial.tell()
            self._progress.seek(0)
            header = json.dumps({"key": key}).encode() + b"\n"
            self._recalling = self._progress.readline() == header
            if not self._recalling:
                if self._there:
                    say(f"{self._partial.name} is of another model or other options: {path} is begun anew.")
                self._cut(0)
                self._progress.write(header)

    def kept(self, digest: str) -> Any | None:
        """What was noted with the next chunk, if its rows are there already; None if they have to be written."""
        if not self._recalling:
            return None
        place = self._progress.tell()
        done = _parsed(self._progress.readline())
        if done is not None and done["digest"] == digest and done["bytes"] <= self._there:
            self.rows, self._bytes = done["rows"], done["bytes"]
            return done["note"]
        with self._writing():
            self._go_on(place)
        return None

    def append(self, columns: Columns, digest: str, note: Any = True) -> None:
        """Adds a chunk that was not ``kept``; ``note`` is anything JSON can hold but None."""
        with self._writing():
            self._partial.write(self._format.chunk(columns, first=self._bytes == 0))
            self._partial.flush()
            os.fsync(self._partial.fileno())
            self._bytes = self._partial.tell()
            self.rows += len(next(iter(columns.values())))
            line = {"digest": digest, "rows": self.rows, "bytes": self._bytes, "note": note}
            self._progress.write(json.dumps(line).encode() + b"\n")
            self._progress.flush()

    def finish(self) -> None:
        """Puts the whole file in its place."""
        with self._writing():
            if self._recalling:
                self._go_on(self._progress.tell())
            self._partial.close()
            self._progress.close()
            partial = Path(self._partial.name)
            whole = self._format.whole(partial, self.rows)
            os.replace(whole, self.path)
            for path in (partial, Path(self._progress.name)):
                path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._partial, self._progress):
            with suppress(OSError):  # what could not be written has been told
                file.close()

    def _go_on(self, place: int) -> None:
        """From here on chunks are written: what the earlier run has beyond this place is of no use."""
        self._recalling = False
        if self.rows:
            self._say(f"{self.rows:,} rows of {self.path} are kept from an earlier run.")
        self._cut(place)

    def _cut(self, place: int) -> None:
        self._progress.truncate(place)
        self._partial.truncate(self._bytes)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TextVAEError(
                f"Could not write {self.path}: {error.strerror or error}; what was there before is kept."
            ) from error


class _Format(ABC):
    """How rows become bytes that chunks of them can be added to, and how these become the file."""

    @abstractmethod
    def chunk(self, columns: Columns, *, first: bool) -> bytes: ...

    def whole(self, partial: Path, rows: int) -> Path:
        """The finished file beside the one with the chunks of ``rows`` rows, or that one, finished."""
        return partial


class _Npy(_Format):
    """The header has room for any number of rows: it is put right at the end."""

    def chunk(self, columns: Columns, *, first: bool) -> bytes:
        (array,) = (np.asarray(column) for column in columns.values() if _is_array(column))
        return (self._header(0, array.shape[1]) if first else b"") + array.astype("<f4").tobytes()

    def whole(self, partial: Path, rows: int) -> Path:
        with partial.open("r+b") as file:
            np.lib.format.read_magic(file)
            (_, width), *_ = np.lib.format.read_array_header_1_0(file)
            file.seek(0)
            file.write(self._header(rows, width))
        return partial

    @staticmethod
    def _header(rows: int, width: int) -> bytes:
        buffer = io.BytesIO()
        described = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
        np.lib.format.write_array_header_1_0(buffer, described)
        return buffer.getvalue()


class _Jsonl(_Format):
    def chunk(self, columns: Columns, *, first: bool) -> bytes:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows_of(columns)).encode()


class _Csv(_Format):
    """An array's columns are called by its name and a number from 0."""

    def chunk(self, columns: Columns, *, first: bool) -> bytes:
        table = io.StringIO(newline="")
        writer = csv.writer(table, lineterminator="\n")
        if first:
            writer.writerow(
                name
                for column, values in columns.items()
                for name in (
                    [f"{column}{i}" for i in range(np.shape(values)[1])] if _is_array(values) else [column]
                )
            )
        for row in rows_of(columns):
            writer.writerow(
                cell for value in row.values() for cell in (value if isinstance(value, list) else [value])
            )
        return table.getvalue().encode()


class _Parquet(_Format):
    """A parquet file can't be gone on with: its chunks wait as Arrow streams, and become its row groups."""

    def __init__(self) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise TextVAEError(
                "Writing .parquet files needs pyarrow: pip install 'textvae[data]'."
            ) from error
        self._arrow, self._parquet = pyarrow, pyarrow.parquet

    def chunk(self, columns: Columns, *, first: bool) -> bytes:
        arrow = self._arrow
        table = arrow.table(
            {
                name: arrow.FixedSizeListArray.from_arrays(np.ravel(values), np.shape(values)[1])
                if _is_array(values)
                else arrow.array(values)
                for name, values in columns.items()
            }
        )
        sink = arrow.BufferOutputStream()
        with arrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()

    def whole(self, partial: Path, rows: int) -> Path:
        schema = None
        for table in self._tables(partial):
            schema = table.schema if schema is None else self._common(schema, table.schema)
        whole = _beside(partial, ".whole")
        with self._parquet.ParquetWriter(whole, schema) as writer:
            for table in self._tables(partial):
                writer.write_table(table.cast(schema))
        return whole

    def _tables(self, partial: Path) -> Iterator[Any]:
        with self._arrow.OSFile(str(partial)) as file:
            while file.tell() < file.size():
                yield self._arrow.ipc.open_stream(file).read_all()

    def _common(self, one: Any, other: Any) -> Any:
        """The types that hold both: a label may be a number in some chunks only."""
        arrow = self._arrow
        fields = []
        for a, b in zip(one, other, strict=True):
            numbers = arrow.types.is_integer, arrow.types.is_floating
            if a.type != b.type:
                both = all(any(is_one(field.type) for is_one in numbers) for field in (a, b))
                a = a.with_type(arrow.float64() if both else arrow.string())
            fields.append(a)
        return arrow.schema(fields)


_FORMATS: dict[str, type[_Format]] = {".npy": _Npy, ".parquet": _Parquet, ".jsonl": _Jsonl, ".csv": _Csv}
ENDINGS = tuple(_FORMATS)
TABLES = tuple(ending for ending in ENDINGS if ending != ".npy")  # of files for rows without an array, too


def rows_of(columns: Columns) -> Iterator[dict[str, Any]]:
    """The rows of a chunk in plain Python; those of an array are lists."""
    plain = [values.tolist() if isinstance(values, np.ndarray) else values for values in columns.values()]
    for row in zip(*plain, strict=True):
        yield dict(zip(columns, row, strict=True))


def _format(path: Path) -> _Format:
    if path.suffix not in _FORMATS:
        raise TextVAEError(f"Rows go to a file that ends in {', '.join(_FORMATS)}; got {path.name}.")
    return _FORMATS[path.suffix]()


def _is_array(values: Sequence[Any] | np.ndarray) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 2


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _parsed(line: bytes) -> Any | None:
    """A line of progress, or None for the end and for one cut short."""
    try:
        return json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
