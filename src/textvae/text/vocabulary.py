"""Learning a vocabulary: from texts to a ``tokenizers`` model whose first four ids are the special tokens."""

from __future__ import annotations

import json
import re
from typing import Any

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from textvae.errors import TextVAEError
from textvae.text.words import WORD
from textvae.types import SPECIAL_TOKENS, UNK

KINDS = ("word", "bpe", "unigram", "char", "jieba")

# A text may hold a literal "<s>": it must not become the start symbol. Models therefore know three of the
# four under names with a space, which no piece of text has. "<unk>" is matched on purpose: benchmark files
# such as the Penn Treebank have it.
MODEL_NAMES = (" <pad>", " <s>", " </s>", SPECIAL_TOKENS[UNK])

# Between the words of a text, as a trainer takes strings only. It is white space, so no word holds it.
_SEPARATOR = "\x1f"


def jieba_words(text: str) -> list[str]:
    """The words of a Chinese text, without white space; ``TextVAEError`` if rjieba is not installed."""
    try:
        import rjieba
    except ImportError as error:
        raise TextVAEError("Chinese words need rjieba: pip install 'textvae[zh]'") from error
    unknown = SPECIAL_TOKENS[UNK]
    words: list[str] = []
    for piece in re.split(f"({unknown})", text):
        words += [unknown] if piece == unknown else rjieba.cut(piece)
    return [word for word in words if word.strip()]


def train_model(texts: list[str], kind: str, pretokenized: bool, size: int) -> tokenizers.Tokenizer:
    """Learn at most ``size`` pieces (at least the 256 bytes for ``bpe`` and ``unigram``), specials on top.

    A pure function of the texts.
    """
    model = _untrained(kind, pretokenized)
    if kind in ("bpe", "unigram"):
        # "<unk>" is one token, never letters to learn a merge from.
        pieces = [" " + piece for text in texts for piece in text.split(SPECIAL_TOKENS[UNK]) if piece]
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        make = trainers.BpeTrainer if kind == "bpe" else trainers.UnigramTrainer
        trainer = make(vocab_size=max(size, len(alphabet)), initial_alphabet=alphabet, show_progress=False)
    else:
        # All words, the most frequent first and equal ones by alphabet; those over ``size`` go below, where
        # specials in the text don't count.
        trainer = trainers.WordLevelTrainer(vocab_size=2**62, show_progress=False)
        pieces = [_SEPARATOR.join(jieba_words(text)) for text in texts] if kind == "jieba" else texts
    model.train_from_iterator(pieces, trainer)
    state = json.loads(model.to_str())
    if kind == "jieba":
        state["pre_tokenizer"] = None
    _put_specials_first(state, size)
    return tokenizers.Tokenizer.from_str(json.dumps(state))


def _untrained(kind: str, pretokenized: bool) -> tokenizers.Tokenizer:
    if kind in ("bpe", "unigram"):
        model = tokenizers.Tokenizer(models.BPE() if kind == "bpe" else models.Unigram())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
        model.decoder = decoders.ByteLevel()  # type: ignore[assignment]
        return model
    model = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK]))
    if kind == "jieba":
        split = pre_tokenizers.Split(_SEPARATOR, "removed")
    else:
        pattern = r"<unk>|[\s\S]" if kind == "char" else r"\S+" if pretokenized else WORD
        split = pre_tokenizers.Split(tokenizers.Regex(pattern), "removed", invert=True)
    model.pre_tokenizer = split  # type: ignore[assignment]
    return model


def _put_specials_first(state: dict[str, Any], size: int) -> None:
    """Give the special tokens ids 0 to 3 in a trained model's JSON, the other pieces the ids after them."""
    model = state["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [[name, 0.0] for name in MODEL_NAMES] + _settled(model["vocab"])
        model["unk_id"] = UNK
    else:
        pieces = [name for name in sorted(model["vocab"], key=model["vocab"].get) if name not in MODEL_NAMES]
        if model["type"] == "WordLevel":
            pieces = pieces[:size]
        model["vocab"] = {name: i for i, name in enumerate([*MODEL_NAMES, *pieces])}
    if model["type"] != "WordLevel":
        unknown = {"id": UNK, "content": SPECIAL_TOKENS[UNK], "special": True, "normalized": False}
        state["added_tokens"] = [unknown | {"single_word": False, "lstrip": False, "rstrip": False}]


def _settled(pieces: list[list[Any]]) -> list[list[Any]]:
    """Unigram pieces without what the trainer's hash order leaves to chance.

    That is the last digits of the scores, and the order of the bytes that no text needed, which it puts
    0.0001 apart above the lowest score.
    """
    lowest = min(score for _, score in pieces)
    settled = [
        (name, lowest if len(name) == 1 and score < lowest + 0.0257 else score) for name, score in pieces
    ]
    return sorted(([name, round(score, 4)] for name, score in settled), key=lambda pair: (-pair[1], pair[0]))
