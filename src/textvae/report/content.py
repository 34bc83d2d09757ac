"""What a report says, as plain figures and texts: all that is measured is measured here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    """

    name: str
    config: dict[str, Any]
    data: dict[str, Any]
    training: dict[str, Any]
    versions: dict[str, str]
    history: History | None
    texts: Shown | None
    evaluation: dict[str, Any] | None
    findings: list[dict[str, Any]]
    atlas: Atlas | None
    dimensions: list[dict[str, Any]]
    reconstructions: dict[str, list[Reconstruction]]
    samples: list[str]
    interpolations: list[list[str]]
    unlikely: list[Unlikely]


def gather(
    vae: Any,
    texts: Texts | None = None,
    *,
    name: str = "model",
    iw_samples: int = 20,
    seed: int = 0,
    say: Callable[[str], object] = lambda line: None,
) -> Content:
    """Measures a trained ``TextVAE`` on texts, best ones that it was not trained on; of more than 2,000, on evenly
    spaced ones.

    Args:
        texts: with the labels of a ``Corpus`` to colour the map by. Without any, what needs no texts.
        name: of the model, for the title.
        iw_samples: of the importance weighting.
        seed: of all that is drawn.
        say: takes lines that tell what is going on.

    Raises:
        TextVAEError: there are no texts among those given.
    """
    check_is_fitted(vae, "model_")
    metrics = vae.metrics_
    known = {
        "name": name,
        "config": vae.config_.model_dump(mode="json"),
        "data": metrics.get("data", {}),
        "training": metrics.get("training", {}),
        "versions": metrics.get("versions", {}),
        "history": history(vae.history_),
        "samples": samples(vae, seed),
    }
    if texts is None:
        return Content(
            **known,
            texts=None,
            evaluation=metrics.get("evaluation"),
            findings=metrics.get("findings", []),
            atlas=None,
            dimensions=[],
            reconstructions={},
            interpolations=[],
            unlikely=[],
        )
    whole = as_corpus(texts)
    corpus = whole.select(evenly(len(whole), MOST_TEXTS))
    shown = Shown(whole.name, len(whole), len(corpus), dict(whole.dropped))
    say(f"Measuring the model on {len(corpus):,} texts …")
    evaluation, rows = _measure(vae, corpus, iw_samples, seed)
    nll, tokens = np.array(rows["nll"]), np.array(rows["n_tokens"])
    say("Explaining its dimensions …")
    dimensions = _dimensions(vae, corpus, seed)
    say("Drawing the map and writing texts …")
    return Content(
        **known,
        texts=shown,
        evaluation=evaluation,
        findings=findings(
            vae.model_, vae.tokenizer_, corpus.texts, evaluation, vae.history_, metrics.get("training")
        ),
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
