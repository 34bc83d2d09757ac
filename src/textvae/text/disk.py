"""Texts and token ids on disk while training: written chunk by chunk, then read from anywhere."""

from __future__ import annotations

import itertools
import json
import mmap
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import numpy as np

from textvae.errors import TextVAEError
from textvae.text.batch import Dataset
from textvae.text.formats import blocks_of

_META, _IDS, _STARTS, _LENGTHS = "tokens.json", "ids.bin", "starts.bin", "lengths.bin"
_BATCHES_REMEMBERED = 100


class TextFile:
    """Texts without line ends, a line each; the file goes when its ``with`` ends.

    Raises ``TextVAEError`` if the disk is full or can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = self._count = 0
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")

    def extend(self, texts: Sequence[str]) -> None:
        """Adds texts at the end."""
        content = "".join(f"{text}\n" for text in texts).encode()
        with _writing(self.path):
            self._file.write(content)
            self._file.flush()
        self._size += len(content)
        self._count += len(texts)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        with self.path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line[:-1]

    def fitting(self, most: int) -> int:
        """How many evenly spaced texts have ``most`` bytes in all."""
        return self._count if self._size <= most else self._count * most // self._size

    def evenly(self, most: int) -> list[str]:
        """So many texts."""
        count, size = self.fitting(most), max(self._count, 1)
        return [text for i, text in enumerate(self) if (i + 1) * count // size > i * count // size]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what a full disk did not take is still to be written
            self._file.close()
        self.path.unlink(missing_ok=True)


def write_tokens(folder: Path, texts: Iterable[np.ndarray], vocab_size: int, key: str) -> int:
    """Puts the token ids of texts into a folder, and says how many texts there were.

    They are all there or none: a folder that lacks ``tokens.json``, written last, holds nothing.

    Args:
        texts: ids ``<s> w1 … wn </s>`` of each.
        key: what the ids depend on; ``read_tokens`` asks for the same.

    Raises:
        TextVAEError: the disk is full or can't be written; the folder is then gone.
    """
    dtype = np.dtype(np.uint16 if vocab_size <= 2**16 else np.int32)
    count = end = 0
    try:
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _META).unlink(missing_ok=True)
            with (
                (folder / _IDS).open("wb") as ids_file,
                (folder / _STARTS).open("wb") as starts_file,
                (folder / _LENGTHS).open("wb") as lengths_file,
            ):
                for ids in blocks_of(texts):
                    sizes = np.array([len(text) for text in ids], dtype=np.int64)
                    ends = end + np.cumsum(sizes)
                    ids_file.write(np.concatenate(ids).astype(dtype).tobytes())
                    starts_file.write((ends - sizes).tobytes())
                    lengths_file.write((sizes - 1).astype(np.int32).tobytes())
                    count, end = count + len(ids), int(ends[-1])
                for file in (ids_file, starts_file, lengths_file):
                    file.flush()
                    os.fsync(file.fileno())
            meta = {"key": key, "texts": count, "ids": end, "dtype": dtype.name}
            part = folder / f"{_META}.part"
            part.write_text(json.dumps(meta), encoding="utf-8")
            part.replace(folder / _META)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return count


def read_tokens(folder: Path, key: str) -> Dataset | None:
    """What ``write_tokens`` wrote with this key, mapped into memory; None if there is no such, or not all of it."""
    try:
        meta = json.loads((folder / _META).read_text(encoding="utf-8"))
        if meta["key"] != key or not meta["texts"]:
            return None
        ids = _map(folder / _IDS, meta["dtype"], meta["ids"])
        starts = _map(folder / _STARTS, "int64", meta["texts"])
        lengths = _map(folder / _LENGTHS, "int32", meta["texts"])
    except (OSError, ValueError, KeyError):
        return None

    batches = itertools.count(1)

    def forget() -> None:
        # Pages that were read count as this process's memory until it lets go of them; the system's cache keeps them.
        if next(batches) % _BATCHES_REMEMBERED == 0 and hasattr(mmap, "MADV_DONTNEED"):
            for file, _ in (ids, starts, lengths):
                file.madvise(mmap.MADV_DONTNEED)

    return Dataset.mapped(ids[1], starts[1], lengths[1], forget)


def _map(path: Path, dtype: str, count: int) -> tuple[mmap.mmap, np.ndarray]:
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return mapped, np.frombuffer(mapped, dtype, count)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TextVAEError(
            f"Could not write {path}, where texts and their tokens are while a model is trained: "
            f"{error.strerror or error}."
        ) from error
