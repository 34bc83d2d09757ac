"""Parts by kind and name: adding one is one file with one ``@register``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from pydantic import BaseModel, ConfigDict

from textvae.errors import TextVAEError

# kind -> the package whose modules register its parts
ROOMS = {
    "encoder": "textvae.encoders",
    "posterior": "textvae.posteriors",
    "prior": "textvae.priors",
    "decoder": "textvae.decoders",
    "objective": "textvae.objectives",
}


class PartConfig(BaseModel):
    """What every part's options derive from: unknown options are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def needs(self) -> frozenset[str]:
        """What the part needs of the others with just these options, beside what it needs with any."""
        return frozenset()

    @property
    def fixed_rate(self) -> bool:
        """Whether a posterior's KL is what it is, however its weight is moved."""
        return False

    def check_latent_dim(self, latent_dim: int) -> None:
        """Raises ``ValueError`` where the part can't be of so many dimensions."""


@dataclass(frozen=True)
class Entry:
    """A registered part: its class, its options, what it offers and what it needs of the others.

    ``defaults`` are the parts that go with it unless others are asked for: kind -> name.
    """

    kind: str
    name: str
    cls: type
    config: type[PartConfig]
    provides: frozenset[str]
    requires: frozenset[str]
    defaults: Mapping[str, str] = field(default_factory=dict)


_ENTRIES: dict[tuple[str, str], Entry] = {}


def register(
    kind: str,
    name: str,
    config: type[PartConfig],
    *,
    provides: tuple[str, ...] = (),
    requires: tuple[str, ...] = (),
    defaults: Mapping[str, str] | None = None,
) -> Callable[[type], type]:
    """Class decorator that files a part under ``kind`` and ``name``."""

    def file(cls: type) -> type:
        assert (kind, name) not in _ENTRIES, f"{kind} {name} registered twice"
        _ENTRIES[kind, name] = Entry(
            kind, name, cls, config, frozenset(provides), frozenset(requires), defaults or {}
        )
        return cls

    return file


@cache
def _load(kind: str) -> None:
    room = importlib.import_module(ROOMS[kind])
    for module in pkgutil.iter_modules(room.__path__):
        importlib.import_module(f"{room.__name__}.{module.name}")


def names(kind: str) -> list[str]:
    """The names registered under ``kind``, sorted."""
    _load(kind)
    return sorted(name for k, name in _ENTRIES if k == kind)


def find(kind: str, name: str) -> Entry:
    """The part ``name`` of ``kind``.

    Raises:
        TextVAEError: no such part; the message lists those there are.
    """
    _load(kind)
    if (kind, name) not in _ENTRIES:
        raise TextVAEError(f"There is no {kind} called '{name}'; there are: {', '.join(names(kind))}.")
    return _ENTRIES[kind, name]
