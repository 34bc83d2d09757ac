"""What a word is, and how words become a sentence again.

``WORD`` splits ordinary text into words and punctuation marks; ``join_words`` puts the spaces back by rules,
so that splitting and joining returns usual English (and Chinese) sentences unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

CJK = r"\u2e80-\u303f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
CJK_LETTERS = r"\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

# In Oniguruma's syntax, whose \w holds combining marks too (Python's does not). First alternative wins.
WORD = "|".join(
    [
        r"<unk>",
        rf"[{CJK}]",  # such scripts write no spaces: every character is a word
        r"(?:https?://|www\.)\S*[\w/]",
        r"[\w.+\-]+@\w+(?:[.\-]\w+)+",  # e-mail
        r"(?:\p{L}\.){2,}",  # U.S. e.g.
        r"(?:(?<!\S)[+\-])?\d+(?:[.,:/\u2013]\d+)+[\w%]*",  # 3.5 1,000 9:30 1990–95
        r"(?<!\S)[+\-]\d+",
        r"(?<!\S)[:;=]['\-]?[()DPp/](?!\w)",  # :-)
        r"(?<!\S)['\u2019](?:em|til|tis|twas|cause|n|\d\ds)(?!\w)",
        rf"(?:(?![{CJK}])\w)+(?:['\u2019\-&](?:(?![{CJK}])\w)+)*(?:(?<=s|in)['\u2019](?!\w))?",  # don't dogs'
        r"\.{2,}|-{2,}",
        r"(?<=\S) [/\u2014](?= )",  # written with spaces as often as without: the mark itself has to say
        r"\p{So}(?:\p{M}|\u200d|\p{Sk}|\p{So})*",  # emoji in several parts
        r"[^\w\s]",
    ]
)

_CJK = re.compile(f"[{CJK}]")
_CJK_LETTER = re.compile(f"[{CJK_LETTERS}]")
# Words of Chinese or Japanese are about two characters long; what stands between spaces that a writer put
# in the place of commas is longer.
_LONGEST_CJK_WORDS = 3
_ATTACHED_CJK_MARK = re.compile(rf"[{CJK_LETTERS}][，。！？；：、]")
_ATTACHED_MARK = re.compile(r"\S[,;:!?](?:\s|$)|\w\.$")
_CONTRACTED = ("'s", "’s", "'re", "'ve", "'ll", "'d", "'m")
_GLUED_LEFT = frozenset([*".,!?;:%)]}”»…°™®©", "..", "...", "....", *_CONTRACTED])
_GLUED_RIGHT = frozenset("([{“‘«¿¡$£€¥#@~")
_GLUED_BOTH = frozenset("/—’")


def is_mostly_cjk(texts: Sequence[str]) -> bool:
    """Whether most letters are Chinese or Japanese (scripts written without spaces)."""
    letters = cjk = 0
    for text in texts:
        letters += sum(map(str.isalpha, text))
        cjk += len(_CJK_LETTER.findall(text))
    return 2 * cjk > letters


def is_pretokenized(texts: Sequence[str]) -> bool:
    """Whether the texts come with words and punctuation already separated by spaces.

    True when fewer than 5 % of them have a mark attached to a word (``,;:!?`` anywhere, ``.`` at the end). In
    Chinese or Japanese, which write no spaces, also most of the texts must have some, between pieces as short
    as words.
    """
    if not is_mostly_cjk(texts):
        attached = sum(_ATTACHED_MARK.search(text.rstrip()) is not None for text in texts)
        return attached < 0.05 * len(texts)
    pieces = [text.split() for text in texts]
    words = sum(map(len, pieces))
    spaced = 2 * sum(len(row) > 1 for row in pieces) > len(texts)
    short = sum(len(word) for row in pieces for word in row) <= _LONGEST_CJK_WORDS * words
    attached = sum(_ATTACHED_CJK_MARK.search(text) is not None for text in texts)
    return spaced and short and attached < 0.05 * len(texts)


def join_words(words: Sequence[str]) -> str:
    """Write words and marks as a sentence: ``it 's ( fine ) .`` is written ``it's (fine).``, for example."""
    pieces: list[str] = []
    open_quotes: set[str] = set()
    glue = True  # whether the next word follows without a space
    was_cjk = False
    for word in words:
        glue_next = word in _GLUED_RIGHT or word in _GLUED_BOTH
        glue = glue or word in _GLUED_LEFT or word in _GLUED_BOTH or word.startswith(" ")
        if word in ('"', "'"):
            closing = word in open_quotes
            open_quotes ^= {word}
            glue, glue_next = glue or closing, not closing
        elif word.endswith(("s'", "in'")):
            open_quotes.discard("'")
        is_cjk = _CJK.match(word) is not None
        if not (glue or is_cjk or was_cjk):
            pieces.append(" ")
        pieces.append(word)
        glue = glue_next
        was_cjk = is_cjk or (was_cjk and word in _GLUED_LEFT)  # 好,67分
    return "".join(pieces)
