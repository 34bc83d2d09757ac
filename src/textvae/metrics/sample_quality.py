"""How good generated texts are: fluent, as varied as real ones, and not copied."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from textvae.errors import TextVAEError
from textvae.metrics.ngram import Trigrams

_LONGEST = 4  # of the n-grams of BLEU


def sample_quality(
    samples: Sequence[np.ndarray],
    train: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    vocab_size: int,
) -> dict[str, float | int]:
    """Figures of generated texts, each text given as ids ``<s> w1 … wn </s>``.

    Args:
        samples: the generated texts, at least two; as many as ``held_out`` make the figures comparable.
        train: what the generator was trained on.
        held_out: real texts that it was not trained on.
        vocab_size: V.

    Returns:
        ``forward_ppl``: perplexity a counted token of the samples under trigrams of ``train``: low for fluent texts,
        and lower still for dull ones; ``reverse_ppl``: of ``held_out`` under trigrams of the samples: low
        only where they cover the language (Zhao et al. 2018, ARAE); ``self_bleu``: 0 to 100, see
        ``self_bleu``: high for samples that are like each other; ``copied``: the share of samples
        that are texts of ``train``, word for word; ``mean_length``: counted tokens; ``n_samples``. Beside them
        ``real_…``, the same for the held-out texts (the ``real_reverse_ppl`` from as many training texts as
        there are samples): what a generator can hope for.

    Raises:
        TextVAEError: fewer than two samples or held-out texts.
    """
    if min(len(samples), len(held_out)) < 2:
        raise TextVAEError("The quality of samples needs at least two samples and two real texts.")
    if not len(train):
        raise TextVAEError("The quality of samples is measured against training texts, and there are none.")
    judge = Trigrams(train, vocab_size)
    known = {text.tobytes() for text in map(_words, train)}
    some = [train[i * len(train) // len(samples)] for i in range(min(len(samples), len(train)))]

    def figures(texts: Sequence[np.ndarray], learned: Sequence[np.ndarray]) -> dict[str, float]:
        return {
            "forward_ppl": _perplexity(judge, texts),
            "reverse_ppl": _perplexity(Trigrams(learned, vocab_size), held_out),
            "self_bleu": self_bleu([_words(text) for text in texts]),
            "copied": sum(_words(text).tobytes() in known for text in texts) / len(texts),
            "mean_length": float(np.mean([len(text) - 1 for text in texts])),
        }

    real = figures(held_out[: len(samples)], some)
    return {
        **figures(samples, samples),
        "n_samples": len(samples),
        **{f"real_{name}": value for name, value in real.items()},
    }


def self_bleu(texts: Sequence[np.ndarray]) -> float:
    """Mean BLEU of each text (n,) against all the others, 0 to 100 (Zhu et al. 2018, Texygen).

    Up to 4-grams, those of a text's own length at most; a count of matches of 0 is smoothed to ½; the brevity
    penalty takes the other text that is nearest in length. Grows with the number of texts: compare
    equally many.
    """
    grams = [[_ngrams(text, n) for n in range(1, _LONGEST + 1)] for text in texts]
    most = [_most_in_one(column) for column in zip(*grams, strict=True)]
    lengths = np.sort([len(text) for text in texts])
    scores = [
        _precision(place, own, most) * _brevity(len(text), lengths)
        for place, (text, own) in enumerate(zip(texts, grams, strict=True))
    ]
    return 100 * float(np.mean(scores))


def _words(text: np.ndarray) -> np.ndarray:
    """The ids between start and end."""
    return np.asarray(text[1:-1], np.int32)


def _ngrams(text: np.ndarray, n: int) -> Counter[tuple[int, ...]]:
    ids = text.tolist()
    return Counter(zip(*(ids[i:] for i in range(n)), strict=False))


def _most_in_one(counts: Sequence[Counter[tuple[int, ...]]]) -> dict[tuple[int, ...], tuple[int, int, int]]:
    """Of every n-gram the text that has it most often, how often, and how often the next best has it.

    With the two best, the most that any *other* text has is known for each without going over all pairs.
    """
    best: dict[tuple[int, ...], tuple[int, int, int]] = {}
    for place, counter in enumerate(counts):
        for gram, count in counter.items():
            owner, first, second = best.get(gram, (-1, 0, 0))
            if count > first:
                best[gram] = (place, count, first)
            elif count > second:
                best[gram] = (owner, first, count)
    return best


def _precision(
    place: int,
    own: Sequence[Counter[tuple[int, ...]]],
    most: Sequence[dict[tuple[int, ...], tuple[int, int, int]]],
) -> float:
    """The geometric mean of a text's n-gram precisions against all other texts."""
    logs = []
    for counter, best in zip(own, most, strict=True):
        if not counter:  # the text is shorter than n
            continue
        matches = 0
        for gram, count in counter.items():
            owner, first, second = best[gram]
            matches += min(count, second if owner == place else first)
        logs.append(math.log(max(matches, 0.5) / counter.total()))
    return math.exp(sum(logs) / len(logs)) if logs else 0.0


def _brevity(length: int, lengths: np.ndarray) -> float:
    """BLEU's penalty for a text shorter than the nearest in length of the others; ``lengths`` sorted."""
    place = int(np.searchsorted(lengths, length))  # its own, or that of a text just as long
    others = [lengths[i] for i in (place - 1, place + 1) if 0 <= i < len(lengths)]
    nearest = min(others, key=lambda other: (abs(other - length), other))
    return math.exp(min(0.0, 1 - nearest / length)) if length else 0.0


def _perplexity(judge: Trigrams, texts: Sequence[np.ndarray]) -> float:
    tokens = sum(len(text) - 1 for text in texts)
    return math.exp(-float(judge.log_prob(texts).sum()) / tokens)
