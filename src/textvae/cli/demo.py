"""``textvae demo``: the whole toolkit on texts that are already on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out, out_json, say, show_figures, show_table, show_warnings, tell
from textvae.language import translate

_SHORT = range(20, 60)  # characters of the texts shown: readable, and within reach of a small model


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(
    seconds: Annotated[float, typer.Option(min=1, help="Time to train.")] = 90.0,
    steps: Annotated[int | None, typer.Option(help="Train for so many batches instead.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Folder for the model.")
    ] = Path("demo-model"),
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Train a model in 90 seconds and play with it.

    Its texts are sentences from the Python packages on this machine.

    Example: textvae demo
    """
    from textvae.device import resolve_device
    from textvae.estimators.folder import ModelFolder
    from textvae.text.read import load_corpus

    resolve_device(device)
    ModelFolder(output, overwrite=True)  # an earlier demo's model is replaced without asking
    say(
        "Reading the opening sentences of the docstrings in Python's library and in packages installed here …"
    )
    corpus = load_corpus("docstrings")

    from textvae.estimators import TextVAE
    from textvae.estimators.card import figures

    length: dict[str, Any] = {"time_budget": seconds} if steps is None else {"steps": steps}
    vae = TextVAE(seed=seed, device=device, verbose=True, **length)
    vae.fit(corpus, output=output, overwrite=True, started=time.monotonic())

    held = [text for text in vae.test_texts_ if len(text) in _SHORT] or vae.test_texts_
    originals = held[:5]
    shown: dict[str, Any] = {
        "reconstructions": list(zip(originals, vae.reconstruct(originals), strict=True)),
        "samples": vae.sample(5, seed=seed, method="sample", temperature=0.7),
        "interpolation": vae.interpolate(held[0], held[-1], steps=6),
    }
    if json:
        out_json({"model": str(output), **vae.metrics_, **shown})
        return
    evaluation = vae.metrics_["evaluation"]
    show_figures(figures(evaluation), f"Figures on {evaluation['n_texts']:,} texts kept from training")
    show_warnings(evaluation["warnings"])
    show_table(
        shown["reconstructions"],
        "Texts it has not seen, and what it makes of them",
        (translate("text"), translate("reconstruction")),
    )
    show_table([(text,) for text in shown["samples"]], "New texts, from random latents (temperature 0.7)")
    show_table([(text,) for text in shown["interpolation"]], "On the way from one text to another")
    tell(
        f"The model is in {output}: its card is {output / 'README.md'}, its figures {output / 'metrics.json'}."
    )
    out("")
    tell("Next, with a file of your own, one text a line (or .csv, .tsv, .jsonl, .parquet):")
    out("  textvae train YOURS.txt -o my-model --time-budget 10m")
    out("  textvae evaluate my-model HELD_OUT.txt")
    out('  textvae interpolate my-model "one text" "another text"')
    tell("or with the demo's model:")
    out(f"  textvae sample {output} -n 20 --top-p 0.9")
    out(f"  textvae doctor {output}")
