"""Labels on their way through training: each beside its text, until they are numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from textvae.config import Config, merge, read_config
from textvae.errors import TextVAEError
from textvae.registry import find
from textvae.text.batch import Dataset
from textvae.text.corpus import Corpus
from textvae.text.read import clean_text
from textvae.types import UNLABELLED

_BETWEEN = "\t"  # which no cleaned text holds


def learns_labels(config: Config) -> bool:
    """Whether a model like this is trained on texts with labels."""
    return "labels" in find("posterior", config.posterior.name).provides


def beside_texts(chunks: Iterable[Corpus], names: set[str]) -> Iterator[Corpus]:
    """The chunks, each text followed by its label; what labels there are is added to ``names``.

    A text whose label is None, not a number or empty has none.

    Raises:
        TextVAEError: a chunk has no label, or several.
    """
    for chunk in chunks:
        if len(chunk.labels) != 1:
            there = f"there are {', '.join(chunk.labels)}" if chunk.labels else "there is none"
            raise TextVAEError(
                f"This model learns from one label of each text, and {there}: name it with --label-column "
                "(in Python: give y)."
            )
        (values,) = chunk.labels.values()
        labels = [label_name(value) for value in values.tolist()]
        names.update(filter(None, labels))
        texts = [f"{text}{_BETWEEN}{label}" for text, label in zip(chunk.texts, labels, strict=True)]
        yield replace(chunk, texts=texts)


def apart(items: Iterable[str]) -> tuple[list[str], list[str]]:
    """Texts, and the labels that follow on them ('' where none does)."""
    parts = [item.partition(_BETWEEN) for item in items]
    return [text for text, _, _ in parts], [label for _, _, label in parts]


def numbers(labels: Iterable[str], names: Iterable[str]) -> np.ndarray:
    """Each label's place among the names, or ``UNLABELLED``: (N,) int16."""
    places = {name: place for place, name in enumerate(names)}
    return np.array([places.get(label, UNLABELLED) for label in labels], np.int16)


def with_labels(config: Config, names: Iterable[str]) -> Config:
    """The configuration of a model of these labels.

    Raises:
        TextVAEError: fewer than two labels, or more than there are dimensions.
    """
    named = sorted(names)
    if len(named) < 2:
        raise TextVAEError(f"This model learns from labels, and the texts have {len(named)}: two are needed.")
    return read_config(merge(config.model_dump(mode="json"), {"posterior": {"labels": named}}))


def often_enough(dataset: Dataset, share: float) -> Dataset:
    """Labelled texts repeated until they are about this share of all, at least."""
    assert dataset.labels is not None
    known = dataset.labels != UNLABELLED
    labelled, others = int(known.sum()), int((~known).sum())
    if not labelled:
        raise TextVAEError("None of the training texts has a label.")
    times = max(1, round(share / (1 - share) * others / labelled))
    return dataset if times == 1 else dataset.repeated(np.where(known, times, 1))


def label_name(value: Any) -> str:
    """The label as it is called, '' for None, what is not a number, and empty text: a label that is not known."""
    missing = value is None or value != value
    return "" if missing else clean_text(str(value))
