"""``textvae explain``: what the dimensions of a latent space mean."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli import options
from textvae.cli.console import out_json, say, tell
from textvae.cli.models import text_model
from textvae.cli.texts import read_sources
from textvae.language import translate

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_WORDS = 8
_TEXTS = 2
_BAR = 10


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(explain)


def explain(
    model: options.Model,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Texts to explain it by; without: the model writes some."),
    ] = None,
    text_column: options.TextColumn = None,
    label_columns: options.LabelColumns = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Say what each dimension of the latent space means, with evidence.

    The words whose probability rises and falls along it, the attributes it carries, the texts at its ends, and what is
    written on the way. Each explanation is made from one half of the texts and has to predict where the other half
    lies: its AUC stands beside that for random directions, and one that is no better is marked 'unexplained'.

    Example: textvae explain MODEL reviews.csv --label-column stars
    """
    vae = text_model(model, device)
    corpus = read_sources(files, text_column, label_columns) if files else None
    if corpus is None:
        say("No texts given: the model explains itself by texts that it writes.")
    found = vae.explain(corpus, seed=seed, show_progress_bar=sys.stderr.isatty())
    if json:
        out_json(found)
        return
    _show(found)


def _show(found: Sequence[Mapping[str, Any]]) -> None:
    """Dimensions that carry something, the most nats first; of the others only how many they are."""
    from rich.console import Console, Group
    from rich.padding import Padding

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    active = sorted((each for each in found if each["active"]), key=lambda each: -(each["kl"] or 0))
    for each in active:
        console.print(_title(each))
        console.print(Padding(Group(*_body(each)), (0, 0, 1, 4)))
    explained = sum(each["explained"] for each in active)
    tell(
        f"{explained} of {len(active)} active dimensions explained by {found[0]['n_texts']:,} texts, tested on "
        f"{found[0]['n_held_out']:,} others; {len(found) - len(active)} carry nothing."
    )


def _title(each: Mapping[str, Any]) -> Text:
    from rich.text import Text

    low, high = each["auc_interval"]
    line = Text.assemble(
        (f"{each['dimension']:>3} ", "dim"),
        (each["name"], "bold") if each["explained"] else (translate(each["name"]), "bold dim"),
    )
    kl = "" if each["kl"] is None else f"KL {each['kl']:.2f} · "
    line.append(f"   {kl}AUC ", "dim")
    line.append(f"{each['auc']:.2f}", "green" if each["explained"] else "yellow")
    line.append(f" [{low:.2f}, {high:.2f}], {translate('random')} {each['auc_random']:.2f}", "dim")
    return line


def _body(each: Mapping[str, Any]) -> list[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    top = max((abs(w["effect"]) for w in (*each["words_up"], *each["words_down"])), default=1.0)
    for name, key, style in (("rise", "words_up", "green"), ("fall", "words_down", "red")):
        if each[key]:
            table.add_row(translate(name), _words(each[key], top, style))
    if each["attributes"]:
        carried = Text(" · ").join(
            Text.assemble(
                (row["name"], "bold"), f" {row['low']} → {row['high']} ", (f"{row['mi']:.2f} nats", "cyan")
            )
            for row in each["attributes"][:3]
        )
        table.add_row(translate("carries"), carried)
    for name, key in (("low", "texts_low"), ("high", "texts_high")):
        table.add_row(translate(name), Text("\n".join(each[key][:_TEXTS])))
    table.add_row(translate("on the way"), Text("\n".join(step["text"] for step in each["traversal"])))
    return [table]


def _words(rows: Sequence[Mapping[str, Any]], top: float, style: str) -> Text:
    """Each with a bar for its effect."""
    from rich.text import Text

    line = Text()
    for row in rows[:_WORDS]:
        bar = "▇" * max(1, round(_BAR * abs(row["effect"]) / top / 2))
        # no-break spaces: the three stay on one line
        line.append(row["word"], "bold").append(f"\xa0{bar}", style)
        line.append(f"\xa0{row['effect']:+.1f}", "dim").append("   ")
    return line
