"""How texts, times and figures are written on the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Any

from markupsafe import Markup, escape

LONGEST = 600  # characters of a text that are shown
# Control characters but for the ends of lines get the signs that Unicode has for them; what is no character, U+FFFD.
_SIGNS = {c: 0x2400 + c for c in range(32) if c not in (9, 10)} | {127: 0x2421}
_SIGNS |= dict.fromkeys([*range(0x80, 0xA0), *range(0xD800, 0xE000), *range(0xFDD0, 0xFDF0)], 0xFFFD)
_SIGNS |= {plane + end: 0xFFFD for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF)}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_AMOUNT = re.compile(r"(\S+)( ± \S+)?\s*(.*)")

Translator = Callable[..., str]


def translator(words: dict[str, str]) -> Translator:
    """``t(English, **values)``: the phrase in the page's language, with the values in their places."""

    def t(key: str, **values: Any) -> str:
        phrase = words.get(key, key)
        return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), phrase) if values else phrase

    return t


def markup(t: Translator) -> Callable[..., Markup]:
    """``t`` for a page: what it gives is escaped, and values that are markup keep it."""

    def translated(key: str, **values: Any) -> Markup:
        escaped = {name: escape(shown(value)) for name, value in values.items()}
        return Markup(_PLACEHOLDER.sub(lambda found: escaped[found[1]], escape(t(key))))

    return translated


def shown(value: Any, longest: int = LONGEST) -> Any:
    """A text with signs for its control characters and an ellipsis where it is longer; else the value as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    whole = value if len(value) <= longest else value[: longest - 1].rstrip() + "…"
    return whole.translate(_SIGNS)


def shown_pieces(pieces: Iterable[tuple[str, bool]], longest: int = LONGEST) -> Iterator[tuple[str, bool]]:
    """The first pieces of a text, at most so many characters of them all."""
    for piece, same in pieces:
        if longest > 0:
            yield shown(piece, longest), same
        longest -= len(piece)


def filename(name: str) -> str:
    """The last parts of paths joined by ``+``: where the files lie is nobody's business."""
    return " + ".join(PurePath(part).name or part for part in name.split(" + "))


def duration(seconds: float, t: Translator) -> str:
    """In the unit that suits it."""
    if seconds < 90:
        return t("{n} s", n=round(seconds))
    if seconds < 5400:
        return t("{n} min", n=round(seconds / 60))
    return t("{n} h", n=f"{seconds / 3600:.1f}")


def amount(value: str, t: Translator) -> tuple[str, str]:
    """A figure such as ``95.77 ± 2.22 nats per text`` as its number and what stands behind it, smaller."""
    match = _AMOUNT.fullmatch(value)
    number, error, unit = match.groups("") if match else (value, "", "")
    if unit.startswith("of "):
        unit = t("of {n}", n=unit.removeprefix("of "))
    known = {"nats per text": t("nats per text"), "nats": t("nats"), "per token": t("per token")}
    return number.replace("-", "−"), f"{error} {known.get(unit, unit)}".strip()


def signed(value: float, form: str) -> str:
    """With its sign, a true minus; 0 has none."""
    return format(value, f"+{form}").replace("-", "−") if value else "0"


def code(text: str) -> Markup:
    """Escaped, with what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )
