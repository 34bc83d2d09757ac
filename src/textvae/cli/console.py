"""What commands write to the terminal: results to stdout, all else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from textvae.language import translate


def say(line: str) -> None:
    """A sentence to stderr, in the language in use."""
    print(translate(line), file=sys.stderr, flush=True)


def tell(line: str) -> None:
    """A sentence to stdout, in the language in use."""
    out(translate(line))


def out(line: str = "") -> None:
    """A line to stdout as it is: a result."""
    print(line)


def out_json(value: Any) -> None:
    """The only thing on stdout under ``--json``."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(rows: Iterable[Sequence[str]], title: str = "", headers: Sequence[str] = ()) -> None:
    """Rows in columns on stdout: a figure, its value, what it means."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, show_header=bool(headers), pad_edge=False)
    rows = [tuple(row) for row in rows]
    for i in range(len(rows[0]) if rows else 0):
        style = ("bold", "cyan", "dim")[min(i, 2)]
        table.add_column(translate(headers[i]) if headers else "", style=style, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width to fit
        console = Console(width=160)
    if title:
        console.print(Text(translate(title), style="bold"))
    console.print(table)


def show_figures(figures: Iterable[Sequence[str]], title: str, headers: Sequence[str] = ()) -> None:
    """Figures as a table, with all that is in it in the language in use."""
    rows = [tuple(translate(cell, figure=True) for cell in row) for row in figures]
    show_table(rows, title, headers)


def show_warnings(warnings: Iterable[str]) -> None:
    """A line to stdout for each sentence that asks for attention."""
    for warning in warnings:
        out(f"! {translate(warning, figure=True)}")
