"""Texts rewritten: latents moved along a direction, and the words kept that the direction does not speak against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from textvae.decoders.sequence import SequenceDecoder, State
from textvae.latent.directions import Direction
from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.model import VAE, evaluating
from textvae.noise import seeded
from textvae.text.batch import Dataset, token_batches
from textvae.types import BOS, EOS, UNK

STRENGTHS = (1.5, 3.0, 5.0)
RELEASE = (1, 2, 3)
KEEP = (4.0, 8.0)


class Candidate(NamedTuple):
    """A rewritten text.

    Attributes:
        ids: its words as int32, without ``<s>`` and ``</s>``.
        strength: how far its latent was moved, in steps of the direction.
        reach: P(value) of the text by the direction's probe, once encoded again.
        content: how much of the source it keeps, 0 to 1: ``overlap``.
        fluency: its probability a token under the model, by the ELBO, over that of the source; 1 at most.
        score: reach × content × fluency.
    """

    ids: np.ndarray
    strength: float
    reach: float
    content: float
    fluency: float
    score: float


class Setting(NamedTuple):
    """One way to rewrite: how far to go, how many words to release, and the bonus of the others in nats."""

    strength: float
    release: int
    keep: float


def edit(
    model: VAE,
    sources: Dataset,
    direction: Direction,
    *,
    strengths: Sequence[float] = STRENGTHS,
    release: Sequence[int] = RELEASE,
    keep: Sequence[float] = KEEP,
    seed: int = 0,
    **decoding: Any,
) -> list[list[Candidate]]:
    """For each source the texts found on the way along a direction, the best first; each text once.

    A candidate is written for every strength, ``release`` and ``keep``. Its latent is moved. Of the source's words
    those are released that thereby become less likely by the largest factors, and the others are kept in their order:
    see ``Keeping``. A word that becomes likelier stays. Which candidate is best is judged on the text itself, encoded
    again.

    Args:
        strengths: how far to move latents, in standard deviations of all texts along the direction.
        release: how many words of the source need not be kept, at most.
        keep: nats that the next kept word is likelier to be written; with 0 only the latent speaks.
        seed: of what is drawn.
        decoding: how texts are written, as of ``generate``.
    """
    z = encode(model, sources).mode
    batch = sources.batch(range(len(sources)))
    known, ends = (batch.targets > UNK).numpy(), (batch.targets == EOS).numpy()
    before = _word_log_probs(model, sources, z)
    settings = [Setting(*each) for each in product(strengths, release, keep)]
    moved, kept = [], []
    for strength in strengths:
        there = z + strength * direction.shift
        fall = before - _word_log_probs(model, sources, there)  # (N, T)
        fall[~known] = 0  # an unknown word is never kept, so it is not among those released
        rank = np.argsort(np.argsort(-fall, 1, kind="stable"), 1)
        for words in release:
            stays = known & ((rank >= words) | (fall <= 0)) | ends
            moved += [there] * len(keep)
            kept += [stays] * len(keep)
    keeping = Keeping(
        model.decoder,
        batch.targets.repeat(len(settings), 1),
        torch.from_numpy(np.concatenate(kept)),
        torch.tensor([setting.keep for setting in settings]).repeat_interleave(len(z)),
    )
    starts = np.column_stack([np.concatenate(moved), np.arange(len(settings) * len(z))])
    written = generate(keeping, starts, seed=seed, **decoding).ids  # pyright: ignore[reportArgumentType]
    return _judged(model, sources, direction, written, settings, seed)


class Keeping(nn.Module):
    """A decoder that rather goes on with what a source says: p(x_t | x_<t, z) · e^keep for one word, not normalised.

    It is the source's next kept word, or its end, after the last that was written. So kept words stay in their order,
    and between them is written what z makes likelier by ``keep`` nats, such as another word for a released one.

    A row of what it starts from is (z, i), with i a row of the sources.

    Args:
        decoder: p(x|z).
        sources: (R, T) ids ``w1 … wn </s>``, then pads.
        kept: (R, T), whether a word is kept; true at ``</s>``.
        keep: (R,) nats.
    """

    def __init__(self, decoder: SequenceDecoder, sources: Tensor, kept: Tensor, keep: Tensor):
        super().__init__()
        self.decoder, self.sources, self.keep = decoder, sources, keep
        places = torch.arange(sources.shape[1]).expand(sources.shape).masked_fill(~kept, sources.shape[1] - 1)
        # (R, T) of every place the first kept one from it on
        self.following = places.flip(1).cummin(1).values.flip(1)

    def start(self, z: Tensor) -> State:
        """z (B, Z + 1), the last column saying which source."""
        rows = z[:, -1].long().cpu()
        given = (self.sources[rows], self.following[rows], self.keep[rows, None])
        first = torch.zeros(
            len(z), 1, dtype=torch.long, device=z.device
        )  # where to look for the next kept word
        return (*(each.to(z.device) for each in given), first, *self.decoder.start(z[:, :-1]))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """As of any decoder; the scores (B, V) are no log-probabilities, as they don't add up to 1."""
        source, following, keep, place, *inner = state
        scores, after = self.decoder.step(tokens, tuple(inner))
        next_kept = following.gather(1, place)
        found = source.gather(1, next_kept) == tokens[:, None]
        place = torch.where(found, next_kept + 1, place).clamp_max(source.shape[1] - 1)
        word = source.gather(1, following.gather(1, place))
        return scores.scatter_add(1, word, keep), (source, following, keep, place, *after)


