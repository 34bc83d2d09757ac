"""``textvae explore``: a page to play with the latent space."""

from __future__ import annotations

import json as json_module
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from textvae.cli import options
from textvae.cli.console import out, say
from textvae.cli.models import any_model
from textvae.cli.texts import read_sources
from textvae.errors import TextVAEError


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(explore)


def explore(
    model: options.Model,
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="Texts for the map and the search (default: the model's own)."),
    ] = None,
    explained: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="What textvae explain --json wrote: dimensions get their names."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that other machines reach needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8421,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="TEXTVAE_TOKEN",
            help="What requests must bring (default: a random one, where other machines can reach it).",
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Play with the latent space in a browser.

    Serves a page, and the same operations as a JSON API (/api.html), until Ctrl-C. Nothing leaves this machine. With
    FILE, at most 20,000 of its texts, evenly spaced, can be searched, and 5,000 of them are on the map.

    Example: textvae explore MODEL reviews.csv --label-column stars
    """
    from textvae.explore import LOOPBACK
    from textvae.explore import explore as serve

    vae = any_model(model, device)
    corpus = None if file is None else read_sources([file], text_column, label_column)
    if token is None and host not in LOOPBACK:
        token = secrets.token_urlsafe(16)

    def started(address: str) -> None:
        if json:
            out(json_module.dumps({"url": address}))
            sys.stdout.flush()
        else:
            say(f"Open {address} (Ctrl-C ends it)")

    serve(
        vae,
        corpus,
        name=model.resolve().name,
        meanings=None if explained is None else _names(explained),
        host=host,
        port=port,
        token=token or None,
        started=started,
    )


def _names(path: Path) -> dict[int, str]:
    """The names of dimensions in an explanation."""
    from textvae.store import read_json

    if not path.is_file():
        raise TextVAEError(f"There is no file {path}.")
    try:
        return {int(row["dimension"]): str(row["name"]) for row in read_json(path) if row["explained"]}
    except (KeyError, TypeError, ValueError) as error:
        raise TextVAEError(f"{path} is not what textvae explain --json writes.") from error
