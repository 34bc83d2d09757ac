"""The help of commands in the language in use."""

from __future__ import annotations

from typing import Any

from textvae.language import LANGUAGES, preferred, translate, use

LANG = "--lang"
_ARGUMENTS, _OPTIONS, _COMMANDS = "Arguments", "Options", "Commands"  # how typer heads them


def take_language(words: list[str], environment: Any) -> list[str]:
    """Puts the language in use that ``--lang``, anywhere among the words, or else the environment asks for.

    Returns the words without it.

    Raises:
        ValueError: ``--lang`` without a language, or with one that there is no catalogue for.
    """
    chosen, rest = preferred(environment), []
    given = iter(words)
    for word in given:
        name, equals, value = word.partition("=")
        if name != LANG:
            rest.append(word)
            continue
        chosen = value if equals else next(given, "")
        if chosen not in LANGUAGES:
            raise ValueError(f"{LANG} takes one of {', '.join(LANGUAGES)}, not '{chosen}'")
    use(chosen)
    return rest


def speak_help(command: Any, context: Any) -> None:
    """Lets a command, and those below it, give their help in the language in use; the context is the command's own.

    A paragraph becomes one line, which the terminal breaks where it ends, not where the source's lines do.
    """
    command.help = "\n\n".join(map(translate, _paragraphs(command.help or "")))
    for parameter in _parameters(command, context):
        parameter.rich_help_panel = translate(_panel(parameter))
        if getattr(parameter, "help", None):
            parameter.help = translate(_line(parameter.help))
    for below in getattr(command, "commands", {}).values():
        below.rich_help_panel = translate(_COMMANDS)
        speak_help(below, below.context_class(below, parent=context))


def _parameters(command: Any, context: Any) -> list[Any]:
    return [*command.params, command.get_help_option(context)]


def _panel(parameter: Any) -> str:
    usual = _ARGUMENTS if parameter.param_type_name == "argument" else _OPTIONS
    return parameter.rich_help_panel or usual


def _paragraphs(text: str) -> list[str]:
    return [_line(paragraph) for paragraph in text.split("\n\n") if paragraph.strip()]


def _line(text: str) -> str:
    return " ".join(text.split())
