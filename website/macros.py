"""Pages that are made from the code: presets, parts with their options, commands, the HTTP API."""

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
from textvae.explore.openapi import FAILURES
from textvae.explore.operations import OPERATIONS, Operation
from textvae.presets import load_preset, preset_names
from textvae.registry import ROOMS, find, names


def define_env(env: Any) -> None:
    """Called by the site generator: each of these is ``{{ name() }}`` on a page."""
    for macro in (presets, parts, commands, operations):
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


def _sentence(documented: Any) -> str:
    """The first paragraph of a docstring."""
    doc = documented.__doc__ or ""
    return re.sub(r"([_*])", r"\\\1", _cell(doc.strip().split("\n\n")[0]))


def _options(config: type[BaseModel], section: str) -> str:
    return _fields(config, f"{section}.") or "No options."


def _fields(model: type[BaseModel], prefix: str = "") -> str:
    """A table of what a model of pydantic holds; nothing where that is nothing."""
    rows = [
        f"| `{prefix}{name}` | `{_type(field.annotation)}` | {_default(field)} | {_cell(field.description or '')} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join(["| | type | default | |", "|---|---|---|---|", *rows]) if rows else ""


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    default = field.default
    return f"`{default}`" if not isinstance(default, BaseModel) else f"as of `{type(default).__name__}`"


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
        case builtins.tuple | builtins.list:
            return f"list of {_type(inner[0])}"
    return "none" if annotation is type(None) else annotation.__name__


def commands() -> str:
    """A section for each command: its help, its arguments and its options."""
    return "\n\n".join(_commands("textvae", typer.main.get_command(app)))


def _commands(line: str, group: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(f"{line} {name}", command)
        else:
            yield _command(f"{line} {name}", command)


def _command(line: str, command: Any) -> str:
    rows = [f"| {_names(p)} | {_cell(p.help or '')} |" for p in command.params if p.name != "help"]
    table = "\n".join(["| argument or option | |", "|---|---|", *rows])
    return "\n\n".join([f"## {line}", *_help(command.help or ""), table])


def _help(text: str) -> Iterator[str]:
    """The paragraphs of a docstring; the example as code."""
    for paragraph in text.split("\n\n"):
        before, example, after = paragraph.partition("Example: ")
        yield f"```console\n$ {' '.join(after.split())}\n```" if example and not before else _cell(paragraph)


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = (parameter.metavar or parameter.name.upper()) + ("…" if parameter.nargs != 1 else "")
        return f"`{_cell(name if parameter.required else f'[{name}]')}`"
    return ", ".join(f"`{name}`" for name in parameter.opts)


def _cell(text: str) -> str:
    """A text in one line, with nothing in it that a table or HTML would take for its own."""
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")


def operations() -> str:
    """A section for each operation of the explorer's API: what it asks for and answers; then the messages' parts."""
    sections = [_operation(operation) for operation in OPERATIONS]
    failures = "\n".join(
        ["| status | |", "|---|---|", *(f"| {status} | {why} |" for status, why in FAILURES.items())]
    )
    inside = "\n\n".join(
        f"### {part.__name__}\n\n{_sentence(part)}\n\n{_fields(part)}" for part in _parts_of_messages()
    )
    return "\n\n".join(
        [*sections, f"## Inside requests and answers\n\n{inside}", f"## Failures\n\n{failures}"]
    )


def _operation(operation: Operation) -> str:
    method = "GET" if operation.request is None else "POST"
    told = [f"## {method} /api/{operation.name}", f"{operation.summary}. {_sentence(operation.run)}"]
    if operation.request is not None:
        told += [f"**Request.** {_sentence(operation.request)}", _fields(operation.request)]
    return "\n\n".join([*told, f"**Answer.** {_sentence(operation.answer)}", _fields(operation.answer)])


def _parts_of_messages() -> list[type[BaseModel]]:
    """What the fields of messages are made of, each once."""
    found: dict[type[BaseModel], None] = {}
    waiting: list[Any] = [m for o in OPERATIONS for m in (o.request, o.answer) if m is not None]
    for message in waiting:
        for part in [p for field in message.model_fields.values() for p in _models(field.annotation)]:
            if part not in found:
                found[part] = None
                waiting.append(part)
    return list(found)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
