"""``textvae evaluate`` and ``textvae doctor``: how good a model is, and what is wrong with it."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from textvae.cli import options
from textvae.cli.console import out, out_json, say, show_figures, show_warnings, tell
from textvae.cli.models import text_model
from textvae.cli.rows import check_ending
from textvae.cli.texts import read_sources, say_dropped, source_chunks
from textvae.language import translate


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(evaluate)
    app.command()(doctor)


def evaluate(
    model: options.Model,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Texts that were not trained on.")],
    iw: options.ImportanceSamples = 500,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The figures of each text: .parquet, .jsonl or .csv."
        ),
    ] = None,
    text_column: options.TextColumn = None,
    split: options.Split = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure a model on texts.

    Likelihood, what the latent carries, and how well texts are reconstructed. Of more than 20,000 texts, evenly
    spaced ones give mutual information, BLEU and exact match, and all texts the rest. Under torchrun the processes
    share the texts.

    Files may be larger than memory. With -o, a run that was cut short goes on where it stopped when repeated: until it
    is done, its rows are in FILE.partial.

    Example: textvae evaluate MODEL test.txt --iw 500 --json
    """
    from textvae.rowfile import TABLES, RowFile

    check_ending(output, TABLES)
    from textvae.device import resolve_device, uses_bf16
    from textvae.estimators.card import figures
    from textvae.estimators.evaluating import CHUNK, evaluate_chunks
    from textvae.estimators.progress import progress_bar
    from textvae.estimators.streams import fingerprint
    from textvae.processes import Processes

    processes = Processes(resolve_device(device))
    vae = text_model(model, device)
    chunks = source_chunks(files, text_column, None, split, chunk=CHUNK)
    file = None
    if output is not None and processes.is_main:
        chosen = {"iw": iw, "seed": seed, "bf16": uses_bf16(processes.device, "auto")}
        file = RowFile(output, fingerprint(vae.model_, vae.tokenizer_.to_json(), **chosen), say)
    with (
        file or nullcontext(),
        progress_bar("evaluating", sys.stderr.isatty() and processes.is_main) as progress,
    ):
        measured = evaluate_chunks(
            vae.model_,
            vae.tokenizer_,
            chunks,
            iw_samples=iw,
            seed=seed,
            processes=processes,
            file=file,
            progress=progress,
        )
        if file is not None:
            file.finish()
    if measured is None:
        return
    say_dropped(", ".join(files), measured["n_texts"], measured["dropped"])
    if file is not None:
        say(f"The figures of {file.rows:,} texts are in {output}.")
    if json:
        out_json(measured)
        return
    show_figures(
        figures(measured), f"{model} on {measured['n_texts']:,} texts, {measured['n_tokens']:,} tokens"
    )
    tell(f"{measured['estimator']}.")
    show_warnings(measured["warnings"])


def doctor(
    model: options.Model,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Texts to examine it on; without: as training left it."),
    ] = None,
    text_column: options.TextColumn = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Say what is wrong with a model.

    Each finding with its evidence and what to try.

    Example: textvae doctor MODEL
    """
    vae = text_model(model, device)
    corpus = read_sources(files, text_column) if files else None
    found = vae.diagnose(corpus)
    if json:
        out_json({"findings": found})
        return
    for finding in found:
        out(f"{translate(finding['severity'])}: {translate(finding['name'])}")
        out(f"  {translate('evidence')}: {translate(finding['evidence'])}")
        out(f"  {translate('try')}: {translate(finding['advice'])}")
    if not found:
        tell("Nothing found: the latent is used, the vocabulary fits, and the training was long enough.")
