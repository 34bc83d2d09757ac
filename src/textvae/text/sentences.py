"""Texts to sentences by a few rules, for English and Chinese."""

from __future__ import annotations

import re

# A full stop after one of these ends no sentence; nor does one after a single letter (J. S. Bach, e.g.).
_ABBREVIATIONS = frozenset(
    [
        *(
            "mr",
            "mrs",
            "ms",
            "dr",
            "prof",
            "rev",
            "gen",
            "sen",
            "rep",
            "st",
            "sr",
            "jr",
            "vs",
            "etc",
            "cf",
            "al",
        ),
        *(
            "inc",
            "ltd",
            "co",
            "corp",
            "dept",
            "fig",
            "figs",
            "eq",
            "eqs",
            "sec",
            "ch",
            "ref",
            "refs",
            "no",
            "vol",
        ),
        *("pp", "ed", "eds", "approx", "appt", "est", "min", "max", "ca", "resp", "viz", "incl"),
        *("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
    ]
)
# Abbreviations that do end a sentence when a capital follows.
_MAY_END = frozenset(["etc", "inc", "ltd", "co", "corp", "jr", "sr", "al", "no", "min", "max"])

_CLOSERS = "\"'”’」』）)\\]】》"
_BOUNDARY = re.compile(rf"[。！？]+…*[{_CLOSERS}]*|……[{_CLOSERS}]*|[.!?…]+[{_CLOSERS}]*(?=\s)")
_LAST_WORD = re.compile(r"[\w.]*\w$")
_NEXT = re.compile(r"\s*[\"'“‘(\[]*(\S?)")


def split_into_sentences(text: str) -> list[str]:
    """The sentences of a text in order, stripped; joined they are the text but for the spaces between.

    A sentence ends at ``。！？``, or at ``. ! ? …`` before a space, closing quotes and brackets included;
    not after an abbreviation, an initial or a number of a list, and not before a lower-case letter.
    """
    sentences = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if _ends_sentence(text, start, match):
            sentences.append(text[start : match.end()].strip())
            start = match.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]


def _ends_sentence(text: str, start: int, mark: re.Match[str]) -> bool:
    following = _NEXT.match(text, mark.end())
    letter = following[1] if following else ""
    if mark[0][0] in "。！？":
        return True
    if letter.islower():
        return False
    if mark[0][0] != "." or mark[0].startswith(".."):
        return True
    word = _LAST_WORD.search(text[start : mark.start()])
    if word is None:
        return True
    last = word[0].lower()
    if "." in last and not last.replace(".", "").isdigit():
        # U.S. or p.m. may close a sentence: only a capital that follows can tell, and not surely.
        return letter.isupper() and len(text[start : mark.start()].split()) > 3
    if len(last) == 1 and last.isalpha() and last != "i":
        return False
    if last.isdigit() and text[start : mark.start()].strip() == word[0]:
        return False  # "1. First item"
    if last in _MAY_END:
        return letter.isupper()
    return last not in _ABBREVIATIONS
