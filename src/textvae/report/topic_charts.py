"""Charts of topics: how they lie to each other, and their course."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from textvae.report.charts import scale, ticks
from textvae.report.topics import Course, Topic
from textvae.report.wording import Translator, shown

_WIDTH, _HEIGHT, _MARGIN = 720, 440, 76  # of the plane of topics
_AREA = 0.16 * _WIDTH * _HEIGHT  # of all discs together
_COURSE, _LEFT, _RIGHT = 360, 44, 352
_NAME = 80  # characters of a topic's name


def topic_chart(topics: Sequence[Topic], t: Translator) -> Markup:
    """Topics as discs in their plane, with links to what is said of them; the larger lie below the smaller."""
    x = scale(*_ends([topic.place[0] for topic in topics]), _MARGIN, _WIDTH - _MARGIN)
    y = scale(*_ends([topic.place[1] for topic in topics]), _HEIGHT - _MARGIN, _MARGIN)
    places = {topic.topic: (x(topic.place[0]), y(topic.place[1])) for topic in topics}
    places = dict(zip(places, apart(np.array(list(places.values()))).tolist(), strict=True))
    whole = sum(topic.share for topic in topics) or 1.0
    discs = []
    for topic in sorted(topics, key=lambda topic: -topic.share):
        radius = max(math.sqrt(_AREA * topic.share / whole / math.pi), 12)
        title = t("Topic {name}", name=shown(f"{topic.topic} · {topic.name}", _NAME))
        across, down = places[topic.topic]
        discs.append(
            Markup(
                '<a href="#topic-{n}" aria-label="{title}"><title>{title}</title>'
                '<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>'
                '<text x="{x:.1f}" y="{below:.1f}" text-anchor="middle">{n}</text></a>'
            ).format(
                n=topic.topic,
                title=title,
                x=across,
                y=down,
                below=down + 5,
                r=radius,
            )
        )
    return Markup('<svg class="discs" viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, t("Topics"), Markup("").join(discs)
    )


def apart(places: np.ndarray, least: float = 28.0) -> np.ndarray:
    """Places (K, 2) of which those nearer than ``least`` are moved away from each other, so that labels can be read."""
    moved = np.array(places, np.float64)
    # those in one place part along a circle, each its own way
    turns = 2.4 * np.arange(len(moved))
    moved += 0.01 * np.column_stack([np.cos(turns), np.sin(turns)])
    for _ in range(100):
        between = moved[:, None] - moved
        distance = np.linalg.norm(between, axis=2) + np.eye(len(moved)) * least
        push = np.maximum(least - distance, 0) / 2 / distance
        if push.max() < 1e-3:
            break
        moved += (between * push[:, :, None]).sum(1)
    return moved


def course_chart(course: Course, topic: int, name: str, *, t: Translator) -> Markup:
    """A topic's share in the documents of each period, with its interval as a band."""
    share, lower, upper = (
        [row[topic] for row in rows] for rows in (course.share, course.lower, course.upper)
    )
    up = ticks(0.0, max(upper), 2)
    x = scale(0, max(len(share) - 1, 1), _LEFT, _RIGHT)
    y = scale(0.0, up[-1], 80, 10)
    line = " ".join(f"{x(i):.1f},{y(value):.1f}" for i, value in enumerate(share))
    band = [*enumerate(upper), *reversed(list(enumerate(lower)))]
    around = " ".join(f"{x(i):.1f},{y(value):.1f}" for i, value in band)
    marks = [
        Markup('<text x="{}" y="{:.1f}" text-anchor="end">{:.0%}</text>').format(
            _LEFT - 7, y(value) + 4, value
        )
        for value in up
    ]
    marks += [
        Markup('<text x="{}" y="98" text-anchor="{}">{}</text>').format(place, anchor, shown(period, 20))
        for place, anchor, period in (
            (_LEFT, "start", course.periods[0]),
            (_RIGHT, "end", course.periods[-1]),
        )
    ]
    label = t(
        "Topic {name} from {first} to {last}: from {low} to {high} of the documents",
        name=shown(name, _NAME),
        first=course.periods[0],
        last=course.periods[-1],
        low=f"{min(share):.0%}",
        high=f"{max(share):.0%}",
    )
    return Markup(
        '<svg class="course" viewBox="0 0 {w} 104" role="img" aria-label="{label}"><polygon points="{around}"/>'
        '<polyline points="{line}" class="line-1"/><g class="ticks">{marks}</g></svg>'
    ).format(w=_COURSE, label=label, around=around, line=line, marks=Markup("").join(marks))


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1, high + 1)
