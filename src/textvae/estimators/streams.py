"""Texts of any number, chunk by chunk, through one process or several and into a file that can be gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from textvae.model import VAE
from textvae.processes import Processes
from textvae.rowfile import Columns, Rows
from textvae.store import tensors
from textvae.text.corpus import Corpus


@dataclass(frozen=True)
class Part:
    """A chunk of a stream.

    Attributes:
        corpus: its texts.
        first: the number of its first text in the stream.
        labels: the names of those that the first chunk has; others have no column.
        own: (n,) the places in it of the texts that are this process's to work on.
        done: whether an earlier run has written its rows.
        note: what that run noted with them, on the main process.
        digest: of texts and labels.
    """

    corpus: Corpus
    first: int
    labels: tuple[str, ...]
    own: np.ndarray
    done: bool
    note: Any
    digest: str

    def __len__(self) -> int:
        return len(self.corpus)

    @property
    def own_texts(self) -> list[str]:
        """(n,) the texts at ``own``."""
        return [self.corpus.texts[i] for i in self.own]

    @property
    def columns(self) -> dict[str, Any]:
        """What each text's row begins with: ``index``, its number in the stream, ``text``, and its labels."""
        known = self.corpus.labels
        return {
            "index": np.arange(self.first, self.first + len(self)),
            "text": self.corpus.texts,
            **{name: known.get(name, [None] * len(self)) for name in self.labels},
        }


class Stream:
    """The parts of a stream of texts, each shared out among all processes.

    Args:
        chunks: the same on every process.
        processes: None for this one alone.
        file: for the rows; on the main process only.
    """

    def __init__(
        self, chunks: Iterable[Corpus], processes: Processes | None = None, file: Rows | None = None
    ) -> None:
        self._chunks, self._processes, self._file = chunks, processes, file

    def __iter__(self) -> Iterator[Part]:
        index, count = (0, 1) if self._processes is None else (self._processes.index, self._processes.count)
        first, labels = 0, None
        for chunk in self._chunks:
            labels = tuple(chunk.labels) if labels is None else labels
            digest = _digest(chunk)
            note = self._file.kept(digest) if self._file is not None and len(chunk) else None
            done = note is not None
            if self._processes is not None:  # the main process alone has the file
                done = bool(self._processes.total(torch.tensor(float(done))))
            yield Part(chunk, first, labels, np.arange(index, len(chunk), count), done, note, digest)
            first += len(chunk)

    def gather(self, part: Part, rows: np.ndarray) -> np.ndarray | None:
        """The rows (n, *) of all processes' own texts as those of the part, on the main one; None on the others."""
        if self._processes is None:
            return rows
        return self._processes.gather_rows(rows, part.own, len(part))

    def write(self, part: Part, columns: Columns, note: Any = True) -> None:
        """The rows of a part that was not done to the file, if there is one."""
        if self._file is not None:
            self._file.append(columns, part.digest, note)


def fingerprint(model: VAE, reading: str, **options: Any) -> str:
    """A digest of all that rows depend on besides their texts: the ``key`` of a ``RowFile``.

    ``reading`` says how texts are read: a tokeniser's JSON, or a vocabulary.
    """
    digest = hashlib.sha256(json.dumps([version("textvae"), options]).encode())
    digest.update(reading.encode())
    for name, tensor in tensors(model).items():
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _digest(chunk: Corpus) -> str:
    labels = {name: values.tolist() for name, values in chunk.labels.items()}
    return hashlib.sha256(json.dumps([chunk.texts, labels]).encode()).hexdigest()
