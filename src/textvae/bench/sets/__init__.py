"""The sets of texts that presets are compared on, one TOML file each. The texts themselves are the user's to bring."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from textvae.errors import TextVAEError


class BenchmarkSet(BaseModel):
    """Three files of texts and what is known about them.

    ``train``, ``validation`` and ``test`` are paths of files from the folder of all sets; ``text_column`` as for
    ``load_corpus``; ``lowercase`` lowers all three; ``note`` says what the set is and how it departs from the one
    that published figures are of; ``published`` are figures of the papers behind presets, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    train: str
    validation: str
    test: str
    text_column: str | None = None
    lowercase: bool = False
    note: str = ""
    published: dict[str, str] = {}

    def files(self, folder: Path) -> tuple[Path, Path, Path]:
        """Training, validation and test file, under ``folder`` or all in it.

        Raises:
            TextVAEError: one of them is not there.
        """
        return (
            self._find(folder, self.train),
            self._find(folder, self.validation),
            self._find(folder, self.test),
        )

    def _find(self, folder: Path, name: str) -> Path:
        for file in (folder / name, folder / Path(name).name):
            if file.is_file():
                return file
        raise TextVAEError(f"The benchmark set {self.name} needs the file {name}, which is not in {folder}.")


def set_names() -> list[str]:
    """All sets, sorted."""
    files = resources.files(__name__).iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def load_set(name: str) -> BenchmarkSet:
    """The set ``name``.

    Raises:
        TextVAEError: no such set; the message lists those there are.
    """
    if name not in set_names():
        raise TextVAEError(f"There is no benchmark set called '{name}'; there are: {', '.join(set_names())}.")
    text = (resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8")
    return BenchmarkSet(name=name, **tomllib.loads(text))
