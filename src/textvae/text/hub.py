"""Hugging Face data sets, by name or as a folder that ``datasets`` saved (extra ``[data]``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textvae.errors import TextVAEError, first_line
from textvae.text.columns import Table
from textvae.text.formats import ROWS


def _datasets() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise TextVAEError(
            "Hugging Face data sets need the library datasets: pip install 'textvae[data]'"
        ) from error
    return datasets


def read_folder(path: Path) -> Iterator[Table]:
    """The training split (else the first) of a folder written by ``save_to_disk``, some rows at a time."""
    if not any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
        raise TextVAEError(f"{path} is a folder but not one that datasets saved: name a file in it")
    datasets = _datasets()
    try:
        loaded = datasets.load_from_disk(str(path))
    except Exception as error:  # datasets raises many kinds for a damaged folder
        raise TextVAEError(f"cannot read the data set in {path}: {first_line(error)}") from error
    return _tables(loaded, f"the data set in {path}")


def read_hub(name: str) -> Iterator[Table]:
    """The training split (else the first) of ``owner/name`` or ``owner/name:config``, fetched if need be."""
    datasets = _datasets()
    path, _, config = name.partition(":")
    try:
        loaded = datasets.load_dataset(path, config or None)
    except Exception as error:  # network, names, configs, formats: datasets raises many kinds
        raise TextVAEError(
            f"there is no file {path}, and no Hugging Face data set of that name could be loaded: "
            f"{first_line(error)}"
        ) from error
    return _tables(loaded, f"the data set {name}")


def _tables(loaded: Any, name: str) -> Iterator[Table]:
    """A data set is an Arrow file mapped into memory: only the rows in hand take any."""
    if isinstance(loaded, dict):
        loaded = loaded["train"] if "train" in loaded else next(iter(loaded.values()))
    for start in range(0, len(loaded), ROWS):
        try:
            rows = loaded[start : start + ROWS]
        except Exception as error:  # a damaged file, or a value that can't be decoded: many kinds
            raise TextVAEError(f"cannot read {name} from row {start} on: {first_line(error)}") from error
        columns = {}
        for column, values in rows.items():
            names = getattr(loaded.features[column], "names", None)  # a ClassLabel's numbers have names
            columns[column] = (
                [names[v] if v is not None and v >= 0 else None for v in values] if names else values
            )
        yield Table(columns, has_header=True)
