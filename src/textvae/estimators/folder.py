"""The folder of a model: what may be written where, and how a new model takes the place of an old one."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from textvae.config import Config
from textvae.errors import TextVAEError
from textvae.store import (
    CARD,
    CHECKPOINT,
    CONFIG,
    CONTEXT,
    DIRECTION_TENSORS,
    DIRECTIONS,
    HISTORY,
    METRICS,
    REPORT,
    TOKENIZER,
    TOKENS,
    VOCABULARY,
    WEIGHTS,
    holds_model,
    read_model_config,
)

PREVIOUS = ".previous"  # where the old model waits until the new one is there
_OURS = (
    CONFIG,
    WEIGHTS,
    TOKENIZER,
    METRICS,
    CARD,
    HISTORY,
    REPORT,
    DIRECTIONS,
    DIRECTION_TENSORS,
    VOCABULARY,
    CONTEXT,
    CHECKPOINT,
)
# hidden remains of a process that was killed while writing
_LEFTOVER = re.compile(
    rf"\.({'|'.join(map(re.escape, _OURS))})\.\d+|\.saving\..*|{re.escape(PREVIOUS)}|{re.escape(TOKENS)}"
)


class ModelFolder:
    """A folder that a model is about to be written to.

    In order: it is checked when made, ``begin`` puts an old model aside, and then either ``keep`` lets go of the
    old one or ``restore`` brings it back. Only files of ours are ever moved or removed.

    Raises:
        TextVAEError: there is a file, a folder of other things, or a model that nobody asked to replace.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self.previous = path / PREVIOUS
        if path.exists() and not path.is_dir():
            raise TextVAEError(f"{path} is a file, not a folder to put a model in.")
        try:
            names = [entry.name for entry in path.iterdir()] if path.is_dir() else []
        except OSError as error:
            raise TextVAEError(f"{path} can't be read: {error.strerror}.") from error
        if holds_model(path) or holds_model(self.previous):
            if not overwrite:
                raise TextVAEError(
                    f"{path} already holds a model: choose another folder, replace it with --overwrite, "
                    "or go on with its training with --resume."
                    if has_checkpoint(path)
                    else f"{path} already holds a model: choose another folder, or replace it with --overwrite."
                )
        elif not all(map(_LEFTOVER.fullmatch, names)):
            raise TextVAEError(f"{path} holds other things than a model: choose another folder.")

    @classmethod
    def to_resume(cls, path: Path) -> tuple[ModelFolder, Config]:
        """The folder of a training that was cut off, and the configuration it started with."""
        if not (path / CONFIG).exists():
            raise TextVAEError(f"There is no training in {path} to resume.")
        if (path / WEIGHTS).exists() and not has_checkpoint(path):
            raise TextVAEError(f"The training in {path} is finished; there is nothing to resume.")
        config = read_model_config(path)[0]
        return cls(path, overwrite=True), config

    def begin(self) -> None:
        """Puts the model that is there aside; the folder then holds none."""
        if (self.previous / WEIGHTS).exists() and not (self.path / WEIGHTS).exists():
            _clear(self.path)  # remains of a training that was to replace the model put aside: that one stays
            return
        there = [name for name in _OURS if (self.path / name).exists()]
        if not there:
            return
        shutil.rmtree(self.previous, ignore_errors=True)
        moved = []
        try:
            self.previous.mkdir()
            for name in there:
                (self.path / name).replace(self.previous / name)
                moved.append(name)
        except BaseException as error:
            for name in moved:
                (self.previous / name).replace(self.path / name)
            if isinstance(error, OSError):
                raise TextVAEError(f"Could not write to {self.path}: {error.strerror}.") from error
            raise

    def keep(self) -> None:
        """The new model is there: the old one goes."""
        shutil.rmtree(self.previous, ignore_errors=True)

    def restore(self) -> None:
        """The new model failed: what there is of it goes, and the old one comes back."""
        _clear(self.path)
        for name in reversed(_OURS):  # config.json last: without it there is no model
            if (self.previous / name).exists():
                (self.previous / name).replace(self.path / name)
        self.keep()


def write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Fills a model's folder with what ``write`` writes to a path; a model there goes once the new one is whole.

    Raises:
        TextVAEError: the folder holds other things than a model, or can't be written; a model in it is kept.
    """
    home = ModelFolder(target, overwrite=True)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".saving.") as temporary:
            whole = Path(temporary) / (target.resolve().name or "model")
            write(whole)
            home.begin()
            try:
                # config.json last: without it there is no model
                for path in sorted(whole.iterdir(), key=lambda path: path.name == CONFIG):
                    path.replace(target / path.name)
            except BaseException:
                home.restore()
                raise
            home.keep()
    except OSError as error:
        raise TextVAEError(f"Could not save to {target}: {error.strerror}.") from error


def has_checkpoint(path: Path) -> bool:
    """Whether there is a whole checkpoint in a model's folder, to go on from."""
    return any((path / CHECKPOINT).glob("[!.]*"))


def _clear(path: Path) -> None:
    for name in _OURS:
        _remove(path / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
