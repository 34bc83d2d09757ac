"""A topic model's part of a report: its topics with their words, sizes, documents and relations, and over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.estimators.topics.groups import Period, group_numbers
from textvae.report.atlas import Atlas, Colouring, by_label, layouts
from textvae.text.corpus import Corpus

_WORDS, _NAMING = 10, 3  # of a topic that are shown, and that name it
_DOCUMENTS = 3
_NEAR = 3  # topics most like one
_PERIODS: tuple[Period, ...] = ("year", "month", "week", "day")
_FEWEST_PERIODS = 6  # that show a course


@dataclass(frozen=True)
class Topic:
    """A topic as a person reads it.

    Attributes:
        topic: its number.
        name: its foremost words.
        share: its mean share in the documents.
        words: the foremost ones with p(word | topic).
        npmi: the coherence of its words in the documents; None where it has too few.
        documents: ``text`` and ``share`` of those with the largest shares.
        near: the topics most like it, with their likeness: Σ √(p q) over the words, 1 for the same.
        place: in the plane in which topics lie apart as they differ: of the first principal components of √p, between
            which the distance is Hellinger's.
        support: the share of other runs that found it too; None after one run.
    """

    topic: int
    name: str
    share: float
    words: list[tuple[str, float]]
    npmi: float | None
    documents: list[dict[str, Any]]
    near: list[tuple[int, float]]
    place: tuple[float, float]
    support: float | None


@dataclass(frozen=True)
class Course:
    """The mean shares of topics in the documents of each period, with 90 % intervals: (G,), and (G, K)."""

    periods: list[str]
    documents: list[int]
    share: list[list[float]]
    lower: list[list[float]]
    upper: list[list[float]]


@dataclass(frozen=True)
class Topics:
    """Topics, the largest first; the figures of ``TopicVAE.evaluate``; the topics' course where dates are known."""

    figures: dict[str, Any]
    topics: list[Topic]
    course: Course | None


def topics_of(vae: Any, corpus: Corpus, theta: np.ndarray, dates: np.ndarray | None, *, seed: int) -> Topics:
    """What a ``TopicVAE`` finds in documents. The first label is what purity and NMI compare topics with.

    Args:
        corpus: documents with labels.
        theta: (N, K) their shares.
        dates: (N,) of them.
        seed: of what is drawn for the figures.
    """
    labels = next(iter(corpus.labels.values()), None)
    figures = vae.evaluate(corpus, labels, seed=seed)
    share = theta.mean(0)
    root = np.sqrt(vae.components_)
    likeness, places = root @ root.T, _plane(root)
    documents = vae.representative_documents(corpus, _DOCUMENTS)
    support = vae.metrics_["topics"].get("runs", {}).get("support")
    names = topic_names(vae)
    topics = []
    for k in np.argsort(-share, kind="stable").tolist():
        near = [int(j) for j in np.argsort(-likeness[k], kind="stable") if j != k][:_NEAR]
        coherence = figures["topic_npmi"][k]
        topics.append(
            Topic(
                topic=k,
                name=names[k],
                share=float(share[k]),
                words=vae.get_topic(k, _WORDS),
                npmi=coherence if np.isfinite(coherence) else None,
                documents=[{"text": d["text"], "share": d["share"]} for d in documents[k]],
                near=[(j, float(likeness[k, j])) for j in near],
                place=(float(places[k, 0]), float(places[k, 1])),
                support=None if support is None else support[k],
            )
        )
    figures = figures | {
        "topic_npmi": [each if np.isfinite(each) else None for each in figures["topic_npmi"]]
    }
    return Topics(figures, topics, None if dates is None else _course(vae, corpus, dates))


def topic_names(vae: Any) -> list[str]:
    """(K,) the foremost words of each topic."""
    return [", ".join(words) for words in vae.topic_words(_NAMING)]


def topic_atlas(vae: Any, corpus: Corpus, theta: np.ndarray, *, seed: int) -> Atlas:
    """The map of documents by their shares (N, K), to colour by their foremost topic, by labels or by one topic."""
    names = [f"{k} · {name}" for k, name in enumerate(topic_names(vae))]
    foremost = by_label("foremost", np.array(names)[theta.argmax(1)], "topic")
    size = Counter(theta.argmax(1).tolist())
    colourings: list[Colouring] = [foremost]
    colourings += [by_label(name, values) for name, values in corpus.labels.items()]
    colourings += [Colouring(names[k], "topic", theta[:, k].tolist()) for k, _ in size.most_common()]
    return Atlas(list(corpus.texts), layouts(theta, seed), colourings)


def _plane(root: np.ndarray) -> np.ndarray:
    """(K, 2) the first two principal components of (K, V), the largest of each positive."""
    centred = root - root.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(root), 2))
    places[:, : min(2, len(s))] = u[:, :2] * s[:2]
    largest = np.take_along_axis(places, np.abs(places).argmax(0)[None], 0)
    return places * np.where(largest < 0, -1, 1)


def _course(vae: Any, corpus: Corpus, dates: np.ndarray) -> Course:
    """By the longest period of which there are enough to show a course."""
    groups: Mapping[Period, int] = {p: len(group_numbers(dates, len(corpus), p)[0]) for p in _PERIODS}
    period = next((p for p in _PERIODS if groups[p] >= _FEWEST_PERIODS), "day")
    found = vae.prevalence(corpus, dates, period=period)
    return Course(
        [str(group) for group in found.groups],
        found.documents.tolist(),
        found.share.tolist(),
        found.lower.tolist(),
        found.upper.tolist(),
    )
