"""A trained model and its tokenizer applied to strings: what the rooms below do with data sets and latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from textvae.device import Precision
from textvae.errors import TextVAEError
from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.metrics.collapse import measure_collapse
from textvae.metrics.doctor import diagnose
from textvae.metrics.evaluation import summarise
from textvae.metrics.latent_use import latent_use
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.metrics.self_checks import self_checks
from textvae.model import VAE
from textvae.text.batch import Dataset
from textvae.text.corpus import Corpus
from textvae.text.read import clean_text
from textvae.text.tokenize import Tokenizer

MAX_TOKENS = 16_384  # in a batch, pads included, unless one text alone has more
Progress = Callable[[float], object]


def listed(texts: Iterable[str]) -> list[str]:
    """The texts as a list of strings; ``TextVAEError`` for one bare string and for anything else in it."""
    if isinstance(texts, str):
        raise TextVAEError("A list of texts is needed here, and this is one text: put it in a list.")
    items = list(texts)
    for place, item in enumerate(items):
        if not isinstance(item, str):
            raise TextVAEError(f"Text {place} is a {type(item).__name__}, not a string.")
    return items


def as_corpus(texts: Corpus | Iterable[str], name: str = "texts") -> Corpus:
    """Cleaned texts, without the empty ones, which are counted."""
    if isinstance(texts, Corpus):
        return texts
    cleaned = [clean_text(text) for text in listed(texts)]
    kept = [text for text in cleaned if text]
    dropped = {"empty": len(cleaned) - len(kept)} if len(kept) < len(cleaned) else {}
    return Corpus(kept, name=name, dropped=dropped)


def encode_strings(
    model: VAE,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """The posterior means, (N, Z) float32, in the order of the texts; none give (0, Z)."""
    if not texts:
        return np.zeros((0, model.latent_dim), np.float32)
    dataset = Dataset(tokenizer.encode(texts))
    longest = int(dataset.lengths.max())
    if batch_size is not None and batch_size < 1:
        raise TextVAEError(f"batch_size must be at least 1, got {batch_size}.")
    most = max(MAX_TOKENS, longest) if batch_size is None else batch_size * longest
    return encode(model, dataset, max_tokens=most, progress=progress).mean


def log_likelihood(
    model: VAE, tokenizer: Tokenizer, texts: Sequence[str], *, iw_samples: int, seed: int
) -> np.ndarray:
    """An importance-weighted estimate of log p(x) for every text, (N,) float64 nats; computed in float32."""
    if not texts:
        return np.zeros(0)
    dataset = Dataset(tokenizer.encode(texts))
    likelihood = evaluate_likelihood(
        model, dataset, iw_samples=iw_samples, seed=seed, max_tokens=_budget(dataset), precision="fp32"
    )
    return -likelihood.iw_nll


def evaluate(
    model: VAE,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    iw_samples: int,
    seed: int = 0,
    precision: Precision = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of ``textvae.metrics.evaluation.summarise``.

    BLEU and exact match compare tokens, with blanks between them (for ``bpe`` and ``unigram``, whose pieces
    are no words: the texts themselves). An unknown word is never reproduced.
    """
    if not texts:
        raise TextVAEError("There are no texts to evaluate.")
    dataset = Dataset(tokenizer.encode(texts))
    likelihood = evaluate_likelihood(
        model,
        dataset,
        iw_samples=iw_samples,
        seed=seed,
        max_tokens=_budget(dataset),
        progress=progress,
        precision=precision,
    )
    collapse = measure_collapse(model, dataset, seed=seed, max_tokens=_budget(dataset))
    z = encode(model, dataset, max_tokens=_budget(dataset)).mean
    # a text that runs on beyond twice the longest original is wrong however it ends
    written = generate(model.decoder, z, max_length=2 * int(dataset.lengths.max())).ids  # pyright: ignore
    if tokenizer.kind in ("bpe", "unigram"):
        reconstructions, originals = tokenizer.decode_batch(written), list(texts)
    else:
        reconstructions = [" ".join(tokenizer.vocabulary[i] for i in ids) for ids in written]
        originals = [" ".join(tokenizer.tokens(text)) for text in texts]
    return summarise(
        likelihood,
        collapse,
        dataset,
        texts=texts,
        reconstructions=reconstructions,
        originals=originals,
        failed=self_checks(model, dataset),
    )


def findings(
    model: VAE,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    metrics: dict[str, Any],
    history: Sequence[dict[str, Any]],
    training: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """What is wrong with the model by its figures on these texts, worst first: name, severity, evidence, advice."""
    use = None
    if len(texts) > 1:
        dataset = Dataset(tokenizer.encode(texts))
        use = latent_use(model, dataset, max_tokens=_budget(dataset))
    return [asdict(finding) for finding in diagnose(metrics, history, use, training)]


def _budget(dataset: Dataset) -> int:
    return max(MAX_TOKENS, int(dataset.lengths.max()))
