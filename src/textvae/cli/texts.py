"""The texts that commands read: in files, on stdin or among the words of the command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textvae.cli.console import say
from textvae.errors import TextVAEError

if TYPE_CHECKING:
    from textvae.text.corpus import Corpus

# one word that ends like a file's name, as a misspelt one does
_FILE_NAME = re.compile(r"\S*[^\s.]\.[a-z][a-z0-9]{0,7}", re.IGNORECASE)


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
    from textvae.text.corpus import in_short

    if dropped:
        say(in_short(name, n_texts, dropped))
