"""Charts that stand still: inline SVG in the colours of the page, each with its figures for who can't see it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from textvae.report.history import Curve, History
from textvae.report.wording import Translator

_WIDTH, _HEIGHT = 360, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 352, 10, 192
_OUTLIERS = 0.03  # share of the points that may lie above the chart, as the first steps of a training do


@dataclass(frozen=True)
class Line:
    """A curve with its name and the colour ``--c1`` … ``--c8`` it has; drawn with its points or without."""

    name: str
    curve: Curve
    colour: int
    dots: bool = False


def line_chart(title: str, lines: Sequence[Line], *, whole: bool = False) -> Markup:
    """Curves over the steps of a training; with nothing to draw, nothing.

    Args:
        whole: the figures are whole numbers from 0 on, and all of them are shown.
    """
    lines = [line for line in lines if line.curve.steps]
    if not lines:
        return Markup("")
    steps = np.concatenate([line.curve.steps for line in lines])
    values = np.concatenate([line.curve.values for line in lines])
    across = ticks(0.0, float(steps.max()), 4)
    low = 0.0 if whole else float(values.min())
    high = float(values.max()) if whole else float(np.quantile(values, 1 - _OUTLIERS))
    up = ticks(low, high, 5)
    x = scale(across[0], max(across[-1], float(steps.max())), _LEFT, _RIGHT)
    y = scale(up[0], up[-1], _BOTTOM, _TOP)
    parts = [_axes(across, up, x, y)]
    drawn = Markup("").join(_line(line, x, y) for line in lines)
    frame = Markup('<svg x="{l}" y="{t}" width="{w}" height="{h}" viewBox="{l} {t} {w} {h}">{drawn}</svg>')
    parts.append(frame.format(l=_LEFT, t=_TOP - 4, w=_WIDTH - _LEFT, h=_BOTTOM - _TOP + 8, drawn=drawn))
    ends = [f"{line.name}: {_short(line.curve.values[-1])}" for line in lines]
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{label}"><title>{label}</title>{parts}</svg>'
    ).format(w=_WIDTH, h=_HEIGHT, label=f"{title}. {', '.join(ends)}", parts=Markup("").join(parts))


def interval_chart(values: Sequence[tuple[float, Sequence[float]]], title: str) -> Markup:
    """Values with their intervals on a line from 0.4 to 1, with a mark at 0.5: the first in colour, others in grey."""
    x = scale(0.4, 1.0, 4, 236)
    parts = [Markup('<line x1="4" x2="236" y1="12" y2="12" class="base"/>')]
    parts.append(Markup('<line x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="20" class="base"/>').format(x=x(0.5)))
    for i, (value, interval) in reversed(list(enumerate(values))):
        low, high = (x(min(max(end, 0.4), 1.0)) for end in interval)
        parts.append(
            Markup('<line x1="{l:.1f}" x2="{h:.1f}" y1="12" y2="12" class="span-{i}"/>').format(
                l=low, h=high, i=min(i, 1)
            )
        )
        parts.append(
            Markup('<circle cx="{x:.1f}" cy="12" r="5" class="dot-{i}"/>').format(
                x=x(min(max(value, 0.4), 1.0)), i=min(i, 1)
            )
        )
    shown = ", ".join(f"{value:.2f}" for value, _ in values)
    return Markup(
        '<svg class="interval" viewBox="0 0 240 24" role="img" aria-label="{title}: {shown}">{parts}</svg>'
    ).format(title=title, shown=shown, parts=Markup("").join(parts))


def bar(share: float) -> Markup:
    """A bar of this share of its whole width; what it shows has to be said beside it."""
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{:.1f}" height="8" class="fill-1"/></svg>'
    ).format(100 * min(max(share, 0.0), 1.0))


def training_charts(history: History | None, t: Translator) -> list[dict[str, Any]]:
    """Loss, KL and active units over time: ``title``, ``unit``, ``meaning``, the names and colours of ``lines``, their
    ``curves``, and ``svg``.
    """
    if history is None:
        return []
    names = [t("training"), t("validation")]

    def chart(title: str, unit: str, meaning: str, *curves: Curve, whole: bool = False) -> dict[str, Any]:
        lines = [
            Line(name, curve, i, dots=i > 1)
            for i, (name, curve) in enumerate(zip(names, curves, strict=False), 1)
            if curve.steps
        ]
        svg = line_chart(title, lines, whole=whole)
        return {
            "title": title,
            "unit": unit,
            "meaning": meaning,
            "lines": [(line.name, line.colour) for line in lines],
            "curves": [asdict(line.curve) for line in lines],
            "svg": svg,
        }

    charts = [
        chart(
            t("Loss"),
            t("nats per text"),
            t("−ELBO: what a text costs, its reconstruction and its KL together; lower is better."),
            history.loss,
            history.validation_loss,
        ),
        chart(
            "KL",
            t("nats per text"),
            t("How much the latent says about a text; at 0 it says nothing."),
            history.kl,
            history.validation_kl,
        ),
        chart(
            t("Active units"),
            t("dimensions"),
            t("Latent dimensions that differ from text to text."),
            history.active_units,
            whole=True,
        ),
    ]
    return [each for each in charts if each["svg"]]


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers, ``most`` + 1 of them or about as many, from ``low`` or below to ``high`` or above.

    >>> ticks(0, 43841, 4)
    [0.0, 20000.0, 40000.0, 60000.0]
    """
    span = (high - low) or abs(high) or 1.0
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From values in [low, high] to places from start to end."""
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _axes(
    across: Sequence[float], up: Sequence[float], x: Callable[[float], float], y: Callable[[float], float]
) -> Markup:
    rules = [
        Markup('<line x1="{l}" x2="{r}" y1="{y:.1f}" y2="{y:.1f}"/>').format(l=_LEFT, r=_RIGHT, y=y(value))
        for value in up
    ]
    names = [
        Markup('<text x="{x}" y="{y:.1f}" text-anchor="end">{value}</text>').format(
            x=_LEFT - 7, y=y(value) + 4, value=_short(value)
        )
        for value in up
    ]
    names += [
        Markup('<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{value}</text>').format(
            x=x(value), y=_BOTTOM + 19, anchor="middle" if value else "start", value=_short(value)
        )
        for value in across
        if x(value) <= _RIGHT
    ]
    return Markup('<g class="rules">{rules}</g><g class="ticks">{names}</g>').format(
        rules=Markup("").join(rules), names=Markup("").join(names)
    )


def _line(line: Line, x: Callable[[float], float], y: Callable[[float], float]) -> Markup:
    points = [(x(s), y(v)) for s, v in zip(line.curve.steps, line.curve.values, strict=True)]
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    drawn = [Markup('<polyline points="{path}" class="line-{c}"/>').format(path=path, c=line.colour)]
    if line.dots or len(points) == 1:
        drawn += [
            Markup('<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" class="fill-{c}"/>').format(
                x=px, y=py, c=line.colour
            )
            for px, py in points
        ]
    return Markup("").join(drawn)


def _short(value: float) -> str:
    """As short as a label of an axis has to be: 40k, 1.5, 0.02."""
    if abs(value) >= 1_000_000:
        return f"{value / 1_000_000:.3g}M"
    if abs(value) >= 10_000:
        return f"{value / 1_000:.3g}k"
    return f"{value:,.4g}"
