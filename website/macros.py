"""Pages that are made from the code: presets, parts with their options, commands."""

from __future__ import annotations

import builtins
import re
import tomllib
import types
import typing
from collections.abc import Iterator
from importlib import resources
from typing import Any, get_args, get_origin

import typer.main
from pydantic import BaseModel

from textvae.cli import app
from textvae.config import TextConfig, TrainConfig
from textvae.presets import load_preset, preset_names
from textvae.registry import ROOMS, find, names


def define_env(env: Any) -> None:
    """Called by the site generator: each of these is ``{{ name() }}`` on a page."""
    for macro in (presets, parts, commands):
        env.macro(macro)


def presets() -> str:
    """A section for each preset: what, from where, how it departs, and its file."""
    return "\n\n".join(map(_preset, preset_names()))


def _preset(name: str) -> str:
    preset = load_preset(name)
    file = (resources.files("textvae.presets") / f"{name}.toml").read_text(encoding="utf-8")
    options = file.replace(file[file.index("[preset]") : _end_of_table(file, "[preset]")], "")
    assert tomllib.loads(options) == preset.config
    return "\n\n".join(
        [
            f"## {name}",
            f"**{preset.title}.** {preset.source}.",
            f"*Departs from it:* {preset.deviations}",
            f"```toml\n{options.strip()}\n```",
        ]
    )


def _end_of_table(file: str, head: str) -> int:
    after = file.find("\n[", file.index(head) + len(head))
    return len(file) if after < 0 else after + 1


def parts() -> str:
    """A section for each kind of part: every part with what it is, and a table of its options."""
    kinds = [f"## {kind}\n\n" + "\n\n".join(_part(kind, name) for name in names(kind)) for kind in ROOMS]
    sections = [
        f"## {name}\n\n{_sentence(config)}\n\n{_options(config, name)}"
        for name, config in (("text", TextConfig), ("train", TrainConfig))
    ]
    return "\n\n".join(kinds + sections)


def _part(kind: str, name: str) -> str:
    entry = find(kind, name)
    return f"### {kind} `{name}`\n\n{_sentence(entry.cls)}\n\n{_options(entry.config, kind)}"


def _sentence(documented: type) -> str:
    """The first paragraph of a docstring."""
    doc = documented.__dict__.get("__doc__") or ""
    return re.sub(r"([_*])", r"\\\1", _cell(doc.strip().split("\n\n")[0]))


def _options(config: type[BaseModel], section: str) -> str:
    fields = config.model_fields
    if not fields:
        return "No options."
    rows = [
        f"| `{section}.{name}` | `{_type(field.annotation)}` | `{field.default}` | {field.description or ''} |"
        for name, field in fields.items()
    ]
    return "\n".join(["| option | type | default | |", "|---|---|---|---|", *rows])


def _type(annotation: Any) -> str:
    """``int``, ``'a' or 'b'``, ``float or none``, ``list of int``."""
    inner = get_args(annotation)
    match get_origin(annotation):
        case typing.Literal:
            return " or ".join(map(repr, inner))
        case typing.Annotated:
            return _type(inner[0])
        case typing.Union | types.UnionType:
            return " or ".join(map(_type, inner))
        case builtins.tuple:
            return f"list of {_type(inner[0])}"
    return "none" if annotation is type(None) else annotation.__name__


def commands() -> str:
    """A section for each command: its help, its arguments and its options."""
    group: Any = typer.main.get_command(app)
    return "\n\n".join(
        _command(name, command) for name, command in group.commands.items() if not command.hidden
    )


def _command(name: str, command: Any) -> str:
    lines = [f"## textvae {name}", *_help(command.help or "")]
    rows = [f"| {_names(p)} | {_cell(p.help or '')} |" for p in command.params if p.name != "help"]
    return "\n\n".join([*lines, "\n".join(["| argument or option | |", "|---|---|", *rows])])


def _help(text: str) -> Iterator[str]:
    """The paragraphs of a docstring; the example as code."""
    for paragraph in text.split("\n\n"):
        before, example, after = paragraph.partition("Example: ")
        yield f"```console\n$ {' '.join(after.split())}\n```" if example and not before else _cell(paragraph)


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_cell(parameter.metavar or parameter.name.upper())}`"
    return ", ".join(f"`{name}`" for name in parameter.opts)


def _cell(text: str) -> str:
    """A text in one line, with nothing in it that a table or HTML would take for its own."""
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")
