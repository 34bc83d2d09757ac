"""Latents to texts: greedy, sampling and beam search, many texts at a time.

A text's ids depend on its own latent, its own row number and the seed, never on the batch it shared:
rows that have ended leave the batch, and every row draws from a random stream of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from textvae.decoders.sequence import SequenceDecoder
from textvae.device import Precision, autocast
from textvae.errors import TextVAEError
from textvae.latent.beam import beam_search
from textvae.model import evaluating
from textvae.noise import word_uniforms
from textvae.types import BOS, EOS, PAD, UNK

Method = Literal["greedy", "sample", "beam"]
State = tuple[Tensor, ...]
_BLOCK = 128  # ids whose probabilities are summed up in the first of two steps
# log p of the next id (B, V), the texts its rows belong to (B,), the step -> the next id (B,)
Choose = Callable[[Tensor, Tensor, int], Tensor]


class Generated(NamedTuple):
    """Generated texts, in the order of their latents.

    ``ids[i]`` are the words of text i as int32, without ``<s>`` and ``</s>``; ``log_probs`` (N,) float32 is
    log p(text|z) in nats under the decoder itself, neither tempered nor truncated: of the words and, unless
    the text was cut at its longest length, of ``</s>``.
    """

    ids: list[np.ndarray]
    log_probs: np.ndarray


def generate(
    decoder: SequenceDecoder,
    z: np.ndarray | Tensor,
    *,
    method: Method = "greedy",
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int | None = None,
    beam_size: int = 5,
    length_penalty: float = 0.0,
    max_length: int | np.ndarray = 100,
    allow_unknown: bool = True,
    seed: int = 0,
    batch_size: int = 256,
    precision: Precision = "auto",
) -> Generated:
    """One text for each latent of ``z`` (N, Z).

    Args:
        method: ``greedy`` takes the likeliest id at every step; ``sample`` draws it; ``beam`` searches for
            the likeliest text.
        temperature: of ``sample``: the log-probabilities are divided by it.
        top_p: of ``sample``: draw from the likeliest ids that together reach this probability (nucleus
            sampling, Holtzman et al. 2020), after ``temperature`` and ``top_k``.
        top_k: of ``sample``: draw from the ``top_k`` likeliest ids (Fan et al. 2018).
        beam_size: of ``beam``: hypotheses kept for each text; 1 is the same as greedy.
        length_penalty: of ``beam``: α of Wu et al. 2016, equation 14; 0 compares plain log-probabilities,
            more favours longer texts.
        max_length: most ids in a text, ``</s>`` counted; a text that reaches it unfinished is cut. One for all,
            or (N,) of each text's own: texts of like length are then written together.
        allow_unknown: whether ``<unk>`` may be written. ``<pad>`` and ``<s>`` never are.
        seed: of ``sample``. Row i draws from stream i of this seed, whatever the other rows are.
        batch_size: rows decoded at once (in a beam search each hypothesis is a row).
        precision: of the decoder's matrix products: ``bf16`` by autocast; ``auto`` is bf16 where that is
            faster. Probabilities are in float32 in any case.
    """
    latents = torch.as_tensor(z, dtype=torch.float32)
    longest = _each(max_length, len(latents))
    _check(method, temperature, top_p, top_k, beam_size, length_penalty, batch_size)
    banned = [PAD, BOS] if allow_unknown else [PAD, BOS, UNK]
    rows = max(1, batch_size // beam_size) if method == "beam" else batch_size
    ids = [np.empty(0, np.int32)] * len(latents)
    log_probs = np.empty(len(latents), np.float32)
    order = np.argsort(longest, kind="stable")
    with evaluating(decoder) as device, autocast(device, precision):
        for start in range(0, len(latents), rows):
            chosen = order[start : start + rows]
            part = latents[torch.from_numpy(chosen)].to(device)
            most = torch.from_numpy(longest[chosen]).to(device)
            if method == "beam":
                texts, scores = beam_search(
                    decoder, part, banned, size=beam_size, alpha=length_penalty, longest=most
                )
            elif method == "sample":
                uniforms = word_uniforms(chosen.tolist(), int(longest[chosen].max()), seed)
                choose = _sampler(torch.from_numpy(uniforms), device, temperature, top_k, top_p)
                texts, scores = _write(decoder, part, banned, choose, most)
            else:
                texts, scores = _write(decoder, part, banned, _likeliest, most)
            log_probs[chosen] = scores
            for place, text in zip(chosen, texts, strict=True):
                ids[place] = text
    return Generated(ids, log_probs)


def _each(max_length: int | np.ndarray, texts: int) -> np.ndarray:
    """The longest length of each text, (N,) int64."""
    given = np.asarray(max_length, np.int64)
    if given.shape not in ((), (texts,)):
        raise TextVAEError(f"max_length is one number or one for each of {texts} texts, not {given.shape}.")
    if (given < 1).any():
        raise TextVAEError(f"max_length must be at least 1, got {given.min()}.")
    return np.broadcast_to(given, texts)


def _check(
    method: str,
    temperature: float,
    top_p: float,
    top_k: int | None,
    beam_size: int,
    length_penalty: float,
    batch_size: int,
) -> None:
    if method not in ("greedy", "sample", "beam"):
        raise TextVAEError(f"There is no generation method '{method}'; there are: greedy, sample, beam.")
    if not temperature > 0:
        raise TextVAEError(f"The temperature must be above 0, got {temperature}; without randomness: greedy.")
    if not 0 < top_p <= 1:
        raise TextVAEError(f"top_p is a probability above 0 and up to 1, got {top_p}.")
    if length_penalty < 0:
        raise TextVAEError(f"The length penalty is at least 0, got {length_penalty}.")
    counts = {"top_k": top_k, "beam_size": beam_size, "batch_size": batch_size}
    for name, value in counts.items():
        if value is not None and value < 1:
            raise TextVAEError(f"{name} must be at least 1, got {value}.")


def _likeliest(log_p: Tensor, rows: Tensor, step: int) -> Tensor:
    return log_p.argmax(1)


def _sampler(
    uniforms: Tensor, device: torch.device, temperature: float, top_k: int | None, top_p: float
) -> Choose:
    uniforms = uniforms.to(device, _wide(device))

    def choose(log_p: Tensor, rows: Tensor, step: int) -> Tensor:
        scores = log_p if temperature == 1 else log_p / temperature
        return draw(scores, uniforms[rows, step], top_k=top_k, top_p=top_p)

    return choose


def _write(
    decoder: SequenceDecoder, z: Tensor, banned: list[int], choose: Choose, longest: Tensor
) -> tuple[list[np.ndarray], np.ndarray]:
    """Texts from left to right: their ids and log p (B,), for ``z`` (B, Z) and ``longest`` (B,) ids of each."""
    device, texts, steps = z.device, len(z), int(longest.max())
    written = torch.full((texts, steps), EOS, device=device)
    total = torch.zeros(texts, device=device)
    alive = torch.arange(texts, device=device)  # the texts that the rows of the batch belong to
    tokens = torch.full((texts,), BOS, device=device)
    state: State = decoder.start(z)
    never = torch.tensor(banned, device=device)
    for t in range(steps):
        log_p, state = decoder.step(tokens, state)
        tokens = choose(log_p.index_fill_(1, never, -torch.inf), alive, t)
        written[alive, t] = tokens
        total[alive] += log_p.gather(1, tokens[:, None])[:, 0]
        going = ((tokens != EOS) & (longest[alive] > t + 1)).nonzero()[:, 0]
        if len(going) == 0:
            break
        if len(going) < len(tokens):
            alive, tokens = alive[going], tokens[going]
            state = tuple(part[going] for part in state)
    lengths = (written != EOS).sum(1).tolist()
    ids = written.to(torch.int32).cpu().numpy()
    return [ids[i, :n].copy() for i, n in enumerate(lengths)], total.cpu().numpy()


def draw(scores: Tensor, uniform: Tensor, *, top_k: int | None = None, top_p: float = 1.0) -> Tensor:
    """(B,) ids drawn from softmax(scores (B, V)), one ``uniform`` (B,) in [0, 1) each, by the inverse CDF."""
    candidates: Tensor | None = None
    if top_k is not None and top_k < scores.shape[1]:
        scores, candidates = scores.topk(top_k, 1)
    probabilities = scores.softmax(1)
    if top_p < 1:
        probabilities, order = probabilities.sort(dim=1, descending=True, stable=True)
        candidates = order if candidates is None else candidates.gather(1, order)
        # an id stays while those before it have not yet reached top_p, so the likeliest always does
        before = probabilities.cumsum(1, dtype=_wide(scores.device)) - probabilities
        probabilities = probabilities.masked_fill(before >= top_p, 0)
    place = _invert(probabilities, uniform)
    return place[:, 0] if candidates is None else candidates.gather(1, place)[:, 0]


def _invert(weights: Tensor, uniform: Tensor) -> Tensor:
    """(B, 1) the first places where the running sum of weights (B, V) reaches 1 - uniform (B,) of the whole.

    A running sum in float64 costs as much as the decoder. So the block is found first, by the sums of blocks,
    then the place in it. As 1 - uniform is above 0, so is the weight that is found.
    """
    wide, last = _wide(weights.device), weights.shape[1] - 1
    whole, rest = weights.tensor_split([weights.shape[1] // _BLOCK * _BLOCK], 1)
    sums = torch.cat([whole.unflatten(1, (-1, _BLOCK)).sum(2), rest.sum(1, keepdim=True)], 1).to(wide)
    cdf = sums.cumsum(1)
    threshold = (1 - uniform.to(wide))[:, None] * cdf[:, -1:]
    block = torch.searchsorted(cdf, threshold)
    over = (cdf.gather(1, block) - threshold) / sums.gather(1, block)  # in [0, 1), but for rounding
    ids = block * _BLOCK + torch.arange(_BLOCK, device=weights.device)
    cdf = weights.gather(1, ids.clamp_max(last)).masked_fill(ids > last, 0).to(wide).cumsum(1)
    place = torch.searchsorted(cdf, (1 - over).clamp_min(1e-12) * cdf[:, -1:])
    return block * _BLOCK + place


def _wide(device: torch.device) -> torch.dtype:
    """float64 where there is one: a cumulative sum over a vocabulary wants the digits."""
    return torch.float32 if device.type == "mps" else torch.float64
