"""What a model is trained on: texts read once, split, tokenised and laid on disk, and the facts about them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textvae.config import Config, TrainConfig
from textvae.errors import TextVAEError
from textvae.estimators.labels import apart, beside_texts, learns_labels, numbers
from textvae.language import translate
from textvae.metrics.text_quality import unknown_rate
from textvae.store import METRICS, TOKENIZER, read_json
from textvae.text.batch import Dataset, drop_long
from textvae.text.corpus import Corpus, in_short
from textvae.text.disk import TextFile, read_tokens, write_tokens
from textvae.text.formats import blocks_of
from textvae.text.split import HeldOut, split_texts
from textvae.text.tokenize import Tokenizer
from textvae.types import BOS

_FEWEST_TO_HALVE = 20  # held-out texts, to have test texts beside the validation texts
_LEARNT_FROM = (
    2**26
)  # bytes of text that a tokeniser learns from at most, in memory: about a million sentences
_LABELS = "labels.bin"  # beside the token ids: of each text the number of its label
_TOLD = 1_000_000  # texts between two lines on how far the reading is

Say = Callable[[str], object]


@dataclass(frozen=True)
class Material:
    """Tokenised texts: what is trained on, what is kept from training, and the facts about them."""

    tokenizer: Tokenizer
    train: Dataset
    validation: Dataset
    held_out: list[str]  # what the figures are taken on: the test texts, if any, else the validation texts
    test: list[str]
    facts: dict[str, Any]
    # of a model that learns them: their names, whose places ``train.labels`` gives
    labels: tuple[str, ...] = ()


def prepare(
    chunks: Iterable[Corpus],
    validation: Corpus | None,
    config: Config,
    folder: Path,
    *,
    resumed: Path | None = None,
    tokenizer: Tokenizer | None = None,
    say: Say = lambda line: None,
) -> Material:
    """Splits and tokenises texts of any number, in memory that does not grow with it.

    Args:
        chunks: the texts, read once.
        validation: without it a share, ``train.held_out``, is kept from training, 20,000 texts at most.
        folder: where the training texts are until they are tokenised, and their tokens while they are trained on.
        resumed: the folder of the training that goes on: it gives the tokeniser, its texts have to be the same, and
            tokens that it left in ``folder`` are used.
        tokenizer: one that there is already; without it, and unless a training goes on, one learns from the texts.
        say: takes lines that tell how far the reading is.

    Raises:
        TextVAEError: the texts can't be read or trained on, or the folder can't be written.
    """
    seed, options, longest = config.train.seed, config.text, config.text.max_length
    tally = _Tally(say)
    found: set[str] = set()
    labelled = learns_labels(config)
    if labelled:
        chunks = beside_texts(chunks, found)
    with TextFile(folder / "texts.txt") as train:
        if validation is None:
            held, test = _hold_out(tally.passing(chunks), train, config.train)
        else:
            for chunk in tally.passing(chunks):
                train.extend(chunk.texts)
            held, test = validation.texts, []
            tally.note_validation(validation)
        held, test = apart(held)[0], apart(test)[0]
        labels = tuple(sorted(found))

        key = f"{tally.sha256} {seed} {config.train.held_out} {options.model_dump_json()}"
        data = None
        if resumed is not None:
            _check_same_texts(resumed, tally.sha256)
            tokenizer = Tokenizer.load(resumed / TOKENIZER)
            data = read_tokens(folder, key)
        elif tokenizer is None:
            sample = apart(train.evenly(_LEARNT_FROM))[0]
            tokenizer = Tokenizer.train(sample, options.tokenizer, options.vocab_size, count=False)
        if data is None:
            counts = _write(train, tokenizer, longest, folder, key, labels if labelled else None)
            if tokenizer.frequencies is None:
                tokenizer.frequencies = counts
            data = read_tokens(folder, key)
        if data is None:
            raise _all_long(len(train), "training", longest)
        if labelled:
            data.labels = np.fromfile(folder / _LABELS, np.int16)
        tally.leave_out(len(train) - len(data), longest)
        learnt_from = train.fitting(_LEARNT_FROM)

    validation_ids, held = _short(tokenizer, held, "validation", longest, tally)
    if test:
        _, test = _short(tokenizer, test, "test", longest, tally, needed=False)
    validation_set = Dataset(validation_ids)
    facts = {
        "name": tally.name,
        "n_texts": len(data) + len(held) + len(test),
        "n_train": len(data),
        "n_validation": len(held),
        "n_test": len(test),
        "dropped": dict(tally.dropped),
        "tokenizer": tokenizer.kind,
        "tokenizer_texts": learnt_from,
        "vocab_size": tokenizer.vocab_size,
        "unk_rate": unknown_rate(validation_set),
        "sha256": tally.sha256,
    }
    if data.labels is not None:
        facts["labels"] = {name: int((data.labels == place).sum()) for place, name in enumerate(labels)}
    return Material(tokenizer, data, validation_set, test or held, test, facts, labels)


def describe(material: Material) -> Iterator[str]:
    """What was read and what became of it, in a few lines."""
    facts = material.facts
    yield in_short(facts["name"], facts["n_texts"], facts["dropped"])
    learnt = ""
    if facts["tokenizer_texts"] < facts["n_train"]:
        learnt = f" learnt from {facts['tokenizer_texts']:,} texts"
    yield (
        f"tokenizer {facts['tokenizer']}{learnt}, vocabulary {facts['vocab_size']:,}, "
        f"{facts['unk_rate']:.1%} of the validation tokens unknown"
    )
    parts = [
        f"{translate(name)} {facts[f'n_{name}']:,}"
        for name in ("train", "validation", "test")
        if facts[f"n_{name}"]
    ]
    yield ", ".join(parts)


class _Tally:
    """What is to be known of texts that are read once."""

    def __init__(self, say: Say) -> None:
        self.dropped: Counter[str] = Counter()
        self._say = say
        self._digest = hashlib.sha256()
        self._names: dict[str, None] = {}

    def passing(self, chunks: Iterable[Corpus]) -> Iterator[Corpus]:
        """The chunks; after the last one, a ``TextVAEError`` if all texts are the same."""
        count, first, differ = 0, None, False
        for chunk in chunks:
            self._names[chunk.name] = None
            self._note(chunk)
            for text in chunk.texts if not differ else []:
                first = text if first is None else first
                differ = differ or text != first
            yield chunk
            if (count + len(chunk)) // _TOLD > count // _TOLD:
                self._say(f"{count + len(chunk):,} texts read …")
            count += len(chunk)
        if not differ:
            many = f"the same text {count} times" if count > 1 else f"{count} text"
            raise TextVAEError(f"Training needs at least two different texts, and {self.name} has {many}.")

    def note_validation(self, corpus: Corpus) -> None:
        """Texts that are not trained on."""
        self._digest.update(b"\0")
        self._note(corpus)

    def leave_out(self, count: int, longest: int) -> None:
        """Texts with more than so many tokens."""
        if count:
            self.dropped[f"longer than {longest} tokens"] += count

    @property
    def sha256(self) -> str:
        """Of the texts so far."""
        return self._digest.hexdigest()

    @property
    def name(self) -> str:
        """Of the files that the texts are from."""
        names = list(self._names) or ["texts"]
        return " + ".join(names) if len(names) < 4 else f"{names[0]} … {names[-1]} ({len(names)} files)"

    def _note(self, corpus: Corpus) -> None:
        self.dropped.update(corpus.dropped)
        self._digest.update("".join(f"{text}\n" for text in corpus.texts).encode(errors="surrogatepass"))


def _hold_out(chunks: Iterable[Corpus], train: TextFile, config: TrainConfig) -> tuple[list[str], list[str]]:
    """Validation and test texts; the others go to the file."""
    held_out = HeldOut(config.held_out, config.seed)
    for chunk in chunks:
        train.extend(held_out.sift(chunk.texts))
    rest, held = held_out.settle()
    train.extend(rest)
    if len(held) < _FEWEST_TO_HALVE or len(set(held)) < 2:
        return held, []
    return split_texts(held, 0.5, config.seed)


def _check_same_texts(folder: Path, sha256: str) -> None:
    if read_json(folder / METRICS).get("data", {}).get("sha256") != sha256:
        raise TextVAEError(
            f"The texts are not those that the training in {folder} started with: "
            "resume with the same files, or start anew with --overwrite."
        )


def _write(
    train: Iterable[str],
    tokenizer: Tokenizer,
    longest: int,
    folder: Path,
    key: str,
    labels: tuple[str, ...] | None,
) -> np.ndarray:
    """Puts the token ids of the texts that are short enough on disk; of each id, how often it is a target (V,).

    So are the numbers of their ``labels``, in a model that learns them.
    """
    counts = np.zeros(tokenizer.vocab_size, dtype=np.int64)

    def short() -> Iterator[np.ndarray]:
        with (folder / _LABELS).open("wb") if labels is not None else nullcontext() as file:
            for block in blocks_of(train):
                texts, own = apart(block)
                ids = tokenizer.encode(texts)
                places = drop_long(ids, longest)[0]
                if file is not None and labels is not None:
                    file.write(numbers(own, labels)[places].tobytes())
                kept = [ids[i] for i in places]
                if kept:
                    counts[:] += np.bincount(np.concatenate(kept), minlength=len(counts))
                yield from kept

    write_tokens(folder, short(), tokenizer.vocab_size, key)
    counts[BOS] = 0
    return counts


def _short(
    tokenizer: Tokenizer, texts: list[str], part: str, longest: int, tally: _Tally, needed: bool = True
) -> tuple[list[np.ndarray], list[str]]:
    """The token ids of the texts that are short enough, and these texts; the others are counted."""
    ids = tokenizer.encode(texts)
    kept, too_long = drop_long(ids, longest)
    if needed and not len(kept):
        raise _all_long(len(texts), part, longest)
    tally.leave_out(too_long, longest)
    return [ids[i] for i in kept], [texts[i] for i in kept]


def _all_long(count: int, part: str, longest: int) -> TextVAEError:
    return TextVAEError(
        f"All {count} {part} texts are longer than {longest} tokens: allow more with "
        "--set text.max_length=1000, or cut them into sentences with --split sentences."
    )
