"""A trained model and its tokenizer applied to strings: what the rooms below do with data sets and latents."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from os import PathLike
from typing import Any

import numpy as np

from textvae.device import Precision
from textvae.errors import TextVAEError
from textvae.estimators.streams import Stream
from textvae.latent.encode import encode, unit_length
from textvae.metrics.doctor import diagnose
from textvae.metrics.latent_use import latent_use
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import VAE
from textvae.processes import Processes
from textvae.rowfile import Columns, RowFile
from textvae.text.batch import Dataset
from textvae.text.corpus import Corpus
from textvae.text.formats import blocks_of
from textvae.text.read import clean_text, join_chunks, read_chunks
from textvae.text.tokenize import Tokenizer

MAX_TOKENS = 16_384  # in a batch, pads included, unless one text alone has more
Progress = Callable[[float], object]
Texts = (
    Corpus | Iterable[str] | Iterable[Corpus] | PathLike[str]
)  # chunks as of ``read_chunks``; a path is a file's

_ONE_TEXT = "A list of texts is needed here, and this is one text: put it in a list."


def listed(texts: Iterable[str]) -> list[str]:
    """The texts as a list of strings; ``TextVAEError`` for one bare string and for anything else in it."""
    if isinstance(texts, str):
        raise TextVAEError(_ONE_TEXT)
    return _strings(list(texts), 0)


def one_or_more(texts: str | Iterable[str]) -> tuple[bool, list[str]]:
    """Whether it is one text, and the texts as a list, cleaned as training cleans them; none is left out."""
    one = isinstance(texts, str)
    return one, [clean_text(text) for text in ([texts] if one else listed(texts))]


def text_chunks(texts: Texts, name: str = "texts") -> Iterator[Corpus]:
    """Cleaned texts, some at a time, without the empty ones, which are counted; one chunk at least.

    Raises:
        TextVAEError: one bare string, or anything else that is no text; a file that can't be read.
    """
    if isinstance(texts, PathLike):
        yield from read_chunks(texts)
        return
    if isinstance(texts, str):
        raise TextVAEError(_ONE_TEXT)
    items: Iterator[Any] = iter([texts] if isinstance(texts, Corpus) else texts)
    first = list(itertools.islice(items, 1))
    items = itertools.chain(first, items)
    if first and isinstance(first[0], Corpus):
        yield from map(_cleaned, items)
        return
    count = 0
    for block in blocks_of(items):
        yield _cleaned(Corpus(_strings(block, count), name=name))
        count += len(block)
    if not count:
        yield Corpus([], name=name)


def as_corpus(texts: Texts, name: str = "texts") -> Corpus:
    """All the texts that ``text_chunks`` gives."""
    return join_chunks(text_chunks(texts, name))


def with_labels(texts: Texts, labels: Iterable[Any]) -> Corpus:
    """The texts with a label of each; ``TextVAEError`` if they are not as many, or a file's."""
    if isinstance(texts, PathLike):
        raise TextVAEError(
            "The labels of a file's texts are a column of it: load_corpus(file, label_column=…)."
        )
    known: Any = texts.texts if isinstance(texts, Corpus) else texts
    return Corpus(listed(known), {"label": np.array(list(labels), object)})


def _cleaned(corpus: Any) -> Corpus:
    if not isinstance(corpus, Corpus):
        raise TextVAEError(f"Chunks of texts are corpora, not a {type(corpus).__name__}.")
    texts = list(map(clean_text, corpus.texts))
    if all(texts):
        return replace(corpus, texts=texts)
    kept = np.array(list(map(bool, texts)))
    dropped = Counter(corpus.dropped) + Counter(empty=int((~kept).sum()))
    return replace(replace(corpus, texts=texts).select(kept), dropped=dict(dropped))


def _strings(items: list[Any], first: int) -> list[str]:
    for place, item in enumerate(items, first):
        if not isinstance(item, str):
            raise TextVAEError(f"Text {place} is a {type(item).__name__}, not a string.")
    return items


def encode_strings(
    model: VAE,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    batch_size: int | None = None,
    precision: Precision = "fp32",
    progress: Progress | None = None,
) -> np.ndarray:
    """The modes of q(z|x), (N, Z) float32, in the order of the texts; none give (0, Z)."""
    if not texts:
        return np.zeros((0, model.latent_dim), np.float32)
    dataset = Dataset(tokenizer.encode(texts))
    if batch_size is not None and batch_size < 1:
        raise TextVAEError(f"batch_size must be at least 1, got {batch_size}.")
    most = None if batch_size is None else batch_size * int(dataset.lengths.max())
    return encode(model, dataset, max_tokens=most, precision=precision, progress=progress).mode


def encode_chunks(
    model: VAE,
    tokenizer: Tokenizer,
    chunks: Iterable[Corpus],
    *,
    normalize: bool = False,
    batch_size: int | None = None,
    precision: Precision = "fp32",
    processes: Processes | None = None,
    file: RowFile | None = None,
    progress: Progress | None = None,
) -> Iterator[Columns]:
    """Rows of each chunk: ``index`` from 0, ``text``, the labels that the first chunk has, ``z`` (n, Z).

    They come on the main process, once they are in the ``file``; those that an earlier run left there don't.

    Args:
        normalize: scale each latent to length 1.
        batch_size: texts encoded at once, at most; by default as many as fit.
        precision: of ``encode``.
        processes: share out the texts of each chunk.
        file: on the main process.
        progress: called with the number of texts done.
    """
    stream = Stream(chunks, processes, file)
    for part in stream:
        if len(part) and not part.done:
            own = encode_strings(model, tokenizer, part.own_texts, batch_size=batch_size, precision=precision)
            z = stream.gather(part, own)
            if z is not None:
                columns = {**part.columns, "z": unit_length(z) if normalize else z}
                stream.write(part, columns)
                yield columns
        if progress:
            progress(part.first + len(part))


def log_likelihood(
    model: VAE, tokenizer: Tokenizer, texts: Sequence[str], *, iw_samples: int, seed: int
) -> np.ndarray:
    """An importance-weighted estimate of log p(x) for every text, (N,) float64 nats; computed in float32."""
    if not texts:
        return np.zeros(0)
    dataset = Dataset(tokenizer.encode(texts))
    likelihood = evaluate_likelihood(
        model, dataset, iw_samples=iw_samples, seed=seed, max_tokens=budget(dataset), precision="fp32"
    )
    return -likelihood.iw_nll


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
    if model.has_latent and len(texts) > 1:
        dataset = Dataset(tokenizer.encode(texts))
        use = latent_use(model, dataset, max_tokens=budget(dataset))
    found = diagnose(metrics, history, use, training, model.has_latent)
    return [asdict(finding) for finding in found]


def budget(dataset: Dataset) -> int:
    """Tokens in a batch at most."""
    return max(MAX_TOKENS, int(dataset.lengths.max()))
