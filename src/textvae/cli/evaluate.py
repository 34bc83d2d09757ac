"""``textvae evaluate`` and ``textvae doctor``: how good a model is, and what is wrong with it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from textvae.cli import options
from textvae.cli.console import out, out_json, read_sources, say_dropped, show_table


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(evaluate)
    app.command()(doctor)


def evaluate(
    model: options.Model,
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Texts that were not trained on.")],
    iw: Annotated[int, typer.Option("--iw", help="Samples a text for the likelihood.")] = 500,
    text_column: options.TextColumn = None,
    split: Annotated[
        str | None, typer.Option(help="lines (one text a line) or sentences (default: lines).")
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure a model on texts.

    Likelihood, what the latent carries, and how well texts are reconstructed.

    Example: textvae evaluate MODEL test.txt --iw 500 --json
    """
    from textvae.estimators import TextVAE
    from textvae.estimators.card import figures

    vae = TextVAE.from_pretrained(model, device=device)
    corpus = read_sources(files, text_column, None, split)
    say_dropped(corpus)
    measured = vae.evaluate(corpus, iw_samples=iw, seed=seed, show_progress_bar=sys.stderr.isatty())
    if json:
        out_json(measured)
        return
    show_table(
        figures(measured), f"{model} on {measured['n_texts']:,} texts, {measured['n_tokens']:,} tokens"
    )
    out(f"{measured['estimator']}.")
    for warning in measured["warnings"]:
        out(f"! {warning}")


def doctor(
    model: options.Model,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE…]", help="Texts to examine it on; without: as training left it."),
    ] = None,
    text_column: options.TextColumn = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Say what is wrong with a model.

    Each finding with its evidence and what to try.

    Example: textvae doctor MODEL
    """
    from textvae.estimators import TextVAE

    vae = TextVAE.from_pretrained(model, device=device)
    corpus = read_sources(files, text_column) if files else None
    if corpus is not None:
        say_dropped(corpus)
    found = vae.diagnose(corpus)
    if json:
        out_json({"findings": found})
        return
    for finding in found:
        out(f"{finding['severity']}: {finding['name']}")
        out(f"  evidence: {finding['evidence']}")
        out(f"  try: {finding['advice']}")
    if not found:
        out("Nothing found: the latent is used, the vocabulary fits, and the training was long enough.")
