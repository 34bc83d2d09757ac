"""The words whose probability rises and falls along a direction of the latent space."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from textvae.metrics.draws import posterior_draws
from textvae.model import VAE, evaluating
from textvae.text.batch import Dataset, evenly, token_batches
from textvae.types import BOS, EOS, PAD, Batch

_TEXTS = 128  # that the decoder reads along each direction
_PLACES = 8  # in a text, where the next word's probabilities are taken
_BATCH = 2048  # tokens
_RESAMPLES = 200
_INTERVAL = (2.5, 97.5)
_LEAST = 1e-12  # probability: no logarithm of 0


class WordEffect(NamedTuple):
    """What a direction does to a word's probability, averaged over texts and the places in them.

    ``effect``: ln of its probability one standard deviation above over that one below, in nats, with the 95 %
    bootstrap ``interval`` over texts; ``probability``: without a shift in either direction, about.
    """

    word: int
    effect: float
    interval: tuple[float, float]
    probability: float


class WordEffects(NamedTuple):
    """The words that rise and those that fall, the most telling first."""

    up: list[WordEffect]
    down: list[WordEffect]


def word_effects(
    model: VAE, dataset: Dataset, directions: np.ndarray, steps: np.ndarray, *, most: int = 20, seed: int = 0
) -> Iterator[WordEffects]:
    """Compares the decoder's probabilities one step up and one step down each direction.

    Each of at most 128 evenly spaced texts is read with z ~ q(z|x) shifted by ± ``steps[k]`` along ``directions[k]``;
    p̄₊ and p̄₋ are a word's probabilities after the text's own words, averaged over 8 random places of each text.
    Words are ranked by (p̄₊ − p̄₋) ln(p̄₊/p̄₋), their part of Jeffreys' divergence of the two, and those whose interval
    holds 0 are left out.

    Args:
        directions: (K, Z), of length 1.
        steps: (K,) standard deviations of the texts' z along them.
        most: words that rise, and words that fall.
    """
    texts = min(len(dataset), _TEXTS)
    weights = np.random.default_rng(seed).multinomial(texts, np.full(texts, 1 / texts), _RESAMPLES) / texts
    for p in _shifted(model, dataset, directions, steps, seed):
        yield _ranked(p, weights, most)


def word_loadings(
    model: VAE, dataset: Dataset, directions: np.ndarray, steps: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """What each direction does to each word, (V, K): √p̄₊ − √p̄₋ with the probabilities of ``word_effects``."""
    columns = [np.subtract(*np.sqrt(p.mean(1))) for p in _shifted(model, dataset, directions, steps, seed)]
    return np.stack(columns, 1)


def _shifted(
    model: VAE, dataset: Dataset, directions: np.ndarray, steps: np.ndarray, seed: int
) -> Iterator[np.ndarray]:
    """For each direction the probabilities of every word, one step up and one down: (2, N, V) of N texts."""
    sample = dataset.subset(evenly(len(dataset), _TEXTS))
    rng = np.random.default_rng(seed)
    with evaluating(model) as device:
        parts = []
        for indices in token_batches(sample.lengths, max(_BATCH, int(sample.lengths.max()))):
            batch = sample.batch(indices).to(device)
            z = posterior_draws(model, model.encode(batch), batch, 1, seed)[0]
            places = rng.integers(0, sample.lengths[indices][:, None], (len(indices), _PLACES))
            parts.append((batch, z, torch.from_numpy(places).to(device)))
        for direction, step in zip(directions, steps, strict=True):
            shift = torch.from_numpy(direction * step).to(device, torch.float32)
            p = torch.cat([_probabilities(model, batch, z, shift, places) for batch, z, places in parts], 1)
            yield p.cpu().numpy()


def _probabilities(model: VAE, batch: Batch, z: Tensor, shift: Tensor, places: Tensor) -> Tensor:
    """Of each word up and down, averaged over the places (B, P) of each text: (2, B, V)."""
    p = model.decode(torch.stack([z + shift, z - shift]), batch)
    hidden = p.hidden  # pyright: ignore[reportAttributeAccessIssue]
    index = places[None, :, :, None].expand(2, -1, -1, hidden.shape[-1])
    states = hidden.gather(2, index)
    log_p = p.output.log_probs(states.flatten(0, 2))  # pyright: ignore[reportAttributeAccessIssue]
    return log_p.exp().view(*states.shape[:3], -1).mean(2)


def _ranked(p: np.ndarray, weights: np.ndarray, most: int) -> WordEffects:
    """From probabilities (2, N, V) of each text, and resampled texts as weights (R, N)."""
    up, down = np.maximum(p.mean(1), _LEAST)
    effect = np.log(up / down)
    part = (up - down) * effect
    part[[PAD, BOS, EOS]] = 0

    def listed(sign: int) -> list[WordEffect]:
        order = np.argsort(-np.where(np.sign(effect) == sign, part, 0), kind="stable")[: 2 * most]
        resampled = np.log(np.maximum(weights @ p[0][:, order], _LEAST)) - np.log(
            np.maximum(weights @ p[1][:, order], _LEAST)
        )
        low, high = np.percentile(resampled, _INTERVAL, axis=0)
        return [
            WordEffect(int(w), float(effect[w]), (float(lo), float(hi)), float((up[w] + down[w]) / 2))
            for w, lo, hi in zip(order, low, high, strict=True)
            if part[w] > 0 and (lo > 0 if sign > 0 else hi < 0)
        ][:most]

    return WordEffects(listed(1), listed(-1))
