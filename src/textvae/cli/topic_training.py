"""``textvae topics train`` and ``sweep``: how documents are counted, and what is trained on them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out_json, say, show_table, tell
from textvae.cli.texts import read_sources, source_chunks
from textvae.errors import TextVAEError

_COUNT = "Which words count"

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Texts: files, or - for stdin.")]
_Language = Annotated[
    str, typer.Option(help="auto, english or chinese: words and stop words.", rich_help_panel=_COUNT)
]
_MinDf = Annotated[
    float, typer.Option(min=0, help="Fewest documents with a word; below 1 a share.", rich_help_panel=_COUNT)
]
_MaxDf = Annotated[
    float, typer.Option(min=0, help="Most documents with a word; up to 1 a share.", rich_help_panel=_COUNT)
]
_MaxWords = Annotated[int, typer.Option(min=2, help="Words at most.", rich_help_panel=_COUNT)]
_Ngrams = Annotated[int, typer.Option(min=1, help="Most words that count as one.", rich_help_panel=_COUNT)]
_Preset = Annotated[
    str | None,
    typer.Option(
        help="Ready configuration: see textvae presets (default: topics).",
        rich_help_panel=options.PANEL_MODEL,
    ),
]


def train(
    ctx: typer.Context,
    files: Files,
    output: options.NewModel,
    n_topics: Annotated[
        int,
        typer.Option(
            "--n-topics", "-k", min=1, help="K, how many topics.", rich_help_panel=options.PANEL_MODEL
        ),
    ] = 50,
    preset: _Preset = None,
    config: options.Config = None,
    assignments: options.Set = None,
    seed_words: Annotated[
        list[str] | None,
        typer.Option(
            metavar="K=WORD,WORD…",
            help="Words that topic K is to be about; repeatable.",
            rich_help_panel=options.PANEL_MODEL,
        ),
    ] = None,
    runs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Trainings with different seeds, to see what is stable.",
            rich_help_panel=options.PANEL_MODEL,
        ),
    ] = 1,
    language: _Language = "auto",
    min_df: _MinDf = 3,
    max_df: _MaxDf = 0.5,
    max_words: _MaxWords = 10_000,
    ngrams: _Ngrams = 1,
    epochs: Annotated[
        float | None, typer.Option(help="Times through the texts.", rich_help_panel=options.PANEL_LENGTH)
    ] = None,
    steps: options.Steps = None,
    time_budget: options.TimeBudget = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Train a topic model on texts.

    Labels are for presets that learn from them, such as scholar2018.

    Example: textvae topics train news.csv --text-column text -k 30 -o TOPICS
    """
    from textvae.estimators import TopicVAE
    from textvae.estimators.folder import ModelFolder

    ModelFolder(output, overwrite=overwrite)  # a mistake is told before the texts are read
    model = TopicVAE(
        n_topics,
        preset,
        vectorizer=_counter(language, min_df, max_df, max_words, ngrams),
        seed_words=_seed_words(seed_words),
        epochs=epochs,
        steps=steps,
        time_budget=time_budget,
        random_state=seed,
        device=device,
        config=config,
        set=assignments or None,
        verbose=True,
    )
    texts: Any = source_chunks(files, text_column)
    labels = None
    if label_column is not None:
        texts = read_sources(files, text_column, label_column)
        labels = texts.labels[label_column]
    with _warnings_said():
        model.fit(texts, labels, n_runs=runs, started=ctx.obj)
    model.save_pretrained(output)
    if json:
        out_json({"model": str(output), **model.metrics_, "info": model.get_topic_info()})
        return
    show_topics(model.get_topic_info(), f"{n_topics} topics of {len(model.words_):,} words")
    for row in model.metrics_["topics"].get("seeds", []):
        tell(f"topic {row['topic']}: {_seeded(row)}")
    tell(f"The model is in {output}. Next: textvae topics transform {output} FILE -o shares.npy")


