"""The curves of edits, drawn: how many texts reach the other sentiment, against what is kept of them.

    python benchmarks/edit_curves.py FILE.json [FILE.json …] -o PICTURE.svg

Each FILE is what ``benchmarks/edits.py --json`` printed. A line is one model and one way to rewrite, a point one
strength, written beside it; up and to the right is better. A diamond is an edit with its usual strengths at once, the
shaded corner what an edit should do at least.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair

_TARGET = {"bleu": 25.0, "reached": 80.0}


def points(models: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each model and way the strengths, ``reached`` in per cent."""
    return [
        {
            "model": name,
            "reached": 100 * row["reached_cnn"],
            **{key: row[key] for key in ("way", "strength", "bleu")},
        }
        for name, measured in models.items()
        for row in measured["rows"]
    ]


def draw(models: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """One picture of all models, an SVG file."""
    every = points(models)
    strengths = [point for point in every if point["strength"] != "all"]
    usual = [point for point in every if point["strength"] == "all"]
    x = altair.X("bleu:Q", title="kept: BLEU to the source")
    y = altair.Y("reached:Q", title="reached, % (CNN)", scale=altair.Scale(domain=[0, 100]))
    color = altair.Color("model:N", sort=list(models))
    lines = altair.Chart(altair.Data(values=strengths)).encode(x=x, y=y, color=color)
    corner = altair.Chart(altair.Data(values=[_TARGET])).mark_rect(color="#2a2", opacity=0.08)
    chart = altair.layer(
        corner.encode(x=x, y=y, x2=altair.value("width"), y2=altair.value(0)),
        lines.mark_line(strokeWidth=1.5).encode(
            order="strength:Q", strokeDash=altair.StrokeDash("way:N", sort=["edit", "latent"])
        ),
        lines.mark_point(filled=True, size=30, opacity=1),
        lines.mark_text(dx=8, dy=-6, fontSize=9).encode(text="strength:N"),
        altair.Chart(altair.Data(values=usual))
        .mark_point(shape="diamond", filled=True, size=120, opacity=1)
        .encode(x=x, y=y, color=color),
    )
    chart.properties(width=560, height=380).save(str(path))


def main() -> None:
    """Reads and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PICTURE.svg")
    options = parser.parse_args()
    models: dict[str, Any] = {}
    for file in options.files:
        models |= json.loads(file.read_text())["models"]
    draw(models, options.output)


if __name__ == "__main__":
    main()
