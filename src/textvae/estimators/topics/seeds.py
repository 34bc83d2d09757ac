"""Topics that are to be about given words: what is asked for, and what came of it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from textvae.errors import TextVAEError, TextVAEWarning
from textvae.metrics.topics import similarity

STRENGTH = 5.0  # nats a document, for each nat that a seed word has fallen behind its topic's ten foremost


def seed_ids(
    seed_words: Mapping[int, Sequence[str]] | None, words: Sequence[str], n_topics: int
) -> dict[int, list[int]]:
    """The columns of each topic's seed words; words outside the vocabulary are named in a warning.

    Raises:
        TextVAEError: a topic that there is none of, one without a seed word in the vocabulary, or a word of two topics.
    """
    columns = {word: column for column, word in enumerate(words)}
    ids: dict[int, list[int]] = {}
    missing: list[str] = []
    for topic, seeds in (seed_words or {}).items():
        if isinstance(seeds, str) or isinstance(topic, bool) or not isinstance(topic, (int, np.integer)):
            raise TextVAEError("Seed words are given as {topic number: [word, …]}.")
        if not 0 <= topic < n_topics:
            raise TextVAEError(f"There is no topic {topic} to seed: topics are numbered 0 to {n_topics - 1}.")
        known = list(dict.fromkeys(columns[word] for word in seeds if word in columns))
        missing += [word for word in seeds if word not in columns]
        if not known:
            raise TextVAEError(
                f"None of the seed words of topic {topic} is in the vocabulary: {', '.join(seeds) or 'there are none'}."
            )
        ids[int(topic)] = known
    seen: dict[int, int] = {}
    for topic, known in ids.items():
        for column in known:
            if seen.setdefault(column, topic) != topic:
                raise TextVAEError(f"'{words[column]}' is a seed word of topics {seen[column]} and {topic}.")
    if missing:
        warnings.warn(
            f"Not in the vocabulary, so no seed words: {', '.join(missing)}.", TextVAEWarning, stacklevel=4
        )
    return ids


def seed_report(
    ids: Mapping[int, Sequence[int]],
    words: Sequence[str],
    counts: Any,
    topics: np.ndarray,
    foremost: np.ndarray,
) -> list[dict[str, Any]]:
    """How far the data moved the topics from their seeds.

    Args:
        ids: of ``seed_ids``.
        words: (V,) the vocabulary.
        counts: (N, V) the documents.
        topics: (K, V) the topics after training.
        foremost: (K, V) what words are ranked by for a reader.

    Returns:
        For each seeded topic: ``words``, the rank of each seed word in it (1 is the foremost); ``kept``, the share of
        them among its ten foremost words; ``moved``, how far it is from the documents that have its seed words, each
        by the share of these words in it: 1 less the Bhattacharyya coefficient with their words, so 0 … 1; ``held``,
        whether of all topics it is the one that gives its seed words the most probability.
    """
    lengths = np.maximum(np.asarray(counts.sum(1)).ravel(), 1)
    rows = []
    for topic, columns in sorted(ids.items()):
        order = np.argsort(-foremost[topic], kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(1, len(order) + 1)
        share = np.asarray(counts[:, list(columns)].sum(1)).ravel() / lengths
        seeded = counts.T @ (share / lengths)
        alike = similarity(seeded[None] / seeded.sum(), topics[[topic]])[0, 0]
        rows.append(
            {
                "topic": topic,
                "words": {words[column]: int(rank[column]) for column in columns},
                "kept": float(np.mean(rank[list(columns)] <= 10)),
                "moved": float(max(0.0, 1 - alike)),
                "held": int(topics[:, list(columns)].sum(1).argmax()) == topic,
            }
        )
    return rows
