"""Texts to read: written again, made up, on the way from one to another, and those that surprise a model most."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from textvae.text.batch import evenly

_REWRITTEN = 300  # texts to choose good and bad reconstructions from
_EACH = 5  # reconstructions of a kind
_SAMPLES = 12
_PATHS, _STEPS = 3, 7
_UNLIKELY = 10
# A word with the space before it; of scripts without spaces, a character.
_WORD = re.compile(
    r"\s*(?:[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)"
)


@dataclass(frozen=True)
class Reconstruction:
    """A text, what is written greedily from its latent, and the share of words that the two have in common, in order.

    ``pieces`` are the reconstruction in parts, each with whether it is as in the text.
    """

    text: str
    reconstruction: str
    common: float
    pieces: list[tuple[str, bool]]


@dataclass(frozen=True)
class Unlikely:
    """A text with its −log p(x) in nats, also by counted token."""

    text: str
    nll: float
    nll_per_token: float
    tokens: int


def reconstructions(vae: Any, texts: Sequence[str]) -> dict[str, list[Reconstruction]]:
    """``best``, ``typical`` and ``worst`` of evenly spaced texts, each text once; of equally good ones the longest."""
    chosen = list(dict.fromkeys(texts[i] for i in evenly(len(texts), _REWRITTEN)))
    pairs = zip(chosen, vae.reconstruct(chosen), strict=True)
    ranked = sorted((compare(*pair) for pair in pairs), key=lambda r: (-r.common, -len(r.text), r.text))
    each = min(_EACH, len(ranked) // 3)
    if not each:
        return {"best": [], "typical": ranked, "worst": []}
    middle = (len(ranked) - each) // 2
    return {
        "best": ranked[:each],
        "typical": ranked[middle : middle + each],
        "worst": ranked[len(ranked) - each :],
    }


def compare(text: str, reconstruction: str) -> Reconstruction:
    """The words in common: twice as many as match, over those of both (Ratcliff & Metzener 1988)."""
    old, new = _WORD.findall(text), _WORD.findall(reconstruction)
    matcher = SequenceMatcher(None, [w.strip() for w in old], [w.strip() for w in new], autojunk=False)
    pieces: list[tuple[str, bool]] = []
    for tag, _, _, start, end in matcher.get_opcodes():
        written = "".join(new[start:end])
        word = written if tag == "equal" else written.lstrip()
        pieces += [(written[: len(written) - len(word)], True), (word, tag == "equal")]
    pieces = [(piece, same) for piece, same in pieces if piece]
    return Reconstruction(text, reconstruction, matcher.ratio(), pieces)


def samples(vae: Any, seed: int) -> list[str]:
    """Texts with z ~ p(z) and x ~ p(x|z)."""
    return vae.sample(_SAMPLES, seed=seed)


def interpolations(vae: Any, texts: Sequence[str], seed: int) -> list[list[str]]:
    """The ways between pairs of texts of middling length, drawn at random; fewer where there are few texts."""
    lengths = np.array([len(text) for text in texts])
    low, high = np.quantile(lengths, [0.25, 0.75]) if len(texts) else (0, 0)
    middling = list(
        dict.fromkeys(texts[i] for i in np.flatnonzero((lengths >= low) & (lengths <= high)).tolist())
    )
    order = np.random.default_rng(seed).permutation(len(middling))[: 2 * _PATHS]
    pairs = zip(order[::2], order[1::2], strict=False)
    return [vae.interpolate(middling[a], middling[b], steps=_STEPS) for a, b in pairs]


def unlikely(texts: Sequence[str], nll: np.ndarray, tokens: np.ndarray) -> list[Unlikely]:
    """The texts with the fewest nats of log p(x) a token, (N,) each, the least likely first, each text once."""
    rows: dict[str, Unlikely] = {}
    for i in map(int, np.argsort(-nll / tokens, kind="stable")):
        rows.setdefault(
            texts[i], Unlikely(texts[i], float(nll[i]), float(nll[i] / tokens[i]), int(tokens[i]))
        )
        if len(rows) == _UNLIKELY:
            break
    return list(rows.values())
