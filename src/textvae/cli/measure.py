"""``textvae probe`` and ``textvae disentangle``: what of the texts' labels is in the latent, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out_json, show_figures, show_table
from textvae.cli.models import text_model
from textvae.cli.texts import read_sources

_METRICS = (
    ("mig", "MIG", "how much more the best axis tells of a factor than the second best"),
    ("completeness", "DCI completeness", "whether a factor lies on one axis"),
    ("sap", "SAP", "how much better the best axis predicts a factor than the second best"),
    ("disentanglement", "DCI disentanglement", "whether an axis serves one factor"),
    ("modularity", "modularity", "whether an axis tells of one factor"),
    ("irs", "IRS", "how little an axis moves while its factor stays and the others change"),
    ("z_diff", "z-diff", "of pairs alike in one factor: which one? by a linear classifier"),
    ("z_min_var", "z-min-var", "of texts alike in one factor: which one? by the axis that varies least"),
    ("informativeness", "DCI informativeness", "accuracy of predicting the factors from all axes"),
)

_Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Labelled texts that were not trained on.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(probe)
    app.command()(disentangle)


def probe(
    model: options.Model,
    files: _Files,
    label_column: options.LabelColumns = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    text_column: options.TextColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure how well a linear model reads labels off latents.

    The score is the accuracy of a logistic regression on texts that it was not fitted on, or R2 of a ridge regression
    for numbers, with its standard error over the texts. Beside it: the score without latents, and a control, the same
    with labels shuffled among the texts.

    Example: textvae probe MODEL reviews.csv --label-column stars
    """
    vae, corpus = _read(model, files, text_column, label_column, device)
    found = vae.probe(corpus, folds=folds, seed=seed)
    if json:
        out_json(found)
        return
    rows = [
        (
            name,
            f"{p['score']:.3f} ± {p['stderr']:.3f}",
            f"{p['baseline']:.3f}",
            f"{p['control']:.3f}",
            p["measure"],
            f"{p['n_texts']:,}",
            str(p["n_classes"] or ""),
        )
        for name, p in found.items()
    ]
    headers = ("label", "score", "without z", "control", "measure", "texts", "classes")
    show_table(rows, f"{model}: labels read off latents", headers)


def disentangle(
    model: options.Model,
    files: _Files,
    label_column: options.LabelColumns = None,
    text_column: options.TextColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure whether each of several labels has a dimension of its own.

    Labels are taken for the factors that the texts vary in; two are needed at least. Seven published metrics, 0 to 1,
    of the dimensions that are active.

    Example: textvae disentangle MODEL grammar
    """
    vae, corpus = _read(model, files, text_column, label_column, device)
    found = vae.disentangle(corpus, seed=seed)
    if json:
        out_json(found)
        return
    rows = [(name, f"{found[key]:.3f}", meaning) for key, name, meaning in _METRICS]
    show_figures(rows, f"{model}: {len(found['dimensions'])} active dimensions on {found['n_texts']:,} texts")
    carriers = [
        (
            carrier["factor"],
            str(carrier["axis"]),
            f"{carrier['information']:.2f} of {carrier['entropy']:.2f} nats",
        )
        for carrier in found["carriers"]
    ]
    show_figures(carriers, "", ("factor", "dimension", "information"))


def _read(
    model: Path,
    files: list[str],
    text_column: str | None,
    label_columns: list[str] | None,
    device: str,
) -> tuple[Any, Any]:
    """The model, and the texts with their labels."""
    return text_model(model, device), read_sources(files, text_column, label_columns)
