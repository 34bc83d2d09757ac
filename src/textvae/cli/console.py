"""What commands read from the command line and write to the terminal: results to stdout, all else to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textvae.errors import TextVAEError
from textvae.language import translate

if TYPE_CHECKING:
    from textvae.text.corpus import Corpus

# one word that ends like a file's name, as a misspelt one does
_FILE_NAME = re.compile(r"\S*[^\s.]\.[a-z][a-z0-9]{0,7}", re.IGNORECASE)


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


def source_chunks(
    arguments: Sequence[str],
    text_column: str | None = None,
    label_column: str | Sequence[str] | None = None,
    split: str | None = None,
    **options: Any,
) -> Iterator[Corpus]:
    """The texts of files, built-in corpora or stdin, as ``read_chunks`` gives them with these options."""
    from textvae.text.read import read_chunks

    if split not in (None, "lines", "sentences"):
        raise TextVAEError(f"There is no --split '{split}'; there are: lines, sentences.")
    return read_chunks(
        _sources(arguments),
        text_column=text_column,
        label_column=label_column,
        split_sentences=split == "sentences",
        **options,
    )


def read_sources(
    arguments: Sequence[str],
    text_column: str | None = None,
    label_column: str | Sequence[str] | None = None,
    split: str | None = None,
) -> Corpus:
    """The texts of files, built-in corpora or stdin, without the empty ones, of which a line to stderr tells."""
    from textvae.text.read import join_chunks

    corpus = join_chunks(source_chunks(arguments, text_column, label_column, split))
    say_dropped(corpus.name, len(corpus), corpus.dropped)
    return corpus


def text_chunks(
    arguments: Sequence[str] | None, text_column: str | None = None, label_column: str | None = None
) -> Iterator[Corpus]:
    """Texts given as such, or in files, or on stdin where no argument is given; empty ones too."""
    given = _given(arguments)
    if isinstance(given, list):
        return source_chunks(given, text_column, label_column, keep_empty=True)
    return iter([given])


def read_texts(arguments: Sequence[str] | None, text_column: str | None = None) -> Corpus:
    """Texts given as such, or in files, or on stdin where no argument is given; files without the empty ones."""
    given = _given(arguments)
    return read_sources(given, text_column) if isinstance(given, list) else given


def _sources(arguments: Sequence[str]) -> Any:
    """Names on the command line as ``read_chunks`` takes them: all of them files, never texts."""
    from textvae.text.read import BUILT_IN

    if len(arguments) == 1:
        return arguments[0]
    return [name if name == "-" or name in BUILT_IN else Path(name) for name in arguments]


def _given(arguments: Sequence[str] | None) -> Corpus | list[str]:
    """The arguments that are texts, or those that name them."""
    from textvae.text.corpus import Corpus
    from textvae.text.read import clean_text, is_source

    if not arguments:
        if sys.stdin is None or sys.stdin.isatty():
            raise typer.BadParameter("give texts, a file, or - for standard input")
        return ["-"]
    texts = [argument for argument in arguments if not is_source(argument)]
    for text in filter(_FILE_NAME.fullmatch, texts):
        raise TextVAEError(f"There is no file {text} (if that is a text: give it on standard input).")
    if len(texts) == len(arguments):
        return Corpus([clean_text(text) for text in texts], name="arguments")
    if texts:
        raise TextVAEError(f"'{texts[0]}' is not a file, and others here are: give texts or files, not both.")
    return list(arguments)


def say_dropped(name: str, n_texts: int, dropped: Mapping[str, int]) -> None:
    """A line to stderr on what was left out of a source, if anything."""
    if dropped:
        reasons = ", ".join(f"{count:,} {translate(reason)}" for reason, count in dropped.items())
        say(f"{name}: {n_texts:,} texts (left out: {reasons})")


def decoding(
    greedy: bool,
    temperature: float | None,
    top_p: float | None,
    beam: int | None,
    no_unknown: bool,
    default: str,
) -> dict[str, Any]:
    """The options of writing texts, as ``TextVAE.decode`` takes them."""
    drawn = temperature is not None or top_p is not None
    if greedy + drawn + (beam is not None) > 1:
        raise typer.BadParameter("--greedy, --beam and --temperature or --top-p exclude each other")
    words = {"allow_unknown": not no_unknown}
    if beam is not None:
        return {"method": "beam", "beam_size": beam, **words}
    if drawn:
        return {
            **words,
            "method": "sample",
            "temperature": 1.0 if temperature is None else temperature,
            "top_p": 1.0 if top_p is None else top_p,
        }
    return {"method": "greedy" if greedy else default, **words}
