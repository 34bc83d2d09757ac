"""Rows of texts on their way out, for the commands that write one for each: to a file, or to stdout as JSON."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textvae.cli.console import out

if TYPE_CHECKING:
    from textvae.rowfile import Columns, RowFile


def check_ending(output: Path | None, endings: Sequence[str]) -> None:
    """Refuses a file of another kind, before a model is read and texts are worked on for hours."""
    if output is not None and output.suffix not in endings:
        raise typer.BadParameter(f"-o takes a file that ends in {', '.join(endings)}")


def show_rows(chunks: Iterable[Columns], file: RowFile | None, json: bool) -> list[dict[str, Any]]:
    """Prints rows as they come, a line of JSON each, or finishes the file that they go to.

    Those that ``--json`` prints together are returned instead.
    """
    from textvae.rowfile import rows_of

    kept: list[dict[str, Any]] = []
    for columns in chunks:
        if file is not None:
            continue
        if json:
            kept += rows_of(columns)
            continue
        for row in rows_of(columns):
            out(json_module.dumps(row, ensure_ascii=False))
    if file is not None:
        file.finish()
    return kept
