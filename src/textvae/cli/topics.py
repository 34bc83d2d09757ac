"""``textvae topics``: a topic model's commands; those that train are in ``topic_training``."""

from __future__ import annotations

import json as json_module
import sys
from contextlib import nullcontext
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out_json, say, show_figures, show_table
from textvae.cli.models import topic_model
from textvae.cli.rows import check_ending, show_rows
from textvae.cli.texts import read_sources, text_chunks
from textvae.cli.topic_training import Files, show_topics, sweep, train

_Words = Annotated[int, typer.Option("-n", "--n", min=1, help="Words of each topic.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands as a group."""
    group = typer.Typer(no_args_is_help=True, help="Topic models: what a pile of documents is about.")
    for command in (train, show, transform, evaluate, prevalence, sweep):
        group.command()(command)
    app.add_typer(group, name="topics")


def show(
    model: options.Model,
    n: _Words = 10,
    by_number: Annotated[
        bool, typer.Option("--by-number", help="In the order of their numbers, not the largest first.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Show the topics of a model.

    Example: textvae topics show TOPICS
    """
    vae = topic_model(model, "cpu")
    info = vae.get_topic_info(n)
    if not by_number:
        info.sort(key=lambda row: -row["prevalence"])
    if json:
        out_json(info)
        return
    show_topics(info, f"{vae.n_topics_} topics of {len(vae.words_):,} words")


def transform(
    model: options.Model,
    texts: options.Texts = None,
    output: options.Rows = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Turn texts into their shares of the topics.

    One row for each text, line or row, in their order: theta, which sums to 1, the topic of the largest share, and
    whether any topic fits. Labels travel along into .parquet, .jsonl and .csv. Files may be larger than memory.

    Example: textvae topics transform TOPICS news.csv -o shares.parquet
    """
    from textvae.rowfile import ENDINGS, RowFile

    check_ending(output, ENDINGS)
    from textvae.estimators.progress import progress_bar
    from textvae.estimators.streams import fingerprint

    vae = topic_model(model, device)
    file = None
    if output is not None:
        file = RowFile(output, fingerprint(vae.model_, json_module.dumps(vae.words_.tolist())), say)
    chunks = text_chunks(texts, text_column, label_column)
    with file or nullcontext(), progress_bar("documents", sys.stderr.isatty()) as progress:
        rows = show_rows(vae.transform_chunks(chunks, file=file, progress=progress), file, json)
    if file is not None:
        say(f"{file.rows:,} documents' shares of {vae.n_topics_} topics in {output}")
        if json:
            out_json({"output": str(output), "n_documents": file.rows, "n_topics": vae.n_topics_})
    elif json:
        out_json(rows)


def evaluate(
    model: options.Model,
    files: Files,
    n: _Words = 10,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure a topic model on texts.

    Coherence and diversity of its topics, perplexity of the texts and, with --label-column, how well the topics part
    the labels.

    Example: textvae topics evaluate TOPICS test.csv --label-column section
    """
    from textvae.estimators.topics.figures import topic_figures

    vae = topic_model(model, device)
    corpus = read_sources(files, text_column, label_column)
    labels = None if label_column is None else next(iter(corpus.labels.values()))
    figures = vae.evaluate(corpus, labels, n=n, seed=seed)
    if json:
        out_json(figures)
        return
    show_figures(topic_figures(figures), f"{model} on {figures['n_documents']:,} documents")


def prevalence(
    model: options.Model,
    files: Files,
    by: Annotated[str, typer.Option("--by", help="Column of labels or dates.")],
    period: Annotated[
        str | None, typer.Option(help="The column has dates: group by year, month, week or day.")
    ] = None,
    level: Annotated[float, typer.Option(min=0, max=1, help="Level of the intervals.")] = 0.9,
    topic: Annotated[
        int | None, typer.Option(help="How this topic's words change instead of how much there is of all.")
    ] = None,
    n: _Words = 10,
    text_column: options.TextColumn = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Show how much of each topic there is by label or over time.

    With --topic: the words that documents of each group use more for it than those of the other groups.

    Example: textvae topics prevalence TOPICS news.csv --by date --period month
    """
    vae = topic_model(model, device)
    corpus = read_sources(files, text_column, by)
    labels = corpus.labels[by].tolist()
    period_: Any = period
    if topic is not None:
        changes = vae.word_changes(corpus, labels, topic, period=period_, n=n)
        if json:
            out_json(changes)
            return
        rows = [(str(row["group"]), ", ".join(word for word, _ in row["more"])) for row in changes]
        show_table(rows, f"Words that topic {topic} has more of than elsewhere")
        return
    found = vae.prevalence(corpus, labels, period=period_, level=level)
    if json:
        out_json(
            {
                "groups": found.groups,
                "documents": found.documents.tolist(),
                "level": level,
                **{name: getattr(found, name).tolist() for name in ("share", "lower", "upper")},
            }
        )
        return
    words = [" ".join(first) for first in vae.topic_words(3)]
    for g, group in enumerate(found.groups):
        order = (-found.share[g]).argsort(kind="stable")[:5]
        rows = [
            (
                f"{k} {words[k]}",
                f"{found.share[g, k]:.1%}",
                f"{found.lower[g, k]:.1%} to {found.upper[g, k]:.1%}",
            )
            for k in order
        ]
        show_table(rows, f"{group}: {found.documents[g]:,} documents")
