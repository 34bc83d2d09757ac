"""What the explorer shows of a topic model: its topics, and what a document is about, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from textvae.errors import TextVAEError
from textvae.estimators import TopicVAE
from textvae.explore import messages as m
from textvae.explore.operations import Answer, Operation
from textvae.explore.shown import Shown, chosen, numbers
from textvae.text.corpus import Corpus
from textvae.text.vocabulary import jieba_words
from textvae.text.words import CJK_LETTERS

_LEVEL = 0.9
_WORDS = 12
_DOCUMENTS = 3
_CHINESE = re.compile(f"[{CJK_LETTERS}]")


class TopicSpace:
    """A topic model and the documents that are shown with it.

    Attributes:
        shown: the documents. They lie by √θ, whose angle grows with the Hellinger distance of shares.
        theta: (N, K) their shares.
    """

    def __init__(self, vae: TopicVAE, corpus: Corpus | None = None, *, name: str = "model") -> None:
        if corpus is None:
            raise TextVAEError("A topic model writes no texts itself: give a file of documents to show.")
        self.vae, self.name = vae, name
        texts, labels = chosen(corpus)
        self.theta = vae.transform(texts)
        foremost = [f"{topic}: {' '.join(words[:3])}" for topic, words in enumerate(vae.topic_words(3))]
        topics = [foremost[topic] for topic in self.theta.argmax(1)]
        self.shown = Shown(texts, {"topic": topics, **labels}, np.sqrt(self.theta))
        self._column = {word: i for i, word in enumerate(vae.words_.tolist())}

    def words(self, text: str, theta: np.ndarray) -> list[dict[str, Any]]:
        """The text in pieces, each with the topic that it most likely is of: p(k | w, d) ∝ θ_k p(w | k), by Bayes."""
        pieces = []
        for piece in _pieces(text):
            column = self._column.get(piece.casefold())
            if column is None:
                pieces.append({"text": piece, "topic": None, "probability": None})
                continue
            weights = theta * self.vae.components_[:, column]
            topic = int(weights.argmax())
            share = float(weights[topic] / max(weights.sum(), 1e-30))
            pieces.append({"text": piece, "topic": topic, "probability": round(share, 5)})
        return pieces


def describe(space: TopicSpace) -> Answer:
    """The model, and how many documents are shown."""
    return {
        "kind": "topics",
        "name": space.name,
        "topics": space.vae.n_topics_,
        "texts": len(space.shown),
        "explained": numbers(space.shown.plane.explained),
    }


def chart(space: TopicSpace) -> Answer:
    """Places, documents, √θ and labels; of evenly spaced documents, if there are more than 5,000."""
    return space.shown.map()


def topics(space: TopicSpace) -> Answer:
    """Every topic's foremost words, its share of the documents shown, and those that are most about it."""
    theta = space.theta
    items = []
    for topic in range(space.vae.n_topics_):
        words = space.vae.get_topic(topic, _WORDS)
        best = np.argsort(-theta[:, topic], kind="stable")[:_DOCUMENTS]
        items.append(
            {
                "topic": topic,
                "share": round(float(theta[:, topic].mean()), 5),
                "words": [{"text": word, "probability": round(float(p), 7)} for word, p in words],
                "documents": [space.shown.found(i) | {"share": float(theta[i, topic])} for i in best],
            }
        )
    return {"items": items}


def shares(space: TopicSpace, asked: m.EncodeRequest) -> Answer:
    """What each document is about: its shares with their 90% intervals, and its words with a topic each."""
    texts = list(asked.texts)
    theta = space.vae.transform(texts)
    intervals = space.vae.intervals(texts, _LEVEL)
    # the share at the posterior's mean may lie just outside of a narrow interval: a wider one holds no less
    lower, upper = np.minimum(intervals.lower, theta), np.maximum(intervals.upper, theta)
    fits = space.vae.fits(texts)
    places = space.shown.plane.project(np.sqrt(theta))
    items = []
    for i, text in enumerate(texts):
        rows = zip(numbers(theta[i]), numbers(lower[i]), numbers(upper[i]), strict=True)
        items.append(
            {
                "text": text,
                "words": space.words(text, theta[i]),
                "shares": [
                    {"topic": topic, "share": share, "lower": low, "upper": high}
                    for topic, (share, low, high) in enumerate(rows)
                ],
                "fits": bool(fits[i]),
                "place": numbers(places[i]),
            }
        )
    return {"items": items}


def neighbours(space: TopicSpace, asked: m.DocumentsRequest) -> Answer:
    """The documents whose shares are nearest: 1 - cos of the angle between √θ."""
    z = np.sqrt(space.vae.transform(list(asked.texts)))
    return {"items": space.shown.near(z, asked.k, "cosine")}


def search(space: TopicSpace, asked: m.SearchRequest) -> Answer:
    """The first documents that contain some words."""
    return {"items": space.shown.search(asked.query, asked.k)}


def documents(space: TopicSpace, asked: m.TextsRequest) -> Answer:
    """Whole documents."""
    return {"items": space.shown.whole(asked.index)}


TOPIC_OPERATIONS = [
    Operation("model", "The model", None, m.TopicModelAnswer, describe),
    Operation("map", "Where the documents lie", None, m.MapAnswer, chart),
    Operation("topics", "All topics", None, m.TopicsAnswer, topics),
    Operation("shares", "What documents are about", m.EncodeRequest, m.SharesAnswer, shares),
    Operation("neighbours", "The nearest documents", m.DocumentsRequest, m.NeighboursAnswer, neighbours),
    Operation("search", "Documents with these words", m.SearchRequest, m.SearchAnswer, search),
    Operation("texts", "Documents by their numbers", m.TextsRequest, m.SearchAnswer, documents),
]


def _pieces(text: str) -> Sequence[str]:
    """A text cut into words and what stands between them, nothing left out."""
    if not _CHINESE.search(text):
        return re.findall(r"\w+|\W+", text)
    pieces, start = [], 0
    for word in jieba_words(text):
        at = text.find(word, start)
        if at < 0:
            continue
        pieces += [text[start:at], word] if at > start else [word]
        start = at + len(word)
    return [*pieces, text[start:]] if start < len(text) else pieces
