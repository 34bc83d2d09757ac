"""``textvae presets``: the ready configurations."""

from __future__ import annotations

from typing import Annotated

import typer

from textvae.cli import options
from textvae.cli.console import out, out_json, show_table


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(
        help="Ready configurations: list them, or show one.\n\nExample: textvae presets list",
        no_args_is_help=True,
    )
    group.command("list")(list_presets)
    group.command("show")(show_preset)
    app.add_typer(group, name="presets")


def list_presets(json: options.Json = False) -> None:
    """List the presets.

    Example: textvae presets list
    """
    from textvae.presets import load_preset, preset_names

    presets = [load_preset(name) for name in preset_names()]
    if json:
        out_json([{"name": p.name, "title": p.title, "source": p.source} for p in presets])
        return
    show_table([(p.name, p.title, p.source) for p in presets])


def show_preset(
    name: Annotated[str, typer.Argument(help="A preset's name.")], json: options.Json = False
) -> None:
    """Show a preset with everything it leaves at its default.

    Example: textvae presets show default
    """
    from textvae.config import read_config
    from textvae.presets import load_preset

    preset = load_preset(name)
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
