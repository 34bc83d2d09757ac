"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

# how the help of a command heads its groups of options
PANEL_TEXTS = "Texts"
PANEL_MODEL = "What to train"
PANEL_LENGTH = "How long"
PANEL_WRITING = "How texts are written"

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all that is drawn.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
ImportanceSamples = Annotated[int, typer.Option("--iw", min=1, help="Samples a text for the likelihood.")]

# ---------------------------------------------------------------------- texts that are read

Texts = Annotated[
    list[str] | None, typer.Argument(metavar="TEXT|FILE|-", help="Texts, a file of them, or - for stdin.")
]
TextColumn = Annotated[
    str | None,
    typer.Option(
        "--text-column", help="Column of the texts, by name or counted from 0.", rich_help_panel=PANEL_TEXTS
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column", help="Column of the label, by name or counted from 0.", rich_help_panel=PANEL_TEXTS
    ),
]
LabelColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--label-column",
        help="Column of a label, repeatable (default: all of a built-in corpus).",
        rich_help_panel=PANEL_TEXTS,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        "--split",
        help="lines (one text a line) or sentences (default: lines).",
        rich_help_panel=PANEL_TEXTS,
    ),
]

# ---------------------------------------------------------------------- models that are made

NewModel = Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="Folder for the model.")]
ChangedModel = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="OUT", help="Folder for the new model (default: MODEL itself)."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a model that is there.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        help='Options laid on the preset, which the file may name: preset = "NAME".',
        rich_help_panel=PANEL_MODEL,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=C", help="Any option; repeatable.", rich_help_panel=PANEL_MODEL),
]
Steps = Annotated[
    int | None, typer.Option("--steps", help="Batches, instead of epochs.", rich_help_panel=PANEL_LENGTH)
]
TimeBudget = Annotated[
    str | None,
    typer.Option(
        "--time-budget",
        metavar="T",
        help="Time in all, instead of epochs: 90s, 20m, 1.5h.",
        rich_help_panel=PANEL_LENGTH,
    ),
]

# ---------------------------------------------------------------------- what is written

Rows = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="A .npy, .parquet, .jsonl or .csv file."),
]
Greedy = Annotated[
    bool, typer.Option("--greedy", help="The likeliest token at every step.", rich_help_panel=PANEL_WRITING)
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature", help="Draw tokens; below 1 keeps to likelier ones.", rich_help_panel=PANEL_WRITING
    ),
]
TopP = Annotated[
    float | None,
    typer.Option(
        "--top-p", help="Draw from the likeliest tokens of this mass.", rich_help_panel=PANEL_WRITING
    ),
]
Beam = Annotated[
    int | None,
    typer.Option("--beam", help="Beam search, this many hypotheses.", rich_help_panel=PANEL_WRITING),
]
NoUnknown = Annotated[
    bool, typer.Option("--no-unknown", help="Never write <unk>.", rich_help_panel=PANEL_WRITING)
]


def decoding(
    greedy: bool,
    temperature: float | None,
    top_p: float | None,
    beam: int | None,
    no_unknown: bool,
    default: str,
) -> dict[str, Any]:
    """The options of writing texts, as ``TextVAE.decode`` takes them."""
    drawn = temperature is not None or top_p is not None
    if greedy + drawn + (beam is not None) > 1:
        raise typer.BadParameter("--greedy, --beam and --temperature or --top-p exclude each other")
    words = {"allow_unknown": not no_unknown}
    if beam is not None:
        return {"method": "beam", "beam_size": beam, **words}
    if drawn:
        return {
            **words,
            "method": "sample",
            "temperature": 1.0 if temperature is None else temperature,
            "top_p": 1.0 if top_p is None else top_p,
        }
    return {"method": "greedy" if greedy else default, **words}