def sweep(
    files: Files,
    candidates: Annotated[
        str, typer.Option(metavar="K,K…", help="Numbers of topics.")
    ] = "10,20,30,50,75,100",
    runs: Annotated[int, typer.Option(min=2, help="Trainings for each number.")] = 2,
    time_budget: Annotated[
        str | None,
        typer.Option(metavar="T", help="Time in all: 90s, 20m.", rich_help_panel=options.PANEL_LENGTH),
    ] = None,
    preset: _Preset = None,
    config: options.Config = None,
    assignments: options.Set = None,
    language: _Language = "auto",
    min_df: _MinDf = 3,
    max_df: _MaxDf = 0.5,
    max_words: _MaxWords = 10_000,
    ngrams: _Ngrams = 1,
    text_column: options.TextColumn = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Compare numbers of topics: likelihood of held-out texts, coherence, diversity and stability side by side.

    Example: textvae topics sweep news.csv --candidates 10,20,40 --time-budget 5m
    """
    from textvae.config import seconds
    from textvae.estimators import TopicVAE, choose_n_topics

    try:
        numbers = [int(number) for number in candidates.split(",")]
        budget = seconds(time_budget)
    except ValueError as error:
        raise TextVAEError(
            f"--candidates takes numbers such as 10,20,40, and --time-budget a time: {error}."
        ) from error
    model = TopicVAE(
        preset=preset,
        vectorizer=_counter(language, min_df, max_df, max_words, ngrams),
        random_state=seed,
        device=device,
        config=config,
        set=assignments or None,
    )
    with _warnings_said():
        found = choose_n_topics(
            source_chunks(files, text_column), numbers, model=model, n_runs=runs, time_budget=budget, say=say
        )
    if json:
        out_json({"rows": found.rows, "suggested": found.suggested, "skipped": found.skipped})
        return
    names = ("n_topics", "completion_perplexity", "npmi", "diversity", "stability", "seconds")
    formats = ("{}", "{:.1f}", "{:.3f}", "{:.2f}", "{:.2f}", "{:.0f}")
    rows = [
        tuple(
            "–" if row[name] is None else form.format(row[name])
            for name, form in zip(names, formats, strict=True)
        )
        for row in found.rows
    ]
    show_table(rows, headers=("topics", "completion perplexity", "NPMI", "diversity", "stability", "seconds"))
    if found.suggested is not None:
        tell(f"{found.suggested} is the least number whose perplexity is within 2 % of the best.")


def show_topics(info: Sequence[Mapping[str, Any]], title: str) -> None:
    """A table of topics: number, share, words."""
    stable = any("support" in row for row in info)
    rows = [
        (
            str(row["topic"]),
            f"{row['prevalence']:.1%}",
            " ".join(row["words"]),
            *([f"{row['support']:.0%}"] if stable else []),
        )
        for row in info
    ]
    headers = ("topic", "share", "words", *(["found again"] if stable else []))
    show_table(rows, title, headers)


def _counter(language: str, min_df: float, max_df: float, max_words: int, ngrams: int) -> Any:
    from textvae.text.count import WordCounter

    chosen: Any = language
    return WordCounter(
        language=chosen,
        min_df=min_df if min_df < 1 else int(min_df),
        max_df=max_df if max_df <= 1 else int(max_df),
        max_features=max_words,
        ngram_range=(1, ngrams),
    )


def _seed_words(given: Sequence[str] | None) -> dict[int, list[str]] | None:
    """``['0=goal,match']`` -> ``{0: ['goal', 'match']}``."""
    seeds: dict[int, list[str]] = {}
    for item in given or ():
        topic, equals, words = item.partition("=")
        if not equals or not topic.strip().isdecimal():
            raise TextVAEError(f"'{item}' is not of the form K=WORD,WORD…")
        seeds[int(topic)] = [word.strip() for word in words.split(",") if word.strip()]
    return seeds or None


def _seeded(row: Mapping[str, Any]) -> str:
    words = ", ".join(f"{word} (rank {rank})" for word, rank in row["words"].items())
    held = [] if row["held"] else ["another topic has more of these words"]
    return "; ".join([words, f"the data moved it by {row['moved']:.2f} of 1", *held])


@contextmanager
def _warnings_said() -> Iterator[None]:
    """Warnings that users are meant to read become lines on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        say(f"warning: {warning.message}")
