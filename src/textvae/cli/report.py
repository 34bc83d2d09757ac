"""``textvae report``: a trained model on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textvae.cli import options
from textvae.cli.console import out_json, say, tell
from textvae.cli.models import any_model
from textvae.cli.texts import read_sources


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)


def report(
    model: options.Model,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Texts that were not trained on; without: what needs no texts."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The page (default: MODEL/report.html)."),
    ] = None,
    text_column: options.TextColumn = None,
    label_columns: options.LabelColumns = None,
    date_column: Annotated[
        str | None,
        typer.Option(
            help="Column of dates (2024-03-31): the course of a topic model's topics.",
            rich_help_panel=options.PANEL_TEXTS,
        ),
    ] = None,
    iw: options.ImportanceSamples = 20,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Write a page about a model to look at.

    One HTML file of less than 3 MB, which needs no network: how training went, figures with their meaning, what is
    wrong, a map of the texts in the colours of their labels, what each dimension means, reconstructions good and bad,
    new texts, ways between texts, and the least likely ones; of a topic model its topics, their words, sizes, documents
    and course. Of more than 2,000 texts, evenly spaced ones are used. --json prints all that is on it.

    Example: textvae report MODEL reviews.csv --label-column stars -o report.html
    """
    from dataclasses import asdict

    from textvae.report.page import write_report
    from textvae.store import REPORT

    vae = any_model(model, device)
    columns = [*(label_columns or []), *([date_column] if date_column else [])]
    corpus = read_sources(files, text_column, columns or None) if files else None
    path = output or model / REPORT
    content = write_report(
        vae, corpus, path, name=model.resolve().name, dates=date_column, iw_samples=iw, seed=seed, say=say
    )
    if json:
        out_json({"report": str(path), **asdict(content)})
        return
    tell(f"The report is in {path}: open it in a browser.")