def _word_log_probs(model: VAE, sources: Dataset, z: np.ndarray) -> np.ndarray:
    """Log p(x_t | x_<t, z) of the words of each source at a latent of ``z`` (N, Z): (N, T) nats, 0 from ``</s>`` on."""
    found = np.zeros((len(sources), int(sources.lengths.max())), np.float32)
    with evaluating(model) as device:
        for indices in _batches(sources):
            batch = sources.batch(indices).to(device)
            p = model.decode(torch.from_numpy(z[indices]).to(device), batch)
            log_p = p.token_log_prob(batch) * (batch.targets != EOS)  # pyright: ignore[reportAttributeAccessIssue]
            found[indices, : log_p.shape[1]] = log_p.cpu().numpy()
    return found


def _log_prob_a_token(model: VAE, texts: Dataset, seed: int) -> np.ndarray:
    """ELBO / T of each text with its T tokens, (N,) nats, with z at the posterior's mode."""
    elbo = np.empty(len(texts))
    with evaluating(model) as device:
        for indices in _batches(texts):
            with seeded(device, seed):  # a KL without a closed form is drawn
                terms = model(texts.batch(indices).to(device), noise=False)
            elbo[indices] = (terms.log_px[0] - terms.kl).cpu().numpy()
    return elbo / texts.lengths


def _batches(texts: Dataset) -> list[np.ndarray]:
    return token_batches(texts.lengths, max(4096, int(texts.lengths.max())))


def _judged(
    model: VAE,
    sources: Dataset,
    direction: Direction,
    written: Sequence[np.ndarray],
    settings: Sequence[Setting],
    seed: int,
) -> list[list[Candidate]]:
    """What was ``written``, for each setting a text for each source, as the candidates of each source, best first."""
    first: dict[tuple[int, bytes], int] = {}  # of equal texts, the one of the least strength
    for place, ids in enumerate(written):
        first.setdefault((place % len(sources), ids.tobytes()), place)
    places = list(first.values())
    texts = Dataset([np.array([BOS, *written[place], EOS], np.int32) for place in places])
    reached = direction.probability(encode(model, texts).mode)
    of_source = np.array(places) % len(sources)
    rise = _log_prob_a_token(model, texts, seed) - _log_prob_a_token(model, sources, seed)[of_source]
    found: list[list[Candidate]] = [[] for _ in range(len(sources))]
    for place, reach, fluency in zip(
        places, reached.tolist(), np.exp(np.minimum(rise, 0)).tolist(), strict=True
    ):
        setting, source = divmod(place, len(sources))
        content = overlap(written[place], sources[source][1:-1])
        score = reach * content * fluency
        found[source].append(
            Candidate(written[place], settings[setting].strength, reach, content, fluency, score)
        )
    return [sorted(row, key=lambda candidate: -candidate.score) for row in found]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """How much two texts (n,), (m,) have in common: the mean of the F1 of their words and of their pairs of words."""
    words = _f1(Counter(a.tolist()), Counter(b.tolist()))
    ends = [[BOS, *text.tolist(), EOS] for text in (a, b)]
    return (words + _f1(*(Counter(pairwise(text)) for text in ends))) / 2


def _f1(a: Counter[Any], b: Counter[Any]) -> float:
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 1.0
