"""``textvae rotate``, ``attribute`` and ``certainty``: other axes, what puts a text where it is, how sure."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out_json, show_table, tell
from textvae.cli.models import text_model
from textvae.cli.texts import read_sources, read_texts
from textvae.language import translate


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (rotate, attribute, certainty):
        app.command()(command)


def rotate(
    model: options.Model,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Texts to choose the axes by.")],
    method: Annotated[
        str,
        typer.Option(
            "--method", help="varimax: few words an axis; ica: independent axes; labels: an axis for each."
        ),
    ] = "varimax",
    output: options.ChangedModel = None,
    text_column: options.TextColumn = None,
    label_columns: options.LabelColumns = None,
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Turn the axes of the latent space to those that read best.

    The likelihood of every text stays what it was, as the prior has no axes of its own; from then on the model encodes
    into the rotated coordinates and writes from them.

    Example: textvae rotate MODEL reviews.txt --method varimax -o ROTATED
    """
    from textvae.estimators.folder import ModelFolder

    vae = text_model(model, device)
    target = model if output is None else output
    ModelFolder(target, overwrite=overwrite or output is None)
    corpus = read_sources(files, text_column, label_columns)
    wanted: Any = method
    report = vae.rotate(corpus, wanted, seed=seed)
    vae.save_pretrained(target)
    if json:
        out_json({"model": str(target), **report})
        return
    tell(f"ELBO {report['elbo_before']:.4f} before and {report['elbo_after']:.4f} after, nats per text.")
    for name, axis in report["labels"].items():
        tell(f"dimension {axis}: {name}")
    tell(f"The model is in {target}. Next: textvae explain {target} {' '.join(files)}")


def attribute(
    model: options.Model,
    dimension: Annotated[
        str, typer.Option("--dimension", "-d", help="A dimension's number, or the name of a direction.")
    ],
    texts: options.Texts = None,
    text_column: options.TextColumn = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Show which tokens put a text where it is on a dimension.

    By integrated gradients, whose sum is checked against the position, and by occlusion: what changes when a token
    becomes unknown.

    Example: textvae attribute MODEL "the food was not bad" -d 3
    """
    vae = text_model(model, device)
    chosen = int(dimension) if dimension.isdecimal() else dimension
    found = vae.attribute(read_texts(texts, text_column).texts, chosen)
    if json:
        out_json(found)
        return
    for each in found:
        _show(each)


def certainty(
    model: options.Model,
    texts: options.Texts = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Texts of the kind it knows (default: the model writes some)."),
    ] = None,
    text_column: options.TextColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Say how sure a model is of texts.

    How wide q(z|x) is and whether such widths hold what they say, and how far each text is from those the model knows,
    by its likelihood and its latent.

    Example: textvae certainty MODEL new.txt --reference reviews.txt
    """
    vae = text_model(model, device)
    known = None if reference is None else read_sources([reference], text_column)
    found = vae.certainty(read_texts(texts, text_column).texts, reference=known, seed=seed)
    if json:
        out_json(found)
        return
    rows = [
        (f"{each['surprise']:+.1f}", f"{each['rank']:.0%}", f"{fmean(each['stddev']):.2f}", each["text"])
        for each in sorted(found["texts"], key=lambda each: -each["surprise"])
    ]
    show_table(rows, "The most surprising first", ("surprise", "more than", "width", "text"))
    tell(
        f"More than: the share of {found['n_reference']:,} texts of the kind it knows that surprise it less."
    )
    calibration = found["calibration"]
    for level, share in zip(calibration["levels"], map(fmean, calibration["coverage"]), strict=True):
        tell(f"The interval of q(z|x) that should hold z for {level:.0%} of texts holds it for {share:.0%}.")


def _show(each: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    top = max((abs(token["gradient"]) for token in each["tokens"]), default=0.0) or 1.0
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "left", "right"):
        table.add_column(justify=justify)
    for token in each["tokens"]:
        style = "green" if token["gradient"] > 0 else "red"
        bar = "▇" * round(20 * abs(token["gradient"]) / top)
        table.add_row(
            Text(token["token"]),
            f"{token['gradient']:+.2f}",
            Text(bar, style),
            Text(translate(f"occlusion {token['occlusion']:+.2f}"), "dim"),
        )
    console.print(Text(each["text"], "bold"))
    tell(
        f"on {each['dimension']} at {each['position']:+.2f}: {each['baseline']:+.2f} of as many unknown words, "
        f"and its tokens (sum checked to {abs(each['gap']):.3f}; occlusion correlates {_number(each['agreement'])})"
    )
    console.print(table)
    console.print()


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
