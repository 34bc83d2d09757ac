"""``textvae prior``: another prior for a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out_json, show_figures, tell
from textvae.cli.models import text_model
from textvae.cli.texts import source_chunks

_ROWS = (
    ("nll", "NLL, nats per text", "surprise at a text; lower is better"),
    ("elbo", "ELBO, nats per text", "a lower bound of -NLL"),
    ("kl", "KL, nats per text", "what z costs: how far q(z|x) lies from the prior"),
    ("forward_ppl", "forward perplexity", "of texts drawn from the prior, under trigrams of real ones"),
    ("reverse_ppl", "reverse perplexity", "of real texts, under trigrams of those drawn"),
    ("self_bleu", "self-BLEU", "how alike the texts drawn are; 0 to 100"),
)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(prior)


def prior(
    model: options.Model,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="The texts it was trained on.")],
    fit: Annotated[
        str, typer.Option("--fit", metavar="KIND", help="flow, mixture, vamp; for codes: learned_codes.")
    ],
    output: options.ChangedModel = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Texts to stop by and to measure on (default: a tenth).",
            rich_help_panel=options.PANEL_TEXTS,
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="A=B", help="Any option of the prior; repeatable.")
    ] = None,
    iw: options.ImportanceSamples = 100,
    text_column: options.TextColumn = None,
    split: options.Split = None,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Fit another prior to a trained model.

    The prior of training is replaced by one that is fitted to the latents of the texts; the rest of the model stays as
    it is. Shows likelihood and quality of samples before and after, on texts held out as in training.

    Example: textvae prior MODEL reviews.txt --fit flow -o BETTER
    """
    from textvae.config import parse_assignments
    from textvae.estimators.folder import ModelFolder
    from textvae.estimators.prior import with_prior

    vae = text_model(model, device)
    # a mistake is told before the texts are read
    chosen = parse_assignments(assignments or [])
    with_prior(vae.config_, fit, chosen)
    target = model if output is None else output
    ModelFolder(target, overwrite=overwrite or output is None)
    held = source_chunks([validation], text_column, None, split) if validation is not None else None
    vae.verbose = True
    report = vae.fit_prior(
        source_chunks(files, text_column, None, split),
        fit,
        validation=held,
        options=chosen,
        iw_samples=iw,
    )
    vae.save_pretrained(target)
    if json:
        out_json({"model": str(target), **report})
        return
    title = f"Prior {report['prior']} instead of {report['replaced']}, on {report['n_texts']:,} {report['texts']} texts"
    show_figures(_table(report), title, ("", report["replaced"], report["prior"], ""))
    tell(
        f"NLL fell by {report['gain']:.2f} ± {report['gain_stderr']:.2f} nats, text by text "
        f"({report['iw_samples']} samples)."
    )
    tell(f"The model is in {target}. Next: textvae sample {target}")


def _table(report: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (name, f"{report['before'][key]:.2f}", f"{report['after'][key]:.2f}", meaning)
        for key, name, meaning in _ROWS
    ]
