"""The texts that benchmarks run on: from a file, built in, or drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textvae.text.batch import Dataset, drop_long
from textvae.text.read import load_corpus
from textvae.text.tokenize import Tokenizer
from textvae.types import BOS, EOS, SPECIAL_TOKENS

ZIPF = "zipf"
_LONGEST = 200  # textvae's default
_HELD_OUT = 20  # one text in so many
_SHAPE, _SCALE = 4.75, 4.65  # of a gamma distribution with the mean 22.1 and deviation 10.1 of PTB's lengths


@dataclass(frozen=True)
class Texts:
    """Tokenised texts, V ids in all, and how often each is a target (V,)."""

    name: str
    train: Dataset
    validation: Dataset
    vocab_size: int
    frequencies: np.ndarray


def prepare(source: str, vocab_size: int, validation: str | None = None) -> Texts:
    """``zipf``, or anything that ``load_corpus`` reads; ``vocab_size`` counts ordinary words, at most.

    Without a ``validation`` source, a twentieth of the texts is kept from training, and their copies too.
    """
    if source == ZIPF:
        return zipf(vocab_size)
    corpus = load_corpus(source)
    if validation is None:
        held = corpus.texts[::_HELD_OUT]
        known = set(held)
        train = [text for text in corpus.texts if text not in known]
    else:
        train, held = corpus.texts, load_corpus(validation).texts
    tokenizer = Tokenizer.train(train, "word", vocab_size)
    assert tokenizer.frequencies is not None
    short, held_short = (_short(tokenizer, part) for part in (train, held))
    return Texts(corpus.name, short, held_short, tokenizer.vocab_size, tokenizer.frequencies)


def zipf(vocab_size: int, texts: int = 42_000, seed: int = 0) -> Texts:
    """Independent words with frequencies by Zipf's law (Mandelbrot's form), in texts as long as those of PTB.

    Nothing can be learned of them but frequencies and lengths; what a step costs is the same as with real texts.
    """
    rng = np.random.default_rng(seed)
    first, size = len(SPECIAL_TOKENS), vocab_size + len(SPECIAL_TOKENS)
    lengths = np.clip(rng.gamma(_SHAPE, _SCALE, texts).round().astype(int), 2, 80)
    share = 1 / (np.arange(vocab_size) + 2.7)
    words = rng.choice(vocab_size, (lengths - 1).sum(), p=share / share.sum()) + first
    rows = np.split(words, np.cumsum(lengths - 1)[:-1])
    ids = [np.array([BOS, *row, EOS], np.int32) for row in rows]
    held = texts // _HELD_OUT
    counts = np.bincount(np.concatenate([row[1:] for row in ids[held:]]), minlength=size)
    return Texts(ZIPF, Dataset(ids[held:]), Dataset(ids[:held]), size, counts)


def _short(tokenizer: Tokenizer, texts: list[str]) -> Dataset:
    ids = tokenizer.encode(texts)
    return Dataset([ids[i] for i in drop_long(ids, _LONGEST)[0]])
