"""``textvae directions``, ``edit`` and ``analogy``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out, out_json, show_table, tell
from textvae.cli.models import text_model
from textvae.cli.texts import read_sources, read_texts


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (directions, edit, analogy):
        app.command()(command)


def directions(
    model: options.Model,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Labelled texts; or two files or more, one for each value."),
    ] = None,
    label_column: options.LabelColumn = None,
    name: Annotated[
        str | None,
        typer.Option("--name", "-o", help="Name of the label (default: its column's, or 'label')."),
    ] = None,
    text_column: options.TextColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Learn directions of the latent space from labels, or list those a model has.

    One toward each value of the label, by the difference of means and by a linear probe, kept in the model's folder.
    Accuracies are on texts not learned from, with their 95% interval; the control has its labels shuffled.

    Example: textvae directions MODEL reviews.csv --label-column sentiment
    """
    from textvae.estimators.steering import write_directions

    vae = text_model(model, device)
    if files:
        sets = _labelled(files, text_column, label_column)
        vae.directions(*sets, name=name or (label_column if label_column else "label"), seed=seed)
        write_directions(model, vae.directions_)
    found = vae.directions_
    if json:
        out_json([{"name": d.name, **d.evidence} for d in found.values()])
        return
    if not found:
        tell("This model has no directions yet: give a file of labelled texts and its --label-column.")
        return
    headers = ("direction", "texts", "share", "majority", "mean difference", "probe", "labels shuffled")
    show_table(
        [_row(d.name, d.evidence) for d in found.values()], "Accuracy on texts not learned from", headers
    )
    if files:
        tell(f'Kept in {model}. Next: textvae edit {model} "a text" --toward {next(reversed(found))}')


def _labelled(files: list[str], text_column: str | None, label_column: str | None) -> tuple[Any, ...]:
    """Texts and labels of files with a column of labels, or sets of texts by the names of their files."""
    if label_column is not None:
        corpus = read_sources(files, text_column, label_column)
        (labels,) = corpus.labels.values()
        return corpus.texts, labels
    if len(files) < 2:
        raise typer.BadParameter("give a --label-column, or two files of texts or more, one for each value")
    return ({Path(file).name.partition(".")[0]: read_sources([file], text_column).texts for file in files},)


def _row(name: str, evidence: Mapping[str, Any]) -> tuple[str, ...]:
    def accuracy(kind: str) -> str:
        found = evidence[kind]
        return f"{found['accuracy']:.1%} ({found['low']:.1%} to {found['high']:.1%})"

    kinds = map(accuracy, ("mean_difference", "probe", "control"))
    return (
        name,
        f"{evidence['n_texts']:,}",
        f"{evidence['share']:.1%}",
        f"{evidence['majority']:.1%}",
        *kinds,
    )


def edit(
    model: options.Model,
    texts: options.Texts = None,
    toward: Annotated[
        str, typer.Option("--toward", metavar="NAME", help="A direction: label=value, or the value alone.")
    ] = ...,  # pyright: ignore[reportArgumentType]
    strength: Annotated[
        list[float] | None,
        typer.Option(
            "--strength",
            help="How far, in standard deviations of all texts; repeatable (default: 1.5, 3, 5).",
        ),
    ] = None,
    release: Annotated[
        list[int] | None,
        typer.Option("--release", min=0, help="How many words may go; repeatable (default: 1, 2, 3)."),
    ] = None,
    keep: Annotated[
        list[float] | None,
        typer.Option("--keep", help="Nats that the other words are worth; repeatable (default: 4, 8)."),
    ] = None,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Candidates of each text, at most.")] = 5,
    greedy: options.Greedy = False,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    beam: options.Beam = None,
    text_column: options.TextColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Rewrite texts toward a value of a label.

    A candidate is written for every --strength, --release and --keep. The best comes first, by how surely it reaches
    the value (the direction's probe on the candidate, encoded again), how much of the text it keeps, and how likely the
    model finds it; the score is the product of the three.

    Example: textvae edit MODEL "the food was bland" --toward positive
    """
    writing = options.decoding(greedy, temperature, top_p, beam, True, "greedy")
    vae = text_model(model, device)
    vae.direction(toward)  # a mistake is told before texts are asked for
    corpus = read_texts(texts, text_column)
    found = vae.edit(
        corpus.texts,
        toward,
        strength=strength or None,
        release=release or None,
        keep=keep or None,
        candidates=n,
        seed=seed,
        **writing,
    )
    if json:
        pairs = zip(corpus.texts, found, strict=True)
        out_json([{"text": text, "edits": [edit._asdict() for edit in row]} for text, row in pairs])
        return
    for text, row in zip(corpus.texts, found, strict=True):
        cells = [
            (e.text, *(f"{x:.2f}" for x in (e.score, e.reach, e.content, e.fluency, e.strength))) for e in row
        ]
        show_table(cells, text, (f"toward {toward}", "score", "reach", "content", "fluency", "strength"))


def analogy(
    model: options.Model,
    a: Annotated[str, typer.Argument(metavar="A", help="A text …")],
    b: Annotated[str, typer.Argument(metavar="B", help="… that is to this one …")],
    c: Annotated[str, typer.Argument(metavar="C", help="… as the answer is to this one.")],
    greedy: options.Greedy = False,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    beam: options.Beam = None,
    no_unknown: options.NoUnknown = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Write the text at A - B + C: what is to C as A is to B.

    Example: textvae analogy MODEL "the food is good" "the food was good" "the staff was rude"
    """
    writing = options.decoding(greedy, temperature, top_p, beam, no_unknown, "greedy")
    text = text_model(model, device).analogy(a, b, c, seed=seed, **writing)
    if json:
        out_json({"text": text})
        return
    out(text)
