"""Strings steered through the latent space: directions learned from labels, edits along them, analogies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Unpack

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from textvae.errors import TextVAEError
from textvae.estimators import strings
from textvae.estimators.labels import label_name
from textvae.estimators.trained import Decoding, TrainedText
from textvae.latent.directions import Direction, learn_directions
from textvae.latent.edit import KEEP, RELEASE, STRENGTHS, edit
from textvae.store import DIRECTION_TENSORS, DIRECTIONS, read_json, read_tensors, write_json, write_tensors
from textvae.text.batch import Dataset

_ARRAYS = ("mean", "shift", "probe_shift", "weight")


class Edit(NamedTuple):
    """A rewritten text and how good it is, each of the last four from 0 to 1: see ``textvae.latent.edit.Candidate``."""

    text: str
    strength: float
    reach: float
    content: float
    fluency: float
    score: float


class SteeredText(TrainedText):
    """What ``TextVAE`` does along directions of its latent space."""

    directions_: dict[str, Direction]

    def directions(
        self,
        texts: Iterable[str] | Mapping[Any, Iterable[str]],
        labels: Sequence[Any] | np.ndarray | None = None,
        *,
        name: str = "label",
        seed: int = 0,
    ) -> list[Direction]:
        """Learns a direction toward each value of a label, and keeps them in ``directions_`` as ``name=value``.

        Args:
            texts: with ``labels``, a value for each, None or '' where it is not known: such texts are left out; or
                sets of texts, ``{value: texts}``.
            name: of the label.
            seed: of the parts of the cross-validation.

        Returns:
            The directions, each with the accuracy by which unseen texts are told apart along it.

        Raises:
            TextVAEError: too few different texts with or without a value.
        """
        check_is_fitted(self, "model_")
        if isinstance(texts, Mapping):
            sets = {value: strings.listed(some) for value, some in texts.items()}
            items = [text for some in sets.values() for text in some]
            labels = np.repeat(np.array(list(sets)), [len(some) for some in sets.values()])
        else:
            items = strings.listed(texts)
        if labels is None:
            raise TextVAEError("Directions are learned from texts with labels: give a label for each text.")
        values = list(labels)
        if len(values) != len(items):
            raise TextVAEError(
                f"Directions take a label for each text: {len(values)} for {len(items)} texts."
            )
        known = [place for place, value in enumerate(values) if label_name(value)]
        z = self.encode([items[place] for place in known])
        learned = learn_directions(z, [values[place] for place in known], name=name, seed=seed)
        self.directions_ |= {direction.name: direction for direction in learned}
        return learned

    def direction(self, name: str) -> Direction:
        """The direction ``label=value``, or the only one toward this ``value``.

        Raises:
            TextVAEError: there is none, or more than one.
        """
        found = [d for d in self.directions_.values() if name in (d.name, d.name.partition("=")[2])]
        if len(found) == 1:
            return found[0]
        if not self.directions_:
            raise TextVAEError("This model has no directions yet: learn some from texts with labels.")
        there = ", ".join(self.directions_)
        if found:
            raise TextVAEError(f"More than one direction leads toward {name}: there are {there}.")
        raise TextVAEError(f"There is no direction toward {name}: there are {there}.")

    def edit(
        self,
        texts: str | Iterable[str],
        toward: str,
        *,
        strength: float | Sequence[float] | None = None,
        release: int | Sequence[int] | None = None,
        keep: float | Sequence[float] | None = None,
        candidates: int = 5,
        seed: int = 0,
        **decoding: Unpack[Decoding],
    ) -> Any:  # list[Edit] for a str, a list of these for a list
        """Texts rewritten toward a value of a label: the best ``candidates`` of each, the best first.

        Args:
            texts: one text or several.
            toward: a direction learned before, ``label=value`` or ``value``.
            strength: how far to go, in standard deviations of all texts along the direction; of several, each is
                tried. By default 1.5, 3 and 5.
            release: how many words of the text may go, those that the direction speaks against most; by default 1 to 3.
            keep: nats that the others, in their order, are worth in writing; by default 4 and 8. With 0 a text is
                written from its moved latent alone.
            candidates: how many to give at most; equal ones count once.
            seed: of what is drawn.
            decoding: greedy unless another ``method`` is given; ``<unk>`` is written only if asked for.
        """
        check_is_fitted(self, "model_")
        direction = self.direction(toward)
        if candidates < 1:
            raise TextVAEError(f"The number of candidates must be at least 1, got {candidates}.")
        one, items = strings.one_or_more(texts)
        if not items:
            return []
        options: Decoding = {"max_length": self.config_.text.max_length, "allow_unknown": False, **decoding}
        found = edit(
            self.model_,
            Dataset(self.tokenizer_.encode(items)),
            direction,
            strengths=_several(strength, STRENGTHS),
            release=_several(release, RELEASE),
            keep=_several(keep, KEEP),
            seed=seed,
            **options,
        )
        lists = [self._as_strings(row[:candidates]) for row in found]
        return lists[0] if one else lists

    def _as_strings(self, row: Sequence[Any]) -> list[Edit]:
        texts = self.tokenizer_.decode_batch([c.ids for c in row])
        return [
            Edit(text, c.strength, c.reach, c.content, c.fluency, c.score)
            for text, c in zip(texts, row, strict=True)
        ]

    def analogy(self, a: str, b: str, c: str, *, seed: int = 0, **decoding: Unpack[Decoding]) -> str:
        """The text at z(a) − z(b) + z(c): what is to c as a is to b (Mikolov et al. 2013), greedily by default."""
        za, zb, zc = self.encode([a, b, c])
        return self.decode(za - zb + zc, seed=seed, **decoding)


def _several(given: Any, usual: Sequence[Any]) -> Sequence[Any]:
    chosen = usual if given is None else [given] if np.ndim(given) == 0 else list(given)
    if not chosen:
        raise TextVAEError("An edit needs at least one strength, one release and one keep.")
    return chosen


def write_directions(folder: Path, directions: Mapping[str, Direction]) -> None:
    """``directions.json`` and ``directions.safetensors``, where there are directions."""
    if not directions:
        return
    items = list(directions.values())
    named = {part: torch.from_numpy(np.stack([getattr(d, part) for d in items])) for part in _ARRAYS}
    write_tensors(folder / DIRECTION_TENSORS, named)
    about = [{"name": d.name, "bias": d.bias, "evidence": dict(d.evidence)} for d in items]
    write_json(folder / DIRECTIONS, about)


def read_directions(folder: Path) -> dict[str, Direction]:
    """The directions in a model's folder, by name.

    Raises:
        TextVAEError: they are damaged.
    """
    if not (folder / DIRECTIONS).exists():
        return {}
    about, named = read_json(folder / DIRECTIONS), read_tensors(folder / DIRECTION_TENSORS)
    try:
        rows = zip(*(named[part].numpy() for part in _ARRAYS), strict=True)
        items = [
            Direction(one["name"], *arrays, bias=one["bias"], evidence=one["evidence"])
            for one, arrays in zip(about, rows, strict=True)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise TextVAEError(
            f"{folder / DIRECTIONS} is damaged: it does not go with {DIRECTION_TENSORS}."
        ) from error
    return {direction.name: direction for direction in items}
