"""Texts to token ids and back: words, characters, Chinese words, or pieces of words (BPE, unigram).

Every kind is a Hugging Face ``tokenizers`` model whose first four ids are ``types.SPECIAL_TOKENS``, kept in one
``tokenizer.json`` that adds what we know about it under the key ``textvae``.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from textvae.errors import TextVAEError
from textvae.text.words import WORD, is_mostly_cjk, is_pretokenized, join_words
from textvae.types import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

Kind = Literal["word", "bpe", "unigram", "char", "jieba"]

# Users' texts may hold a literal "<s>": it must not become the start symbol. Models therefore know three of the
# specials under names with a space, which no piece of text can have. "<unk>" is matched on purpose, as
# benchmark files such as the Penn Treebank hold it.
_MODEL_NAMES = (" <pad>", " <s>", " </s>", "<unk>")
_SAMPLE = 5000  # texts looked at to decide what they are
_CHUNK = 10_000  # texts encoded at once
_SURROGATES = re.compile("[\ud800-\udfff]")

# Rust reads this at every call. Unset, it warns whenever a process that has encoded forks.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class Tokenizer:
    """Texts to ``<s> … </s>`` ids and back. Made by ``train``, ``load`` or ``from_json``.

    ``kind`` is what it splits into; ``pretokenized`` whether its words are split at spaces alone;
    ``frequencies`` (V,) int64 how often each id is a target (words, ``</s>``, ``<unk>``) in the training texts.
    """

    def __init__(
        self, model: tokenizers.Tokenizer, kind: Kind, pretokenized: bool, frequencies: np.ndarray | None
    ) -> None:
        self._model = model
        self.kind: Kind = kind
        self.pretokenized = pretokenized
        self.frequencies = frequencies

    @classmethod
    def train(cls, texts: Iterable[str], kind: Kind | Literal["auto"] = "auto", vocab_size: int = 10_000) -> Tokenizer:
        """Learn a vocabulary of the most frequent pieces; a pure function of the texts.

        ``vocab_size`` is the most ordinary pieces to keep: the four special tokens come on top of it. ``auto`` is
        ``char`` when most letters are Chinese or Japanese, else ``word``; ``jieba`` (Chinese words) needs the
        extra ``[zh]``. ``bpe`` and ``unigram`` work on bytes, so they write any text back exactly, and keep at least 256.

        Raises ``TextVAEError`` for an unknown kind, no texts, or nothing in them.
        """
        texts = list(texts)
        if kind not in ("auto", *get_args(Kind)):
            raise TextVAEError(f"no tokenizer kind {kind!r}: choose auto, {', '.join(get_args(Kind))}")
        if not any(map(str.strip, texts)):
            raise TextVAEError("a tokenizer needs texts to learn from, and there are none")
        if vocab_size < 1:
            raise TextVAEError(f"vocab_size must be at least 1, not {vocab_size}")
        sample = texts[:: max(1, len(texts) // _SAMPLE)]
        if kind == "auto":
            kind = "char" if is_mostly_cjk(sample) else "word"
        pretokenized = kind == "word" and is_pretokenized(sample)
        model = _train_model(list(map(_encodable, texts)), kind, pretokenized, vocab_size)
        tokenizer = cls(model, kind, pretokenized, None)
        tokenizer.frequencies = tokenizer._count(texts)
        return tokenizer

    @property
    def vocab_size(self) -> int:
        """V: all ids, the four special tokens among them."""
        return self._model.get_vocab_size()

    @cached_property
    def vocabulary(self) -> list[str]:
        """The (V,) pieces by id, as a reader should see them."""
        names = [self._model.id_to_token(i) or "" for i in range(self.vocab_size)]
        return [*SPECIAL_TOKENS, *map(self._readable, names[len(SPECIAL_TOKENS) :])]

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Each text as int32 ids ``<s> w1 … wn </s>``; a literal ``<unk>`` in it is the unknown token."""
        if isinstance(texts, str):
            raise TextVAEError("encode takes a list of texts, not one text")
        return [np.array([BOS, *ids, EOS], dtype=np.int32) for ids in self._content_ids(texts)]

    def decode(self, ids: Iterable[int] | np.ndarray) -> str:
        """The text of ids (T,): up to ``</s>``, without ``<s>`` and pads; an unknown token shows as ``<unk>``."""
        content = list(itertools.takewhile(lambda i: i != EOS, np.asarray(ids).tolist()))
        content = [i for i in content if i not in (PAD, BOS)]
        if self._is_bytes:
            text = self._model.decode(content, skip_special_tokens=False)
            return text.removeprefix(" ")
        words = [self.vocabulary[i] for i in content]
        if self.kind == "char":
            return "".join(words)
        return " ".join(words) if self.pretokenized else join_words(words)

    def decode_batch(self, ids: Iterable[Iterable[int] | np.ndarray]) -> list[str]:
        """The text of each row of ids."""
        return [self.decode(row) for row in ids]

    def tokens(self, text: str) -> list[str]:
        """The pieces of a text as they stand in it, one for each id between ``<s>`` and ``</s>``."""
        text = _encodable(text)
        if self._is_bytes:
            return [self._readable(name) for name in self._model.encode(" " + text).tokens] if text else []
        if self.kind == "jieba":
            return _jieba_words(text)
        return [text[start:stop] for start, stop in self._model.encode(text).offsets]

    def to_json(self) -> str:
        """The content of ``tokenizer.json``."""
        state = json.loads(self._model.to_str())
        frequencies = None if self.frequencies is None else self.frequencies.tolist()
        ours = {"version": 1, "kind": self.kind, "pretokenized": self.pretokenized, "frequencies": frequencies}
        return json.dumps({"textvae": ours, **state}, ensure_ascii=False)

    @classmethod
    def from_json(cls, content: str) -> Tokenizer:
        """The tokenizer that ``to_json`` described. Raises ``TextVAEError`` if the content is anything else."""
        try:
            state = json.loads(content)
            ours = state.pop("textvae")
            if ours["version"] != 1 or ours["kind"] not in get_args(Kind):
                raise ValueError("unknown version or kind")
            model = tokenizers.Tokenizer.from_str(json.dumps(state))
            if tuple(map(model.id_to_token, range(len(_MODEL_NAMES)))) != _MODEL_NAMES:
                raise ValueError("special tokens are not the first four")
            frequencies = ours["frequencies"]
            if frequencies is not None:
                frequencies = np.array(frequencies, dtype=np.int64)
                if frequencies.shape != (model.get_vocab_size(),):
                    raise ValueError("frequencies do not fit the vocabulary")
            return cls(model, ours["kind"], bool(ours["pretokenized"]), frequencies)
        # tokenizers raises bare Exception for content it cannot read
        except Exception as error:
            raise TextVAEError(f"this is not a tokenizer saved by textvae, or it is damaged ({error})") from error

    def save(self, path: str | Path) -> None:
        """Write one ``tokenizer.json``."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read a file written by ``save``. Raises ``TextVAEError`` if there is none or it is something else."""
        try:
            content = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TextVAEError(f"cannot read the tokenizer {path}: {error}") from error
        try:
            return cls.from_json(content)
        except TextVAEError as error:
            raise TextVAEError(f"{path}: {error}") from error

    @property
    def _is_bytes(self) -> bool:
        return self.kind in ("bpe", "unigram")

    def _readable(self, name: str) -> str:
        return decoders.ByteLevel().decode([name]) if self._is_bytes else name

    def _content_ids(self, texts: Iterable[str]) -> Iterator[list[int]]:
        """The ids of each text without ``<s>`` and ``</s>``."""
        rest = iter(texts)
        while chunk := list(map(_encodable, itertools.islice(rest, _CHUNK))):
            if self.kind == "jieba":
                encodings = self._model.encode_batch_fast(list(map(_jieba_words, chunk)), is_pretokenized=True)
            else:
                # The space makes a word the same piece at the start of a text as inside it; decode drops it.
                inputs = [" " + text if text else text for text in chunk] if self._is_bytes else chunk
                encodings = self._model.encode_batch_fast(inputs)
            for encoding in encodings:
                yield encoding.ids

    def _count(self, texts: Sequence[str]) -> np.ndarray:
        counts = np.zeros(self.vocab_size, dtype=np.int64)
        counts[EOS] = len(texts)
        ids = self._content_ids(texts)
        while chunk := list(itertools.islice(ids, _CHUNK)):
            flat = np.fromiter(itertools.chain.from_iterable(chunk), dtype=np.int64)
            counts += np.bincount(flat, minlength=len(counts))
        return counts


