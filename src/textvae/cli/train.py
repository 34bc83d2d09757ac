"""``textvae train``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out_json, say, show_figures, show_warnings, tell
from textvae.cli.texts import source_chunks
from textvae.errors import TextVAEError
from textvae.language import translate


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(train)


def train(
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Texts: files, - for stdin, docstrings or grammar (built in)."),
    ],
    output: options.NewModel,
    validation: Annotated[
        str | None,
        typer.Option(
            "--validation",
            metavar="FILE",
            help="Validation texts (default: a twentieth of the texts, 10,000 at most, as for test).",
            rich_help_panel=options.PANEL_TEXTS,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    split: options.Split = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Ready configuration: see textvae presets (default: default).",
            rich_help_panel=options.PANEL_MODEL,
        ),
    ] = None,
    config: options.Config = None,
    assignments: options.Set = None,
    latent_dim: Annotated[
        int | None,
        typer.Option(help="Numbers that a text becomes (preset: 32).", rich_help_panel=options.PANEL_MODEL),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="auto, word, bpe, unigram, char or jieba (preset: auto).",
            rich_help_panel=options.PANEL_MODEL,
        ),
    ] = None,
    vocab_size: Annotated[
        int | None,
        typer.Option(help="Ordinary tokens at most (preset: 10000).", rich_help_panel=options.PANEL_MODEL),
    ] = None,
    target_kl: Annotated[
        float | None,
        typer.Option(help="Nats of KL to hold (preset: 6).", rich_help_panel=options.PANEL_MODEL),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Same seed, same machine: same model (preset: 0).",
            rich_help_panel=options.PANEL_MODEL,
        ),
    ] = None,
    epochs: Annotated[
        float | None,
        typer.Option(help="Times through the texts (preset: 20).", rich_help_panel=options.PANEL_LENGTH),
    ] = None,
    steps: options.Steps = None,
    time_budget: options.TimeBudget = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with a training that was cut off.", rich_help_panel=options.PANEL_LENGTH
        ),
    ] = False,
    report: Annotated[
        bool,
        typer.Option("--report", help="Write MODEL/report.html too: a page about it, with held-out texts."),
    ] = False,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Train a VAE on texts.

    Labels are for presets that learn from them, such as kingma2014; a text without one has an empty cell.

    Example: textvae train reviews.csv --text-column text -o MODEL --time-budget 10m
    """
    from textvae.device import resolve_device
    from textvae.estimators.fitting import check_folder
    from textvae.estimators.options import configuration
    from textvae.text.read import join_chunks

    asked: dict[str, Any] = {
        "preset": preset,
        "latent_dim": latent_dim,
        "tokenizer": tokenizer,
        "vocab_size": vocab_size,
        "epochs": epochs,
        "steps": steps,
        "time_budget": time_budget,
        "target_kl": target_kl,
        "seed": seed,
        "config": config,
        "set": assignments or None,
    }
    # a mistake is told before the texts are read
    resolve_device(device)
    _, saved = check_folder(output, resume, overwrite)
    configuration(asked, saved)
    texts = source_chunks(files, text_column, label_column, split)
    held = None
    if validation is not None:
        held = join_chunks(source_chunks([validation], text_column, label_column, split))

    from textvae.estimators import TextVAE
    from textvae.estimators.card import figures
    from textvae.processes import Processes

    vae = TextVAE(**asked, device=device, verbose=True)
    begun = time.time()
    try:
        vae.fit(texts, validation=held, output=output, resume=resume, overwrite=overwrite, started=ctx.obj)
    except TextVAEError:
        if _checkpoint_since(output, begun):
            say(f"The last checkpoint is kept in {output}: --resume goes on from it.")
        raise
    if not Processes(resolve_device(device)).is_main:
        return
    if report:
        from textvae.report.page import write_report
        from textvae.store import REPORT

        write_report(vae, held or vae.test_texts_ or None, output / REPORT, say=say)
    evaluation = vae.metrics_["evaluation"]
    if json:
        out_json({"model": str(output), **vae.metrics_})
        return
    show_figures(figures(evaluation), f"On {evaluation['n_texts']:,} {translate(evaluation['texts'])} texts")
    show_warnings(evaluation["warnings"])
    show_warnings(f"{translate(f['name'])}: {f['evidence']}. {f['advice']}" for f in vae.metrics_["findings"])
    if report:
        tell(f"The report is in {output / REPORT}: open it in a browser.")
    tell(f"The model is in {output}. Next: textvae sample {output} · textvae reconstruct {output} 'a text'")


def _checkpoint_since(folder: Path, begun: float) -> bool:
    """Whether the training that began at this time left a checkpoint."""
    from textvae.store import CHECKPOINT

    files = (folder / CHECKPOINT).glob("*.safetensors")
    return any(file.stat().st_mtime >= begun - 1 for file in files)
