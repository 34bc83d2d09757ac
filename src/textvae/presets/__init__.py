"""Ready configurations, one TOML file per paper or recipe."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from textvae.errors import TextVAEError


@dataclass(frozen=True)
class Preset:
    """A recipe: what it is, where it comes from, how it departs from that, and its configuration."""

    name: str
    title: str
    source: str
    deviations: str
    config: dict[str, Any]


def preset_names() -> list[str]:
    """All presets, sorted."""
    files = resources.files(__name__).iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def load_preset(name: str) -> Preset:
    """The preset ``name``.

    Raises:
        TextVAEError: no such preset; the message lists those there are.
    """
    if name not in preset_names():
        raise TextVAEError(f"There is no preset called '{name}'; there are: {', '.join(preset_names())}.")
    tree = tomllib.loads((resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))
    about = tree.pop("preset")
    return Preset(name, about["title"], about["source"], about["deviations"], tree)
