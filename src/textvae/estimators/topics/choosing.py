"""How many topics: trainings with several numbers of them, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from textvae.errors import TextVAEError
from textvae.estimators.topic_vae import TopicVAE
from textvae.estimators.topics.documents import Counted, learn
from textvae.metrics.cooccurrence import in_documents
from textvae.metrics.topic_likelihood import completion_perplexity
from textvae.metrics.topics import TOP, npmi, top_words, topic_diversity

_HELD_OUT = 0.2
_NEAR = 1.02  # a perplexity this near to the best one is as good


@dataclass(frozen=True)
class Sweep:
    """Numbers of topics, compared.

    Attributes:
        rows: for each number ``n_topics``; ``completion_perplexity`` of documents held out; of the topics ``npmi``
            (in the documents of training), ``diversity`` and ``stability`` (how alike those of several runs are, from 0
            to 1); ``seconds``; ``error``, what went wrong, if anything: the figures are then None.
        suggested: the least number whose perplexity is within 2 % of the best. A reader who wants finer or coarser
            topics may well choose another: coherence and stability say what that costs. None if nothing was trained.
        skipped: the numbers that the time was too short for.
    """

    rows: list[dict[str, Any]]
    suggested: int | None
    skipped: list[int]


def choose_n_topics(
    X: Any,
    candidates: Iterable[int] = (10, 20, 30, 50, 75, 100),
    *,
    model: TopicVAE | None = None,
    n_runs: int = 2,
    time_budget: float | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> Sweep:
    """Trains models with several numbers of topics on four fifths of the documents, and measures them on the rest.

    Nothing of a training that fails is lost but its row, and none is begun that by the last one's time would end after
    the budget; Ctrl-C ends the sweep with what there is.

    Args:
        X: documents, read once.
        candidates: numbers of topics, taken from the least on.
        model: the options of all trainings but the number of topics; by default ``TopicVAE()``.
        n_runs: trainings for each number, with different seeds; 2 at least, for the stability.
        time_budget: seconds in all; by default as long as it takes.
        say: takes a line on each number.

    Raises:
        TextVAEError: the documents or the options can't be used.
    """
    numbers = sorted({int(number) for number in candidates})
    if not numbers or numbers[0] < 2:
        raise TextVAEError("The numbers of topics to compare have to be 2 or more, and one of them at least.")
    if n_runs < 2:
        raise TextVAEError("Stability is likeness between runs: n_runs has to be 2 at least.")
    begun = time.monotonic()
    model = TopicVAE() if model is None else model
    counted = learn(X, model.vectorizer, model.vocabulary)
    train, held_out = _split(counted, model.random_state)
    rows: list[dict[str, Any]] = []
    for place, number in enumerate(numbers):
        if rows and time_budget is not None:
            expected = rows[-1]["seconds"] * max(1.0, number / rows[-1]["n_topics"])
            if time.monotonic() - begun + expected > time_budget:
                say(f"The time is too short for {', '.join(map(str, numbers[place:]))} topics.")
                return Sweep(rows, _suggested(rows), numbers[place:])
        try:
            rows.append(_measured(model, number, counted, train, held_out, n_runs))
        except KeyboardInterrupt:
            return Sweep(rows, _suggested(rows), numbers[place:])
        say(_line(rows[-1]))
    return Sweep(rows, _suggested(rows), [])


def _measured(
    model: TopicVAE, number: int, counted: Counted, train: Any, held_out: Any, n_runs: int
) -> dict[str, Any]:
    started = time.monotonic()
    figures: dict[str, Any] = dict.fromkeys(("completion_perplexity", "npmi", "diversity", "stability"))
    error = None
    own: Any = clone(model)
    own.set_params(n_topics=number, vocabulary=counted.words, vectorizer=None)
    try:
        own.fit(train, n_runs=n_runs)
        ids = top_words(own.model_.decoder.foremost().detach().cpu().numpy(), TOP)
        figures = {
            "completion_perplexity": completion_perplexity(
                own.model_, own._documents(held_out), own._at_once
            ),
            "npmi": float(np.nanmean(npmi(ids, in_documents(train, ids)))),
            "diversity": topic_diversity(ids),
            "stability": float(own.consensus_.likeness.mean()),
        }
    except TextVAEError as failure:
        error = str(failure)
    return {"n_topics": number, **figures, "seconds": time.monotonic() - started, "error": error}


def _split(counted: Counted, random_state: Any) -> tuple[Any, Any]:
    """Documents with words, four fifths to train on and the rest."""
    kept = np.flatnonzero(np.asarray(counted.counts.sum(1)).ravel())
    if len(kept) < 10:
        raise TextVAEError(f"A sweep needs at least 10 documents with words, and there are {len(kept)}.")
    seed = random_state if isinstance(random_state, int) else 0
    order = np.random.default_rng(seed).permutation(kept)
    few = max(2, round(_HELD_OUT * len(kept)))
    return counted.counts[np.sort(order[few:])], counted.counts[np.sort(order[:few])]


def _suggested(rows: list[dict[str, Any]]) -> int | None:
    sound = [row for row in rows if row["error"] is None]
    if not sound:
        return None
    best = min(row["completion_perplexity"] for row in sound)
    return next(row["n_topics"] for row in sound if row["completion_perplexity"] <= _NEAR * best)


def _line(row: dict[str, Any]) -> str:
    if row["error"] is not None:
        return f"{row['n_topics']} topics: {row['error']}"
    return (
        f"{row['n_topics']} topics: completion perplexity {row['completion_perplexity']:.1f}, NPMI {row['npmi']:.3f}, "
        f"diversity {row['diversity']:.2f}, stability {row['stability']:.2f}, {row['seconds']:.0f} s"
    )
