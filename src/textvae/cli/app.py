"""The commands put together, and what happens when one fails."""

from __future__ import annotations

import os
import sys
import time
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from textvae.cli import (
    bench,
    demo,
    evaluate,
    explain,
    explore,
    measure,
    options,
    presets,
    prior,
    reading,
    report,
    steer,
    topics,
    train,
    use,
)
from textvae.cli.console import out, out_json, say
from textvae.cli.spoken import LANG, speak_help, take_language
from textvae.errors import TextVAEError
from textvae.language import translate

_DEBUG = "--debug"


class _Commands(TyperGroup):
    """Ends a failed command with one sentence.

    Anywhere on the line, ``--debug`` shows the trace instead, and ``--lang`` says in which language to speak.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = args[: args.index("--")] if "--" in args else args
        ctx.meta["textvae.debug"] = _DEBUG in words
        rest = args[len(words) :]
        try:
            words = take_language([word for word in words if word != _DEBUG], os.environ)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        speak_help(self, ctx)
        return super().parse_args(ctx, words + rest)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            raise
        except TextVAEError as error:
            cause: Exception = error
            sentence = translate(str(error))
            if sentence and sentence[-1] not in ".!?。！？":
                sentence += translate(".")
            failure = f"error: {sentence}"
        except Exception as error:
            if type(error).__module__.partition(".")[0] in ("typer", "click"):
                if hasattr(error, "format_message"):  # wrong usage
                    usage = translate(error.format_message())  # pyright: ignore[reportAttributeAccessIssue]
                    error.format_message = lambda: usage  # pyright: ignore[reportAttributeAccessIssue]
                raise  # that, or a wish to exit
            cause = error
            reason = (str(error).strip() or "no reason given").splitlines()[0]
            failure = (
                f"error: {type(error).__name__}: {reason} (not foreseen: --debug shows where it came from)"
            )
        if ctx.meta["textvae.debug"]:
            traceback.print_exception(cause)
        say(failure)
        raise typer.Exit(1)


app = typer.Typer(
    name="textvae",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from textvae import __version__

        out(f"textvae {__version__}")
        raise typer.Exit


@app.callback()
def textvae(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show the stack trace of an error.")] = False,
    lang: Annotated[
        str | None, typer.Option(LANG, help="en or zh (default: TEXTVAE_LANG, else the locale).")
    ] = None,
) -> None:
    """Variational autoencoders for text: train one on your texts, measure it, and use it.

    textvae demo · textvae train reviews.txt -o MODEL · textvae sample MODEL
    """
    ctx.obj = ctx.obj or time.monotonic()  # from when a time budget counts


train.add_to(app)
evaluate.add_to(app)
use.add_to(app)
presets.add_to(app)
demo.add_to(app)
prior.add_to(app)
measure.add_to(app)
steer.add_to(app)
explain.add_to(app)
reading.add_to(app)
topics.add_to(app)
bench.add_to(app)
report.add_to(app)
explore.add_to(app)


@app.command()
def version(json: options.Json = False) -> None:
    """Show the versions of textvae and its libraries.

    Example: textvae version
    """
    from textvae.estimators.fitting import versions

    if json:
        out_json(versions())
        return
    for library, number in versions().items():
        out(f"{library} {number}")


def main() -> None:
    """The console script."""
    # a time budget counts from the start of the process: the processor time so far is what starting took
    started = time.monotonic() - time.process_time()
    command = typer.main.get_command(app)
    try:
        command.main(prog_name="textvae", obj=started)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
