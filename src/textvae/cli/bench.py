"""``textvae bench``: presets side by side on a benchmark set."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from textvae.cli import options
from textvae.cli.console import out, out_json, say


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(bench)


def bench(
    name: Annotated[str, typer.Argument(help="The set: ptb, multi30k, short_yelp or snli_100k.")],
    data: Annotated[Path, typer.Option("--data", metavar="FOLDER", help="Where the set's files are.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="For the table, the picture and all figures."),
    ],
    presets: Annotated[str, typer.Option(help="Presets, with commas; all: all that read texts.")] = "all",
    budget: Annotated[str | None, typer.Option(help="Time of each training, such as 5m.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Length of each training instead.")] = None,
    steps: Annotated[int | None, typer.Option(help="Length of each training instead.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, with commas.")] = "0",
    target_kl: Annotated[
        str | None, typer.Option(help="Rates to hold the KL at, with commas, in nats: one entry each.")
    ] = None,
    iw: options.ImportanceSamples = 500,
    iw_texts: Annotated[
        int | None,
        typer.Option(min=2, help="Test texts that get so many, evenly spaced; all get 10. Default: all."),
    ] = None,
    samples: Annotated[int, typer.Option(min=2, help="Texts to draw and judge.")] = 2000,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="OPTION=VALUE", help="Any option, for all presets.")
    ] = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Train and measure presets on a benchmark set, and write the table.

    What was measured before, with the same options, is not run again. Without a length each preset has its own.

    Example: textvae bench ptb --data shared/data -o leaderboard/ptb --presets default,li2019 --budget 5m
    """
    from textvae.bench.board import run, write_board
    from textvae.bench.entry import Asked
    from textvae.bench.picture import PICTURE, draw
    from textvae.bench.sets import load_set
    from textvae.config import read_config, seconds
    from textvae.presets import load_preset, preset_names

    benchmark = load_set(name)
    benchmark.files(data)
    if presets == "all":
        chosen = [name for name in preset_names() if read_config(load_preset(name).config).reads == "tokens"]
    else:
        chosen = [load_preset(p.strip()).name for p in presets.split(",")]
    try:
        given = {"time_budget": seconds(budget), "epochs": epochs, "steps": steps}
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    length = {option: value for option, value in given.items() if value is not None}
    if len(length) > 1:
        raise typer.BadParameter("give one of --budget, --epochs and --steps")
    rates = [None] if target_kl is None else _numbers(target_kl, "--target-kl")
    asked = [
        Asked(
            set=name,
            preset=preset,
            seed=int(seed),
            target_kl=rate,
            length=length,
            options=tuple(assignments or ()),
            iw_samples=iw,
            iw_texts=iw_texts,
            samples=samples,
            device=device,
        )
        for preset in chosen
        for rate in rates
        for seed in _numbers(seeds, "--seeds")
    ]
    entries = run(asked, benchmark, data, output, say=say)
    page, figures = write_board(entries, benchmark, output, shlex.join(["textvae", *sys.argv[1:]]))
    draw(entries, benchmark.title, output / PICTURE)
    if json:
        out_json({"page": str(page), "figures": str(figures), "entries": entries})
        return
    out(page.read_text(encoding="utf-8"))


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{option} takes numbers with commas between them, not '{text}'") from None
