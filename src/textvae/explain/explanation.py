"""The explanation of each direction of a latent space, and how far it can be trusted."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.distributions.rotated import is_standard_normal
from textvae.errors import TextVAEError
from textvae.explain.attributes import Attribute, attributes_of
from textvae.explain.fidelity import Simulator, cues, fidelity
from textvae.explain.information import mutual_information, quantile_bins
from textvae.explain.naming import UNEXPLAINED, compose
from textvae.explain.words import WordEffect, word_effects
from textvae.latent.encode import Posterior, encode
from textvae.model import VAE
from textvae.text.batch import Dataset

FEWEST_TEXTS = 40
_ACTIVE = 0.01  # variance of the means (Burda et al. 2016)
_ATTRIBUTES = 5  # listed, at most
_ENDS = 5  # texts at each end
_TRAVERSAL = (-2.0, -1.0, 0.0, 1.0, 2.0)  # standard deviations
_OFTEN = 0.01  # share of the texts, from which a value can stand at an end of an attribute


@dataclass(frozen=True)
class Material:
    """Texts to explain a space by: as they are, as ids, as words, with labels; all N long."""

    texts: Sequence[str]
    dataset: Dataset
    vocabulary: Sequence[str]
    labels: Mapping[str, np.ndarray]

    def words(self, text: int) -> list[str]:
        """The words of a text, without those that mark its ends."""
        return [self.vocabulary[int(i)] for i in self.dataset[text][1:-1]]


def explain(
    model: VAE,
    material: Material,
    directions: Mapping[Any, np.ndarray],
    write: Callable[[np.ndarray], Sequence[str]],
    *,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> list[dict[str, Any]]:
    """What each direction means, from one half of the texts, and how well that predicts the other half.

    Which half a text is in is decided by its hash, so that its copies are in one.

    Args:
        directions: by number or name, (Z,) each; any length.
        write: latents (N, Z) -> texts, for the traversal.
        progress: called with the share done, in (0, 1].

    Returns:
        For each direction, ready for JSON, in the order given:
        ``dimension``: its number or name; ``name``: a short one, 'unexplained' where the explanation predicts no
        better than random; ``kl``: nats per text, of the normal with the moments of q(z|x) along the direction from
        the prior's, None where the prior is no N(0, I); ``active``: the variance of the texts' means is above 0.01;
        ``width``: mean standard deviation of q(z|x) over that of z over all texts; ``words_up``, ``words_down``:
        ``word``, ``effect``, ``interval``, ``probability`` (``textvae.explain.words``); ``attributes``, the most
        informative first: ``name``, ``mi`` in nats with its ``interval``, ``share`` of the attribute's entropy,
        ``low`` and ``high``, the values that pull most to either side, ``means``: position of each value in
        standard deviations, ``is_label``, ``is_foremost``: no other direction here tells more of it; ``texts_low``,
        ``texts_high``: the outermost first; ``traversal``: ``z`` in standard deviations from the middle, ``text``;
        ``auc`` of the simulator on the held-out half with ``auc_interval``, ``auc_random`` of the same for random
        directions with ``auc_random_interval`` (``textvae.explain.fidelity``); ``explained``: whether the first
        interval lies above the second; ``simulator``: cue -> weight; ``n_texts``: those explained by, and
        ``n_held_out``.

    Raises:
        TextVAEError: there are fewer than 40 texts, a direction has no length, or all texts are the same.
    """
    texts = len(material.texts)
    held = np.array([zlib.crc32(text.encode(errors="surrogatepass")) % 2 == 1 for text in material.texts])
    if min(held.sum(), (~held).sum()) < FEWEST_TEXTS // 4 or texts < FEWEST_TEXTS:
        raise TextVAEError(
            f"An explanation needs at least {FEWEST_TEXTS} texts, about half of which it is tested on, "
            f"got {texts} ({len(set(material.texts))} different ones)."
        )
    axes = _unit(directions, model.latent_dim)  # (K, Z)
    q = encode(model, material.dataset)
    seen, unseen = np.flatnonzero(~held), np.flatnonzero(held)
    position = q.mode @ axes.T  # (N, K)
    spread = np.sqrt(q.stddev**2 @ (axes**2).T)
    # of z over all texts: that of the means, and the width of each
    steps = np.sqrt(position[seen].var(0) + (spread[seen] ** 2).mean(0))
    attributes = attributes_of(material.texts, material.dataset.lengths, material.labels)
    effects = word_effects(model, material.dataset.subset(seen), axes, steps, seed=seed)
    words = [material.words(i) for i in range(texts)]
    traversal = _traverse(q, axes, steps, write)
    kl = _kl(model, position, spread)
    rng = np.random.default_rng(seed)
    carried = [
        _attributes(attributes, z, seen, float(step), rng) for z, step in zip(position.T, steps, strict=True)
    ]
    _mark_foremost([row for rows in carried for row, _, _ in rows])
    explained = []
    for k, dimension in enumerate(directions):
        z, listed = position[:, k], carried[k][:_ATTRIBUTES]
        order = seen[np.argsort(z[seen], kind="stable")]
        low, high = order[:_ENDS], order[::-1][:_ENDS]
        shown = [row for row, _, _ in listed]
        rising, falling = (_rows(side, material.vocabulary) for side in next(effects))
        found = cues(
            words,
            {row["word"]: row["effect"] for row in (*rising, *falling)},
            [means for _, _, means in listed],
            [attribute.codes for _, attribute, _ in listed],
            [words[i] for i in low],
            [words[i] for i in high],
        )
        simulator = Simulator(found[seen], z[seen])
        score = fidelity(simulator(found[unseen]), q.mode[unseen], axes[k], rng)
        explained.append(
            {
                "dimension": dimension,
                "name": compose(shown, falling, rising) if score.explained else UNEXPLAINED,
                "kl": None if kl is None else float(kl[k]),
                "active": bool(z[seen].var() > _ACTIVE),
                "width": float(spread[:, k].mean() / steps[k]),
                "words_up": rising,
                "words_down": falling,
                "attributes": shown,
                "texts_low": [material.texts[i] for i in low],
                "texts_high": [material.texts[i] for i in high],
                "traversal": traversal[k],
                "auc": score.auc,
                "auc_interval": list(score.interval),
                "auc_random": score.random,
                "auc_random_interval": list(score.random_interval),
                "explained": score.explained,
                "simulator": dict(
                    zip(
                        ["words", "end texts", *(row["name"] for row in shown)],
                        simulator.weights.tolist(),
                        strict=True,
                    )
                ),
                "n_texts": len(seen),
                "n_held_out": len(unseen),
            }
        )
        if progress:
            progress((k + 1) / len(axes))
    return explained


def _unit(directions: Mapping[Any, np.ndarray], latent_dim: int) -> np.ndarray:
    axes = np.array(list(directions.values()), np.float64)
    if axes.ndim != 2 or axes.shape[1] != latent_dim:
        raise TextVAEError(f"Directions of this space have {latent_dim} numbers each.")
    lengths = np.linalg.norm(axes, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise TextVAEError("A direction of length 0 points nowhere.")
    return (axes / lengths).astype(np.float32)


def _kl(model: VAE, position: np.ndarray, spread: np.ndarray) -> np.ndarray | None:
    """(K,) ½ (μ² + σ² − 1 − ln σ²), the mean over texts."""
    if not is_standard_normal(model.prior()):
        return None
    variance = np.maximum(spread**2, 1e-12)
    return 0.5 * (position**2 + variance - 1 - np.log(variance)).mean(0)


def _attributes(
    attributes: Sequence[Attribute],
    z: np.ndarray,
    seen: np.ndarray,
    step: float,
    rng: np.random.Generator,
) -> list[tuple[dict[str, Any], Attribute, np.ndarray]]:
    """Those that the position (N,) of the texts seen carries: as they are shown, themselves, and their means."""
    bins = quantile_bins(z[seen, None])[:, 0]
    middle = float(z[seen].mean())
    found = []
    for attribute in attributes:
        codes = attribute.codes[seen]
        mi, interval, share = mutual_information(bins, codes, rng)
        if not interval[0] > 0:
            continue
        counts = np.bincount(codes, minlength=len(attribute.values))
        means = np.bincount(codes, z[seen] - middle, minlength=len(attribute.values)) / np.maximum(counts, 1)
        means = means / step
        pull = np.where(counts >= _OFTEN * len(codes), means * np.sqrt(counts), 0)
        row = {
            "name": attribute.name,
            "mi": mi,
            "interval": list(interval),
            "share": share,
            "low": attribute.values[int(pull.argmin())],
            "high": attribute.values[int(pull.argmax())],
            "means": dict(zip(attribute.values, means.tolist(), strict=True)),
            "is_label": attribute.is_label,
        }
        found.append((row, attribute, means))
    return sorted(found, key=lambda each: -each[0]["mi"])


def _mark_foremost(rows: Sequence[dict[str, Any]]) -> None:
    """Of all rows of an attribute, one for each dimension that carries it, that which tells most."""
    most: dict[str, float] = {}
    for row in rows:
        most[row["name"]] = max(most.get(row["name"], 0.0), row["mi"])
    for row in rows:
        row["is_foremost"] = row["mi"] == most[row["name"]]


def _traverse(
    q: Posterior, axes: np.ndarray, steps: np.ndarray, write: Callable[[np.ndarray], Sequence[str]]
) -> list[list[dict[str, Any]]]:
    """From the middle of all texts along each direction."""
    middle = q.mode.mean(0)
    offsets = np.array(_TRAVERSAL, np.float32)[:, None, None] * (axes * steps[:, None])  # (S, K, Z)
    written = write((middle + offsets).reshape(-1, len(middle)))
    return [
        [{"z": z, "text": written[s * len(axes) + k]} for s, z in enumerate(_TRAVERSAL)]
        for k in range(len(axes))
    ]


def _rows(effects: Sequence[WordEffect], vocabulary: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "word": vocabulary[each.word],
            "effect": each.effect,
            "interval": list(each.interval),
            "probability": each.probability,
        }
        for each in effects
    ]
