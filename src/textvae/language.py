"""Other languages than English, for people: the source says everything in English, and a catalogue has it in theirs.

A catalogue is ``languages/zh.toml``. Its keys are the English sentences as they stand in the source, but for what is
filled in, which is ``{anything}``; one table for each part that speaks, and ``joints``, which put sentences together.
What has no translation stays English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from importlib import resources
from typing import NamedTuple

from textvae.errors import TextVAEError

LANGUAGES = ("en", "zh")
SPOKEN = ("help", "messages", "errors", "libraries", "figures")  # the tables of what the command line says
_FIGURES = "figures"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")

_current: ContextVar[str] = ContextVar("language", default="en")


def use(language: str) -> None:
    """From now on ``translate`` speaks this language, in this context.

    Raises:
        TextVAEError: there is no catalogue for it.
    """
    if language not in LANGUAGES:
        raise TextVAEError(f"There is no language '{language}'; there are: {', '.join(LANGUAGES)}.")
    _current.set(language)


def current() -> str:
    """The language of this context: English, unless another is in use."""
    return _current.get()


def preferred(environment: Mapping[str, str]) -> str:
    """The language that the environment asks for: ``TEXTVAE_LANG``, else the locale."""
    for name in ("TEXTVAE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            language = re.split("[_.@-]", value)[0].lower()
            return language if language in LANGUAGES else "en"
    return "en"


def phrases(table: str, language: str | None = None) -> dict[str, str]:
    """The sentences of a table and their translations; none for English, where each is its own."""
    chosen = current() if language is None else language
    return {} if chosen == "en" else dict(_catalogue(chosen).get(table, {}))


def translate(text: str, *, figure: bool = False) -> str:
    """A sentence of the command line in the language in use, with the same values filled in.

    A ``figure``, such as 12 of 32, may be hardly more than its values: among other sentences, any with an 'of' would be
    one.
    """
    language = current()
    if language == "en":
        return text
    plain, patterns = _spoken(language, figure)
    if text in plain:
        return plain[text]
    for pattern in patterns:
        if match := pattern.english.fullmatch(text):
            return _PLACEHOLDER.sub(
                lambda found, values=match: _filled(values[found[1]], figure), pattern.translation
            )
    for joint, theirs in phrases("joints").items():
        parts = text.split(joint, maxsplit=1)
        if len(parts) == 2 and (told := [_filled(part, figure) for part in parts]) != parts:
            return theirs.join(told)
    return text


def _filled(value: str, figure: bool) -> str:
    """What stands in a sentence may be one itself; a single word is rather a name."""
    return translate(value, figure=figure) if " " in value else value


class _Pattern(NamedTuple):
    """A sentence with something filled in, and its translation with the same names."""

    english: re.Pattern[str]
    translation: str


@cache
def _catalogue(language: str) -> dict[str, dict[str, str]]:
    file = resources.files("textvae") / "languages" / f"{language}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _spoken(language: str, figure: bool) -> tuple[dict[str, str], list[_Pattern]]:
    """What is said word for word, and what has values in it, that with most words of its own first."""
    sentences: dict[str, str] = {}
    filled: list[str] = []
    for table in SPOKEN:
        known = _catalogue(language).get(table, {})
        sentences |= known
        if figure or table != _FIGURES:
            filled += filter(_PLACEHOLDER.search, known)
    filled.sort(key=lambda english: len(_PLACEHOLDER.sub("", english)), reverse=True)
    return sentences, [_Pattern(_expression(english), sentences[english]) for english in filled]


def _expression(english: str) -> re.Pattern[str]:
    """Matches a sentence whatever is filled in; what is filled in twice is the same both times."""
    parts = _PLACEHOLDER.split(english)
    seen: set[str] = set()
    for i in range(1, len(parts), 2):
        name = parts[i]
        parts[i] = f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
        seen.add(name)
    return re.compile("".join(p if i % 2 else re.escape(p) for i, p in enumerate(parts)), re.DOTALL)
