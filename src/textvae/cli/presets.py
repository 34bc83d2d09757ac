"""``textvae presets``: the ready configurations."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli import options
from textvae.cli.console import out, out_json, show_table

if TYPE_CHECKING:
    from textvae.presets import Preset


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(presets)


def presets(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A preset to show; without: list them.")
    ] = None,
    json: options.Json = False,
) -> None:
    """List the ready configurations and what they are models of, or show one with all its options.

    Example: textvae presets default
    """
    from textvae.config import read_config
    from textvae.presets import load_preset, preset_names

    if name is not None:
        _show(load_preset(name), json)
        return
    known = [load_preset(each) for each in preset_names()]
    of = [read_config(p.config).reads for p in known]
    if json:
        listed = zip(known, of, strict=True)
        out_json([{"name": p.name, "reads": r, "title": p.title, "source": p.source} for p, r in listed])
        return
    show_table(
        [(p.name, r, p.title, p.source) for p, r in sorted(zip(known, of, strict=True), key=itemgetter(1))]
    )


def _show(preset: Preset, json: bool) -> None:
    from textvae.config import read_config

    config = read_config(preset.config).model_dump(mode="json")
    about = {"name": preset.name, "title": preset.title, "source": preset.source}
    about["deviations"] = preset.deviations
    if json:
        out_json({**about, "config": config})
        return
    for key, value in about.items():
        out(f"# {key}: {value}")
    for line in _toml(config):
        out(line)


def _toml(tree: dict, section: str = "") -> list[str]:
    """The tree as TOML; what is None has no line, as TOML has no word for it."""
    plain = {k: v for k, v in tree.items() if not isinstance(v, dict) and v is not None}
    lines = ["", f"[{section}]"] if section and plain else []
    lines += [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += _toml(value, f"{section}.{key}" if section else key)
    return lines


def _value(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
