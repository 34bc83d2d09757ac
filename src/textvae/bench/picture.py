"""Rate against distortion, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textvae.bench.entry import Asked
from textvae.errors import TextVAEError

PICTURE = "rate_distortion.svg"


def draw(entries: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """KL (rate) against reconstruction (distortion), a point an entry, those of one preset joined and named.

    Their sum is -ELBO, so the diagonals are equally good (Alemi et al. 2018, "Fixing a Broken ELBO").

    Raises:
        TextVAEError: the extra ``plot`` is not installed.
    """
    try:
        import altair
        import vl_convert  # noqa: F401  (altair's own way to SVG)
    except ImportError as error:
        raise TextVAEError("Drawing needs altair: pip install 'textvae[plot]'.") from error
    points = []
    for entry in entries:
        if "figures" in entry:
            asked, figures = Asked(**entry["asked"]), entry["figures"]
            point = {"preset": asked.preset, "seed": asked.seed}
            points.append(point | {key: figures[key] for key in ("kl", "reconstruction", "nll")})
    if not points:
        return
    sums = sorted(p["kl"] + p["reconstruction"] for p in points)
    widest = max(p["kl"] for p in points) * 1.15 + 0.5
    step = max(round((sums[-1] - sums[0]) / 5), 1)
    heights = [p["reconstruction"] for p in points]
    lines = [
        {"level": level, "kl": rate, "reconstruction": level - rate}
        for level in range(int(sums[0]), int(sums[-1]) + step + 1, step)
        for rate in (0.0, widest)
    ]
    x = altair.X("kl:Q", title="rate: KL, nats per text", scale=altair.Scale(domain=[0, widest], nice=False))
    y = altair.Y(
        "reconstruction:Q",
        title="distortion: reconstruction, nats per text",
        scale=altair.Scale(domain=[min(heights) - 2, max(heights) + 2], nice=False),
    )
    diagonals = (
        altair.Chart(altair.Data(values=lines))
        .mark_line(color="#ccc", strokeWidth=1, clip=True)
        .encode(x=x, y=y, detail="level:N")
    )
    # names stand beside the points: the colours of a legend of twenty can't be told apart
    colour = altair.Color("preset:N", legend=None, scale=altair.Scale(scheme="category10"))
    entries_ = altair.Chart(altair.Data(values=points)).encode(x=x, y=y, color=colour)
    ends = {point["preset"]: point for point in sorted(points, key=lambda point: point["kl"])}
    names = (
        altair.Chart(altair.Data(values=list(ends.values())))
        .mark_text(align="left", dx=7, fontSize=9)
        .encode(x=x, y=y, text="preset:N")
    )
    chart = diagonals + entries_.mark_line(strokeWidth=1) + entries_.mark_point(filled=True, size=60) + names
    chart.properties(width=800, height=640, title=f"{title}: grey lines are equal -ELBO").configure(
        background="white"
    ).save(str(path))
