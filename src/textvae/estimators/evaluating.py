"""The figures of a model on texts, however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from textvae.device import Precision
from textvae.errors import TextVAEError
from textvae.estimators.streams import Part, Stream
from textvae.estimators.strings import budget
from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.metrics.collapse import measure_collapse
from textvae.metrics.evaluation import summarise
from textvae.metrics.likelihood import Likelihood, evaluate_likelihood
from textvae.metrics.self_checks import self_checks
from textvae.metrics.text_quality import unknown_counts
from textvae.metrics.thinned import Thinned
from textvae.metrics.totals import Totals
from textvae.model import VAE
from textvae.processes import Processes
from textvae.rowfile import Columns, Rows
from textvae.text.batch import Dataset
from textvae.text.corpus import Corpus
from textvae.text.tokenize import Tokenizer

CHUNK = 1000  # texts measured at once: what a run that is cut short loses
_SAMPLE = 20_000  # texts at most for what compares each with all, or writes texts


def evaluate_chunks(
    model: VAE,
    tokenizer: Tokenizer,
    chunks: Iterable[Corpus],
    *,
    iw_samples: int,
    seed: int = 0,
    precision: Precision = "auto",
    processes: Processes | None = None,
    file: Rows | None = None,
    progress: Callable[[float], object] | None = None,
) -> dict[str, Any] | None:
    """The figures of ``textvae.metrics.evaluation.summarise``, and ``dropped``: the texts left out, by reason.

    BLEU and exact match compare tokens, with blanks between them (for ``bpe`` and ``unigram``, whose pieces
    are no words: the texts themselves). An unknown word is never reproduced. Of more than 20,000 texts, evenly
    spaced ones give these two, the mutual information and the self-checks, and all texts the rest.

    Args:
        processes: share out the texts of each chunk; the figures come on the main one, None on the others.
        file: on the main process; takes a row for each text: ``index`` from 0, ``text``, ``nll``, ``elbo``,
            ``reconstruction`` and ``kl`` in nats, ``effective_samples``, ``n_tokens``.
        progress: called with the number of texts done.

    Raises:
        TextVAEError: there are no texts.
    """
    stream = Stream(chunks, processes, file)
    sample = Thinned[tuple[int, str]](_SAMPLE)
    dropped: Counter[str] = Counter()
    totals: Totals | None = None
    for part in stream:
        dropped.update(part.corpus.dropped)
        sample.extend(enumerate(part.corpus.texts, part.first))
        if not len(part):
            continue
        if part.done:
            note = part.note
        else:
            advance = None if progress is None else _advance(progress, part)
            measured = _measure(
                model,
                tokenizer,
                stream,
                part,
                iw_samples=iw_samples,
                seed=seed,
                precision=precision,
                progress=advance,
            )
            note = None if measured is None else Totals.measured(*measured, part.corpus.texts).to_json()
            if measured is not None:
                stream.write(part, _rows(part, measured), note)
        if note is not None:
            totals = Totals.from_json(note) if totals is None else totals + Totals.from_json(note)
    if not sample.items:
        raise TextVAEError("There are no texts to evaluate.")
    if totals is None:
        return None
    numbers, texts = zip(*sample.items, strict=True)
    dataset = Dataset(tokenizer.encode(texts), numbers)
    reconstructions, originals = _rewrite(model, tokenizer, dataset, texts)
    figures = summarise(
        totals,
        measure_collapse(model, dataset, seed=seed, max_tokens=budget(dataset)),
        reconstructions=reconstructions,
        originals=originals,
        failed=self_checks(model, dataset),
    )
    return {**figures, "dropped": dict(dropped)}


def evaluate(
    model: VAE,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    iw_samples: int,
    seed: int = 0,
    precision: Precision = "auto",
    progress: Callable[[float], object] | None = None,
) -> dict[str, Any]:
    """The figures of ``evaluate_chunks`` on texts that this process has at hand."""
    chunks = (Corpus(list(texts[start : start + CHUNK])) for start in range(0, len(texts), CHUNK))
    figures = evaluate_chunks(
        model, tokenizer, chunks, iw_samples=iw_samples, seed=seed, precision=precision, progress=progress
    )
    assert figures is not None
    return figures


class _Measured(NamedTuple):
    """What ``Totals.measured`` takes besides the texts; the counts are (N,)."""

    likelihood: Likelihood
    tokens: np.ndarray
    unknown: np.ndarray


def _measure(
    model: VAE, tokenizer: Tokenizer, stream: Stream, part: Part, **options: Any
) -> _Measured | None:
    """Of a part's texts, on the main process; None on the others. Noise is keyed by their numbers in the stream."""
    own = None
    rows = np.empty((0, 6 + model.latent_dim))
    if len(part.own):
        dataset = Dataset(tokenizer.encode(part.own_texts), part.first + part.own)
        own = evaluate_likelihood(model, dataset, max_tokens=budget(dataset), **options)
        counts = dataset.lengths, unknown_counts(dataset)
        rows = np.column_stack(
            [own.iw_nll, own.reconstruction, own.kl, own.effective_samples, *counts, own.mean]
        )
    rows = stream.gather(part, rows)
    if rows is None or own is None:  # the main process has the first text of every part
        return None
    nll, reconstruction, kl, effective, tokens, unknown = rows[:, :6].T
    whole = replace(
        own,
        iw_nll=nll,
        reconstruction=reconstruction,
        kl=kl,
        effective_samples=effective,
        mean=rows[:, 6:],
    )
    return _Measured(whole, tokens, unknown)


def _rows(part: Part, measured: _Measured) -> Columns:
    likelihood, tokens, _ = measured
    return {
        "index": np.arange(part.first, part.first + len(part)),
        "text": part.corpus.texts,
        "nll": likelihood.iw_nll,
        "elbo": likelihood.elbo,
        "reconstruction": likelihood.reconstruction,
        "kl": likelihood.kl,
        "effective_samples": likelihood.effective_samples,
        "n_tokens": tokens.astype(np.int64),
    }


def _rewrite(
    model: VAE, tokenizer: Tokenizer, dataset: Dataset, texts: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The texts written greedily from their latents, and as they are compared with these."""
    z = encode(model, dataset).mode
    # a text that runs on beyond twice its original is wrong however it ends
    written = generate(model.decoder, z, max_length=2 * dataset.lengths).ids  # pyright: ignore
    if tokenizer.kind in ("bpe", "unigram"):
        return tokenizer.decode_batch(written), list(texts)
    words = [" ".join(tokenizer.vocabulary[i] for i in ids) for ids in written]
    return words, [" ".join(tokenizer.tokens(text)) for text in texts]


def _advance(progress: Callable[[float], object], part: Part) -> Callable[[float], object]:
    """From the share done of a part to the number of texts done."""
    return lambda share: progress(part.first + share * len(part))
