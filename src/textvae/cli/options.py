"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all that is drawn.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
TextColumn = Annotated[
    str | None, typer.Option("--text-column", help="Column of the texts, by name or counted from 0.")
]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", help="Column of a label that travels along with the texts.")
]
Texts = Annotated[
    list[str] | None, typer.Argument(metavar="[TEXT…|FILE|-]", help="Texts, a file of them, or - for stdin.")
]
_WRITING = "How texts are written"
Greedy = Annotated[
    bool, typer.Option("--greedy", help="The likeliest token at every step.", rich_help_panel=_WRITING)
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature", help="Draw tokens; below 1 keeps to likelier ones.", rich_help_panel=_WRITING
    ),
]
TopP = Annotated[
    float | None,
    typer.Option("--top-p", help="Draw from the likeliest tokens of this mass.", rich_help_panel=_WRITING),
]
Beam = Annotated[
    int | None, typer.Option("--beam", help="Beam search, this many hypotheses.", rich_help_panel=_WRITING)
]
NoUnknown = Annotated[bool, typer.Option("--no-unknown", help="Never write <unk>.", rich_help_panel=_WRITING)]
