"""Chinese in lines: where a line of the source ends between two characters, browsers would show a space."""

from __future__ import annotations

import re

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor

_WIDE = (
    r"[\u2014\u2026\u201c\u201d\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"  # characters and their punctuation
)
_BETWEEN = re.compile(rf"(?<={_WIDE})\n *(?=(?:\*\*)?{_WIDE})|(?<={_WIDE}\*\*)\n *(?={_WIDE})")


class _Joined(Preprocessor):
    """Puts such lines together; code is out of the way by then."""

    def run(self, lines: list[str]) -> list[str]:
        return _BETWEEN.sub("", "\n".join(lines)).split("\n")


class Chinese(Extension):
    """To be named anywhere among the extensions."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        md.preprocessors.register(_Joined(md), "chinese", priority=1)


def makeExtension(**options: object) -> Chinese:  # noqa: N802
    """What Python-Markdown asks a module for."""
    return Chinese(**options)