def _encodable(text: str) -> str:
    """Half of a surrogate pair is no character and cannot be encoded: write the replacement character."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _jieba_words(text: str) -> list[str]:
    try:
        import rjieba
    except ImportError as error:
        raise TextVAEError("Chinese words need rjieba: pip install 'textvae[zh]'") from error
    pieces = re.split("(<unk>)", text)
    return [word for piece in pieces for word in ([piece] if piece == "<unk>" else rjieba.cut(piece)) if word.strip()]


def _train_model(texts: list[str], kind: Kind, pretokenized: bool, vocab_size: int) -> tokenizers.Tokenizer:
    model = _empty_model(kind, pretokenized)
    if kind in ("bpe", "unigram"):
        # "<unk>" is one token, never bytes to learn a merge from.
        pieces = [" " + piece for text in texts for piece in text.split("<unk>") if piece]
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        make = trainers.BpeTrainer if kind == "bpe" else trainers.UnigramTrainer
        size = max(vocab_size, len(alphabet))
        trainer = make(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    else:
        pieces = texts
        # All words, most frequent first, equal ones by alphabet: cut to size below, where specials are not counted.
        trainer = trainers.WordLevelTrainer(vocab_size=2**62, show_progress=False)
        if kind == "jieba":
            # A trainer takes strings, and no word of a text cleaned of control characters holds this one.
            model.pre_tokenizer = pre_tokenizers.Split("\x1f", "removed")  # type: ignore[assignment]
            pieces = ["\x1f".join(_jieba_words(text)) for text in texts]
    model.train_from_iterator(pieces, trainer)
    state = json.loads(model.to_str())
    state["pre_tokenizer"] = json.loads(_empty_model(kind, pretokenized).to_str())["pre_tokenizer"]
    _put_specials_first(state, vocab_size)
    return tokenizers.Tokenizer.from_str(json.dumps(state))


def _empty_model(kind: Kind, pretokenized: bool) -> tokenizers.Tokenizer:
    if kind in ("bpe", "unigram"):
        model = tokenizers.Tokenizer(models.BPE() if kind == "bpe" else models.Unigram())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
        model.decoder = decoders.ByteLevel()  # type: ignore[assignment]
        return model
    model = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK]))
    if kind == "word":
        pattern = r"\S+" if pretokenized else WORD
    elif kind == "char":
        pattern = r"<unk>|[\s\S]"
    else:
        return model
    split = pre_tokenizers.Split(tokenizers.Regex(pattern), "removed", invert=True)
    model.pre_tokenizer = split  # type: ignore[assignment]
    return model


def _put_specials_first(state: dict[str, Any], vocab_size: int) -> None:
    """Give the four special tokens ids 0 to 3 in a trained model's JSON, the other pieces the ids after them."""
    model = state["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [[name, 0.0] for name in _MODEL_NAMES] + _settled(model["vocab"])
        model["unk_id"] = UNK
    else:
        pieces = [name for name in sorted(model["vocab"], key=model["vocab"].get) if name not in _MODEL_NAMES]
        if model["type"] == "WordLevel":
            pieces = pieces[:vocab_size]
        model["vocab"] = {name: i for i, name in enumerate([*_MODEL_NAMES, *pieces])}
    if model["type"] != "WordLevel":
        unknown = {"id": UNK, "content": "<unk>", "special": True, "normalized": False}
        state["added_tokens"] = [unknown | {"single_word": False, "lstrip": False, "rstrip": False}]


def _settled(pieces: list[list[Any]]) -> list[list[Any]]:
    """Unigram pieces without what the trainer's hash order leaves to chance.

    That is the last digits of the scores, and which of the bytes that it never needed, put within 256 steps of
    0.0001 above the lowest score, comes before which.
    """
    lowest = min(score for _, score in pieces)
    settled = [[p, lowest if len(p) == 1 and score < lowest + 0.0257 else score] for p, score in pieces]
    return sorted(([piece, round(score, 4)] for piece, score in settled), key=lambda pair: (-pair[1], pair[0]))
