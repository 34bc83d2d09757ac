"""``textvae encode``, ``reconstruct``, ``sample``, ``interpolate`` and ``neighbours``."""

from __future__ import annotations

import csv
import io
import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from textvae.cli import options
from textvae.cli.console import decoding, out, out_json, read_sources, read_texts, say, say_dropped

_FORMATS = (".npy", ".jsonl", ".csv")


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (encode, reconstruct, sample, interpolate, neighbours):
        app.command()(command)


def encode(
    model: options.Model,
    texts: options.Texts = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A .npy, .jsonl or .csv file.")
    ] = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Scale each latent to length 1.")] = False,
    batch_size: Annotated[int | None, typer.Option(help="Texts at once, at most.")] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Turn texts into latents.

    They are the posterior means, in the order of the texts. Empty texts in files are left out and counted on stderr:
    row i of a .npy is the i-th text that is not empty, which .jsonl and .csv show beside its number, from 0.
    Nothing is drawn, so --seed changes nothing. Labels travel along into .jsonl and .csv.

    Example: textvae encode MODEL reviews.csv -o latents.npy
    """
    if output is not None and output.suffix not in _FORMATS:
        raise typer.BadParameter(f"-o takes a file that ends in {', '.join(_FORMATS)}")
    vae = _load(model, device)
    corpus = read_texts(texts, text_column, label_column)
    z = vae.encode(
        corpus.texts,
        batch_size=batch_size,
        normalize_embeddings=normalize,
        show_progress_bar=len(corpus) > 1000 and sys.stderr.isatty(),
    )
    labels = {name: values.tolist() for name, values in corpus.labels.items()}
    rows = [
        {"index": i, "text": text, **{name: values[i] for name, values in labels.items()}, "z": z[i].tolist()}
        for i, text in enumerate(corpus.texts)
    ]
    if output is not None:
        _write(output, rows, z, list(labels), vae.get_feature_names_out().tolist())
        say(f"{len(z):,} latents of {z.shape[1]} numbers in {output}")
        if left_out := sum(corpus.dropped.values()):
            say(
                f"Rows are not lines of the input: {left_out:,} texts have none. Row i is the i-th text that is left."
            )
    if json:
        out_json(
            rows if output is None else {"output": str(output), "n_texts": len(z), "latent_dim": z.shape[1]}
        )
    elif output is None:
        for row in rows:
            out(json_module.dumps(row, ensure_ascii=False))


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
    writing = decoding(greedy, temperature, top_p, beam, no_unknown, "greedy")
    vae = _load(model, device)
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
    writing = decoding(greedy, temperature, top_p, beam, no_unknown, "sample")
    written = _load(model, device).sample(n, seed=seed, **writing)
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
    writing = decoding(greedy, temperature, top_p, beam, no_unknown, "greedy")
    path: Any = "spherical" if spherical else "linear"
    written = _load(model, device).interpolate(a, b, steps, path=path, seed=seed, **writing)
    if json:
        shares = np.linspace(0, 1, steps).tolist()
        out_json([{"t": t, "text": text} for t, text in zip(shares, written, strict=True)])
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
    vae = _load(model, device)
    queries = read_texts(texts)
    candidates = read_sources([corpus], text_column)
    say_dropped(candidates)
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


def _load(model: Path, device: str) -> Any:
    from textvae.estimators import TextVAE

    return TextVAE.from_pretrained(model, device=device)


def _write(
    path: Path, rows: list[dict[str, Any]], z: np.ndarray, labels: list[str], names: list[str]
) -> None:
    """Latents as an array, or with their texts and labels as lines or as a table."""
    if path.suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, z, allow_pickle=False)
        content = buffer.getvalue()
    elif path.suffix == ".jsonl":
        lines = (json_module.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        content = "".join(lines).encode()
    else:
        table = io.StringIO(newline="")
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["index", "text", *labels, *names])
        writer.writerows(
            [row["index"], row["text"], *(row[name] for name in labels), *row["z"]] for row in rows
        )
        content = table.getvalue().encode()

    from textvae.store import write_atomically

    write_atomically(path, content)
