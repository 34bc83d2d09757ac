"""What can be asked of a space: one function an operation, from its request to its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from pydantic import BaseModel

from textvae.explore import messages as m
from textvae.explore.limits import Job
from textvae.explore.shown import numbers
from textvae.explore.space import Space
from textvae.latent.interpolate import interpolate as path_between
from textvae.noise import Use, prior_draws, stream
from textvae.text.read import clean_text
from textvae.types import UNK

Answer = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One address of the API: what it does, what it reads, if anything, and what it answers.

    ``joins`` names the list of a request that several requests may be made one by, if each entry of it has one entry
    of the answer's ``items`` that depends on nothing else in the list. Only writing from latents does, which a slider
    asks for many times a second. Texts of any lengths in batches of any size would be as many shapes to oneDNN, which
    keeps a plan for each of the last thousand: memory would grow with them.
    """

    name: str
    summary: str
    request: type[m.Request] | None
    answer: type[BaseModel]
    run: Callable[..., Answer]
    joins: str | None = None

    def job(self, space: Any, asked: Any) -> Job:
        """The operation on a space, with what a request asks for."""
        if self.joins is None or drawn(asked):
            return Job(lambda several: [self.run(space, one) for one in several], asked)
        size = len(getattr(asked, self.joins))
        key = f"{self.name} {asked.model_dump_json(exclude={self.joins})}"
        return Job(lambda several: self._joined(space, several), asked, size, key)

    def _joined(self, space: Any, several: list[Any]) -> list[Answer]:
        assert self.joins
        lists = [getattr(asked, self.joins) for asked in several]
        whole = several[0].model_copy(update={self.joins: list(chain.from_iterable(lists))})
        items = iter(self.run(space, whole)["items"])
        return [{"items": list(islice(items, len(own)))} for own in lists]


def drawn(asked: Any) -> bool:
    """Whether the answer is drawn: a row's noise is that of its place in the request."""
    return hasattr(asked, "writing") and asked.writing.method == "sample"


def describe(space: Space) -> Answer:
    """The model, and what of it can be turned."""
    return {
        "name": space.name,
        "latent_dim": space.latent_dim,
        "kind": "sentences",
        "texts": len(space.shown),
        "written": space.written,
        "explained": numbers(space.shown.plane.explained),
        "handles": [asdict(handle) | {"vector": numbers(handle.vector)} for handle in space.handles],
    }


def chart(space: Space) -> Answer:
    """Places, texts, latents and labels; of evenly spaced texts, if there are more than 5,000."""
    return space.shown.map()


def encode(space: Space, asked: m.EncodeRequest) -> Answer:
    """Each text's tokens, latent and place."""
    tokenizer = space.vae.tokenizer_
    texts = [clean_text(text) for text in asked.texts]
    z = space.vae.encode(texts)
    items = []
    for text, ids, place in zip(texts, tokenizer.encode(texts), _places(space, z), strict=True):
        pieces = zip(tokenizer.tokens(text), ids[1:-1], strict=True)
        tokens = [{"text": piece, "known": bool(i != UNK)} for piece, i in pieces]
        items.append({"text": text, "tokens": tokens, **place})
    return {"items": items}


def decode(space: Space, asked: m.DecodeRequest) -> Answer:
    """A text from each latent."""
    return {"items": _written(space, _latents(space, asked.z), asked.writing)}


def interpolate(space: Space, asked: m.InterpolateRequest) -> Answer:
    """Texts along the path from one text or latent to another."""
    a, b = _latents(space, [asked.a, asked.b])
    z = path_between(a, b, asked.steps, method=asked.path)
    shares = np.linspace(0, 1, asked.steps)
    items = _written(space, z, asked.writing)
    return {"items": [{"t": float(t), **item} for t, item in zip(shares, items, strict=True)]}


def analogy(space: Space, asked: m.AnalogyRequest) -> Answer:
    """The text at z(a) - z(b) + z(c)."""
    a, b, c = _latents(space, [asked.a, asked.b, asked.c])
    return {"items": _written(space, (a - b + c)[None], asked.writing)}


def edit(space: Space, asked: m.EditRequest) -> Answer:
    """The text written anew from further along the direction, with most of its words kept."""
    options = {"strength": asked.strength, "candidates": asked.candidates}
    return {"items": [found._asdict() for found in space.vae.edit(asked.text, asked.toward, **options)]}


def neighbours(space: Space, asked: m.NeighboursRequest) -> Answer:
    """The nearest texts of each text or latent."""
    return {"items": space.shown.near(_latents(space, asked.of), asked.k, asked.metric)}


def search(space: Space, asked: m.SearchRequest) -> Answer:
    """The first texts that contain some words."""
    return {"items": space.shown.search(asked.query, asked.k)}


def texts(space: Space, asked: m.TextsRequest) -> Answer:
    """Whole texts."""
    return {"items": space.shown.whole(asked.index)}


def sample(space: Space, asked: m.SampleRequest) -> Answer:
    """New texts: at a place on the map, what the map doesn't show being drawn as texts have it; or from anywhere."""
    seed, n = asked.writing.seed, asked.n
    if asked.at is None:
        z = prior_draws(space.vae.model_.prior(), n, seed).cpu().numpy()
    else:
        hidden = space.latent_dim - 2
        noise = np.stack([stream(seed, i, Use.PRIOR).standard_normal(hidden) for i in range(n)])
        z = space.shown.plane.lift(np.tile(asked.at, (n, 1)), noise)
    return {"items": _written(space, z, asked.writing)}


OPERATIONS = [
    Operation("model", "The model and what can be turned", None, m.ModelAnswer, describe),
    Operation("map", "Where the texts lie", None, m.MapAnswer, chart),
    Operation("encode", "Texts to latents", m.EncodeRequest, m.EncodeAnswer, encode),
    Operation("decode", "Latents to texts", m.DecodeRequest, m.WriteAnswer, decode, joins="z"),
    Operation("interpolate", "From one text to another", m.InterpolateRequest, m.PathAnswer, interpolate),
    Operation("analogy", "What is to c as a is to b", m.AnalogyRequest, m.WriteAnswer, analogy),
    Operation("edit", "A text rewritten toward a label's value", m.EditRequest, m.EditAnswer, edit),
    Operation("neighbours", "The nearest texts", m.NeighboursRequest, m.NeighboursAnswer, neighbours),
    Operation("search", "Texts with these words", m.SearchRequest, m.SearchAnswer, search),
    Operation("texts", "Texts by their numbers", m.TextsRequest, m.SearchAnswer, texts),
    Operation("sample", "New texts", m.SampleRequest, m.WriteAnswer, sample),
]


def _latents(space: Space, points: Sequence[str | Sequence[float]]) -> np.ndarray:
    """Texts and latents, mixed, as latents (N, Z)."""
    texts = [point for point in points if isinstance(point, str)]
    encoded = iter(space.vae.encode(texts)) if texts else iter(())
    rows = [next(encoded) if isinstance(point, str) else space.checked(point) for point in points]
    return np.stack(rows).astype(np.float32)


def _written(space: Space, z: np.ndarray, writing: m.Writing) -> list[Answer]:
    z = space.inside(z)
    texts = space.vae.decode(z, **writing.model_dump())
    return [{"text": text, **place} for text, place in zip(texts, _places(space, z), strict=True)]


def _places(space: Space, z: np.ndarray) -> list[Answer]:
    places = space.shown.plane.project(z)
    return [{"z": numbers(row), "place": numbers(place)} for row, place in zip(z, places, strict=True)]
