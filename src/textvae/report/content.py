"""What a report says, as plain figures and texts: all that is measured is measured here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from textvae.errors import TextVAEError
from textvae.estimators.evaluating import CHUNK, evaluate_chunks
from textvae.estimators.strings import Texts, as_corpus, findings
from textvae.report.atlas import Atlas, atlas
from textvae.report.history import History, history
from textvae.report.passages import (
    Reconstruction,
    Unlikely,
    interpolations,
    reconstructions,
    samples,
    unlikely,
)
from textvae.report.topics import Topics, topic_atlas, topics_of
from textvae.rowfile import RowList
from textvae.text.batch import evenly
from textvae.text.corpus import Corpus

MOST_TEXTS = 2_000  # measured and shown; evenly spaced ones of more


@dataclass(frozen=True)
class Shown:
    """The texts that a report is about: how many of how many, from where, and what was left out."""

    name: str
    n_texts: int
    n_shown: int
    dropped: dict[str, int]


@dataclass(frozen=True)
class Content:
    """A report before it is a page; ``dataclasses.asdict`` makes JSON of it.

    Attributes:
        name: of the model.
        config: as in ``config.json``.
        data, training, versions: as in ``metrics.json``; empty where they aren't known.
        history: the training's curves, if it left any.
        texts: what the rest is about; None where no texts were given.
        evaluation: ``textvae.metrics.evaluation.summarise`` of these texts, else of those that ended the training.
        findings: of the doctor, on the same.
        atlas: the map.
        dimensions: ``textvae.explain.explanation.explain`` of these texts, the most used dimensions first.
        reconstructions: ``best``, ``typical`` and ``worst``.
        samples: texts from the prior.
        interpolations: texts on the way between pairs.
        unlikely: the least likely texts.
        topics: of a topic model, which has none of what stands from ``evaluation`` on but the map.
    """

    name: str
    config: dict[str, Any]
    data: dict[str, Any]
    training: dict[str, Any]
    versions: dict[str, str]
    history: History | None
    texts: Shown | None = None
    evaluation: dict[str, Any] | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    atlas: Atlas | None = None
    dimensions: list[dict[str, Any]] = field(default_factory=list)
    reconstructions: dict[str, list[Reconstruction]] = field(default_factory=dict)
    samples: list[str] = field(default_factory=list)
    interpolations: list[list[str]] = field(default_factory=list)
    unlikely: list[Unlikely] = field(default_factory=list)
    topics: Topics | None = None


def gather(
    vae: Any,
    texts: Texts | None = None,
    *,
    name: str = "model",
    dates: str | None = None,
    iw_samples: int = 20,
    seed: int = 0,
    say: Callable[[str], object] = lambda line: None,
) -> Content:
    """Measures a trained ``TextVAE`` or ``TopicVAE`` on texts, best ones that it was not trained on; of more than
    2,000, on evenly spaced ones.

    Args:
        texts: with the labels of a ``Corpus`` to colour the map by. Without any, what needs no texts.
        name: of the model, for the title.
        dates: the label that says when documents are from, for the course of topics.
        iw_samples: of the importance weighting.
        seed: of all that is drawn.
        say: takes lines that tell what is going on.

    Raises:
        TextVAEError: there are no texts among those given, or none for a topic model; dates that are none.
    """
    check_is_fitted(vae, "model_")
    empty = Content(
        name=name,
        config=vae.config_.model_dump(mode="json"),
        data=vae.metrics_.get("data", {}),
        training=vae.metrics_.get("training", {}),
        versions=vae.metrics_.get("versions", {}),
        history=history(vae.history_),
    )
    about_topics = vae.config_.reads == "topics"
    if texts is None and about_topics:
        raise TextVAEError("A report on a topic model needs documents: name a file of them.")
    if texts is None:
        evaluation, found = vae.metrics_.get("evaluation"), vae.metrics_.get("findings", [])
        return replace(empty, evaluation=evaluation, findings=found, samples=samples(vae, seed))
    whole = as_corpus(texts)
    corpus = whole.select(evenly(len(whole), MOST_TEXTS))
    content = replace(empty, texts=Shown(whole.name, len(whole), len(corpus), dict(whole.dropped)))
    say(f"Measuring the model on {len(corpus):,} texts …")
    if about_topics:
        when, corpus = _dated(corpus, dates)
        theta = vae.transform(corpus)
        found = topics_of(vae, corpus, theta, when, seed=seed)
        return replace(content, topics=found, atlas=topic_atlas(vae, corpus, theta, seed=seed))
    if dates is not None:
        raise TextVAEError("Dates are for topic models: give this one's as a label.")
    return _about_texts(vae, content, corpus, iw_samples, seed, say)


def _dated(corpus: Corpus, dates: str | None) -> tuple[np.ndarray | None, Corpus]:
    """The dates, and the corpus without them."""
    if dates is None:
        return None, corpus
    if dates not in corpus.labels:
        raise TextVAEError(f"There are no dates '{dates}' with the texts.")
    others = {label: values for label, values in corpus.labels.items() if label != dates}
    return corpus.labels[dates].astype(str), replace(corpus, labels=others)


def _about_texts(
    vae: Any, content: Content, corpus: Corpus, iw_samples: int, seed: int, say: Callable[[str], object]
) -> Content:
    """What a sentence VAE makes of texts."""
    evaluation, rows = _measure(vae, corpus, iw_samples, seed)
    nll, tokens = np.array(rows["nll"]), np.array(rows["n_tokens"])
    say("Explaining its dimensions …")
    dimensions = _dimensions(vae, corpus, seed)
    say("Drawing the map and writing texts …")
    training = vae.metrics_.get("training")
    return replace(
        content,
        evaluation=evaluation,
        findings=findings(vae.model_, vae.tokenizer_, corpus.texts, evaluation, vae.history_, training),
        atlas=atlas(
            corpus.texts,
            vae.encode(corpus.texts),
            corpus.labels,
            {"nll_per_token": nll / tokens, "nll": nll, "kl": np.array(rows["kl"]), "tokens": tokens},
            {d["dimension"]: f"{d['dimension']} · {d['name']}" for d in dimensions if d["explained"]},
            seed=seed,
        ),
        dimensions=dimensions,
        reconstructions=reconstructions(vae, corpus.texts),
        samples=samples(vae, seed),
        interpolations=interpolations(vae, corpus.texts, seed),
        unlikely=unlikely(corpus.texts, nll, tokens),
    )


def _measure(vae: Any, corpus: Corpus, iw_samples: int, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures that ``evaluate`` gives of these texts, and those of each text by column."""
    rows = RowList()
    starts = range(0, len(corpus), CHUNK)
    chunks = (corpus.select(range(start, min(start + CHUNK, len(corpus)))) for start in starts)
    measured = evaluate_chunks(
        vae.model_, vae.tokenizer_, chunks, iw_samples=iw_samples, seed=seed, file=rows
    )
    assert measured is not None  # there is one process
    return {**measured, "dropped": dict(corpus.dropped)}, rows.columns


def _dimensions(vae: Any, corpus: Corpus, seed: int) -> list[dict[str, Any]]:
    """Explained, the most used first; none where there are too few texts to."""
    try:
        explained = vae.explain(corpus, seed=seed)
    except TextVAEError:
        return []
    return sorted(explained, key=lambda each: (not each["active"], -(each["kl"] or 0)))
