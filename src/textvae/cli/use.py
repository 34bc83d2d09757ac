"""``textvae encode``, ``reconstruct``, ``sample``, ``interpolate`` and ``neighbours``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out, out_json, say
from textvae.cli.models import text_model
from textvae.cli.rows import check_ending, show_rows
from textvae.cli.texts import read_sources, read_texts, text_chunks


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (encode, reconstruct, sample, interpolate, neighbours):
        app.command()(command)


def encode(
    model: options.Model,
    texts: options.Texts = None,
    output: options.Rows = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Scale each latent to length 1.")] = False,
    batch_size: Annotated[int | None, typer.Option(help="Texts at once, at most.")] = None,
    precision: Annotated[
        str,
        typer.Option(
            help="fp32; bf16, faster and a hundredth of their spread off; auto: bf16 where it is fast."
        ),
    ] = "fp32",
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Turn texts into latents.

    They are the posteriors' modes (a Gaussian's mean), one for each text, line or row, in their order; an empty text
    has the latent of a text without words. Nothing is drawn, so --seed changes nothing. Labels travel along into
    .parquet, .jsonl and .csv. Under torchrun the processes share the texts.

    Files may be larger than memory. With -o, a run that was cut short goes on where it stopped when repeated: until it
    is done, its rows are in FILE.partial.

    Example: textvae encode MODEL reviews.csv -o latents.npy
    """
    from textvae.rowfile import ENDINGS, RowFile

    check_ending(output, ENDINGS)
    from textvae.device import Precision, resolve_device, uses_bf16
    from textvae.estimators.progress import progress_bar
    from textvae.estimators.streams import fingerprint
    from textvae.estimators.strings import encode_chunks
    from textvae.processes import Processes

    processes = Processes(resolve_device(device))
    wanted: Any = precision
    used: Precision = "bf16" if uses_bf16(processes.device, wanted) else "fp32"
    vae = text_model(model, device)
    chunks = text_chunks(texts, text_column, label_column)
    file = None
    if output is not None and processes.is_main:
        key = fingerprint(vae.model_, vae.tokenizer_.to_json(), normalize=normalize, precision=used)
        file = RowFile(output, key, say)
    with (
        file or nullcontext(),
        progress_bar("encoding", sys.stderr.isatty() and processes.is_main) as progress,
    ):
        encoded = encode_chunks(
            vae.model_,
            vae.tokenizer_,
            chunks,
            normalize=normalize,
            batch_size=batch_size,
            precision=used,
            processes=processes,
            file=file,
            progress=progress,
        )
        rows = show_rows(encoded, file, json)
    if file is not None:
        say(f"{file.rows:,} latents of {vae.model_.latent_dim} numbers in {output}")
        if json:
            out_json({"output": str(output), "n_texts": file.rows, "latent_dim": vae.model_.latent_dim})
    elif json and processes.is_main:
        out_json(rows)


def reconstruct(
    model: options.Model,
    texts: options.Texts = None,
    greedy: options.Greedy = False,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    beam: options.Beam = None,
    no_unknown: options.NoUnknown = False,
    text_column: options.TextColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Encode texts and write them again from their latents.

    Greedily by default.

    Example: textvae reconstruct MODEL "the food was good"
    """
    writing = options.decoding(greedy, temperature, top_p, beam, no_unknown, "greedy")
    vae = text_model(model, device)
    corpus = read_texts(texts, text_column)
    written = vae.reconstruct(corpus.texts, seed=seed, **writing)
    if json:
        pairs = zip(corpus.texts, written, strict=True)
        out_json([{"text": text, "reconstruction": again} for text, again in pairs])
        return
    for text, again in zip(corpus.texts, written, strict=True):
        out(f"{text}\n  -> {again}")


def sample(
    model: options.Model,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="How many texts.")] = 10,
    label: Annotated[
        str | None, typer.Option("--label", help="Label of the texts; for a model trained with labels.")
    ] = None,
    greedy: options.Greedy = False,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    beam: options.Beam = None,
    no_unknown: options.NoUnknown = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Write new texts.

    z is drawn from the prior, then each token from p(x|z) unless another way is asked for.

    Example: textvae sample MODEL -n 5 --top-p 0.9
    """
    writing = options.decoding(greedy, temperature, top_p, beam, no_unknown, "sample")
    written = text_model(model, device).sample(n, label=label, seed=seed, **writing)
    if json:
        out_json([{"text": text} for text in written])
        return
    for text in written:
        out(text)


def interpolate(
    model: options.Model,
    a: Annotated[str, typer.Argument(metavar="A", help="The text at the start.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The text at the end.")],
    steps: Annotated[int, typer.Option(help="Texts on the way, both ends included.")] = 7,
    spherical: Annotated[
        bool, typer.Option("--spherical", help="Along the arc instead of the line.")
    ] = False,
    greedy: options.Greedy = False,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    beam: options.Beam = None,
    no_unknown: options.NoUnknown = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Write the texts on the way from one text to another.

    Example: textvae interpolate MODEL "the food was good" "the waiter was rude" --steps 7
    """
    writing = options.decoding(greedy, temperature, top_p, beam, no_unknown, "greedy")
    path: Any = "spherical" if spherical else "linear"
    written = text_model(model, device).interpolate(a, b, steps, path=path, seed=seed, **writing)
    if json:
        out_json([{"t": i / (steps - 1), "text": text} for i, text in enumerate(written)])
        return
    for text in written:
        out(text)


def neighbours(
    model: options.Model,
    texts: options.Texts = None,
    corpus: Annotated[
        str, typer.Option("--corpus", metavar="FILE", help="Where to look: a file or a built-in corpus.")
    ] = ...,  # pyright: ignore[reportArgumentType]
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="Neighbours of each text.")] = 5,
    euclidean: Annotated[
        bool, typer.Option("--euclidean", help="By distance instead of by angle (cosine).")
    ] = False,
    text_column: options.TextColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Find the texts of a corpus whose latents are nearest.

    Nothing is drawn, so --seed changes nothing.

    Example: textvae neighbours MODEL "the food was good" --corpus reviews.txt -k 5
    """
    vae = text_model(model, device)
    queries = read_texts(texts)
    candidates = read_sources([corpus], text_column)
    metric: Any = "euclidean" if euclidean else "cosine"
    found = vae.neighbours(queries.texts, candidates.texts, k, metric=metric)
    if json:
        out_json(
            [
                {"text": text, "neighbours": [near._asdict() for near in row]}
                for text, row in zip(queries.texts, found, strict=True)
            ]
        )
        return
    for text, row in zip(queries.texts, found, strict=True):
        out(text)
        for near in row:
            out(f"  {near.distance:.3f}  {near.text}")
