"""Texts to token ids and back: words, characters, Chinese words, or pieces of words (BPE, unigram).

Every kind is a Hugging Face ``tokenizers`` model whose first four ids are ``types.SPECIAL_TOKENS``, kept in
one ``tokenizer.json`` that adds what we know about it under the key ``textvae``.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import tokenizers
from tokenizers import decoders

from textvae.errors import TextVAEError
from textvae.text.vocabulary import KINDS, MODEL_NAMES, jieba_words, train_model
from textvae.text.words import is_mostly_cjk, is_pretokenized, join_words
from textvae.types import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

_SAMPLE = 5000  # texts looked at to decide what they are
_CHUNK = 10_000  # texts encoded at once
_SURROGATES = re.compile("[\ud800-\udfff]")

# Rust reads this at every call. Unset, it warns whenever a process that has encoded forks.
_PARALLELISM = "TOKENIZERS_PARALLELISM"
_PROCESS = None if _PARALLELISM in os.environ else os.getpid()
os.environ.setdefault(_PARALLELISM, "false")


class Tokenizer:
    """Texts to ``<s> … </s>`` ids and back. Made by ``train``, ``load`` or ``from_json``.

    ``kind`` is what it splits into; ``pretokenized`` whether words are split at spaces alone; ``frequencies``
    (V,) int64 how often each id is a target in the training texts: pieces, ``</s>`` and ``<unk>``.
    """

    def __init__(
        self, model: tokenizers.Tokenizer, kind: str, pretokenized: bool, frequencies: np.ndarray | None
    ) -> None:
        self._model = model
        self.kind = kind
        self.pretokenized = pretokenized
        self.frequencies = frequencies

    @classmethod
    def train(
        cls, texts: Iterable[str], kind: str = "auto", vocab_size: int = 10_000, *, count: bool = True
    ) -> Tokenizer:
        """Learn a vocabulary of the most frequent pieces; a pure function of the texts.

        ``kind`` is one of

        - ``word``: words and punctuation marks; split at spaces alone if the texts come that way already;
        - ``bpe``, ``unigram``: pieces of words. They keep all 256 bytes, so they write any text back exactly;
        - ``char``: characters;
        - ``jieba``: Chinese words, which need the extra ``[zh]``;
        - ``auto``: ``char`` when most letters are Chinese or Japanese and no spaces stand between the words,
          else ``word``.

        ``vocab_size`` is the most ordinary pieces to keep: the four special tokens come on top of it. To ``count`` the
        ``frequencies`` takes as long as encoding; without it they are None, for the caller to set.

        Raises ``TextVAEError`` for an unknown kind, no texts, or nothing in them.
        """
        texts = _listed(texts)
        if kind not in ("auto", *KINDS):
            raise TextVAEError(f"no tokenizer kind {kind!r}: choose auto, {', '.join(KINDS)}")
        if not any(text.replace(SPECIAL_TOKENS[UNK], "").strip() for text in texts):
            raise TextVAEError("a tokenizer needs texts to learn from, and there are none")
        if vocab_size < 1:
            raise TextVAEError(f"vocab_size must be at least 1, not {vocab_size}")
        sample = texts[:: max(1, len(texts) // _SAMPLE)]
        if kind == "auto":
            kind = "char" if is_mostly_cjk(sample) and not is_pretokenized(sample) else "word"
        pretokenized = kind == "word" and is_pretokenized(sample)
        with _all_cores():
            model = train_model(list(map(_encodable, texts)), kind, pretokenized, vocab_size)
        tokenizer = cls(model, kind, pretokenized, None)
        if count:
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
        return [np.array([BOS, *ids, EOS], dtype=np.int32) for ids in self._content_ids(_listed(texts))]

    def decode(self, ids: Iterable[int] | np.ndarray) -> str:
        """The text of ids (T,) up to ``</s>``, without ``<s>`` and pads; the unknown token is ``<unk>``."""
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
            return jieba_words(text)
        return [text[start:stop] for start, stop in self._model.encode(text).offsets]

    def to_json(self) -> str:
        """The content of ``tokenizer.json``."""
        state = json.loads(self._model.to_str())
        frequencies = None if self.frequencies is None else self.frequencies.tolist()
        ours = {"version": 1, "kind": self.kind, "pretokenized": self.pretokenized}
        return json.dumps({"textvae": ours | {"frequencies": frequencies}, **state}, ensure_ascii=False)

    @classmethod
    def from_json(cls, content: str) -> Tokenizer:
        """The tokenizer that ``to_json`` described; ``TextVAEError`` if the content is anything else."""
        try:
            state = json.loads(content)
            ours = state.pop("textvae")
            if ours["version"] != 1 or ours["kind"] not in KINDS:
                raise ValueError("unknown version or kind")
            model = tokenizers.Tokenizer.from_str(json.dumps(state))
            if tuple(map(model.id_to_token, range(len(MODEL_NAMES)))) != MODEL_NAMES:
                raise ValueError("special tokens are not the first four")
            frequencies = ours["frequencies"]
            if frequencies is not None:
                frequencies = np.array(frequencies, dtype=np.int64)
                if frequencies.shape != (model.get_vocab_size(),):
                    raise ValueError("frequencies do not fit the vocabulary")
            return cls(model, ours["kind"], bool(ours["pretokenized"]), frequencies)
        # tokenizers raises bare Exception for content it cannot read
        except Exception as error:
            raise TextVAEError("this is not a tokenizer saved by textvae, or it is damaged") from error

    def save(self, path: str | Path) -> None:
        """Write one ``tokenizer.json``."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read a file written by ``save``; ``TextVAEError`` if there is none or it is something else."""
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
            # The space makes a word the same piece at the start of a text as inside it; decode drops it.
            inputs = [" " + text if text else text for text in chunk] if self._is_bytes else chunk
            words = self.kind == "jieba"
            with _all_cores():
                encodings = self._model.encode_batch_fast(
                    list(map(jieba_words, chunk)) if words else inputs, is_pretokenized=words
                )
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


@contextmanager
def _all_cores() -> Iterator[None]:
    """Lets Rust work in parallel, unless the environment says what it may do, or this process has been forked: Rust's
    threads are not forked with it, and it would wait for them.
    """
    if os.getpid() != _PROCESS:
        yield
        return
    os.environ[_PARALLELISM] = "true"
    try:
        yield
    finally:
        os.environ[_PARALLELISM] = "false"


def _listed(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str):
        raise TextVAEError("a tokenizer takes a list of texts, not one text")
    return list(texts)


def _encodable(text: str) -> str:
    """Half of a surrogate pair is no character and cannot be encoded: write the replacement character."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
