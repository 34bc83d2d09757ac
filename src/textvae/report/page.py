"""The report as one HTML file: nothing in it is fetched, and nothing that a user or a model wrote is markup."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Callable
from functools import partial
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any

import jinja2
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape

from textvae.estimators.card import Figure, figures
from textvae.estimators.topics.figures import topic_figures
from textvae.language import current, phrases, translate, use
from textvae.report import wording
from textvae.report.atlas import Atlas
from textvae.report.charts import bar, interval_chart, training_charts
from textvae.report.content import Content, gather
from textvae.report.packing import packed
from textvae.report.topic_charts import course_chart, topic_chart
from textvae.store import write_atomically
from textvae.text.batch import evenly
from textvae.ui import asset

LARGEST = 3_000_000  # bytes of a report
_MAP_SHARE = 0.5  # of these, what the map's data may have
_LONGEST, _BRIEF, _WORD = (
    600,
    160,
    40,
)  # characters that are shown of a text, of one on a card, and of a word there
_CARDS, _OPEN_CARDS = 64, 12  # dimensions that are described, and those that one sees at once


def write_report(
    vae: Any,
    texts: Any = None,
    path: str | PathLike[str] = "report.html",
    *,
    name: str | None = None,
    dates: str | None = None,
    iw_samples: int = 20,
    seed: int = 0,
    say: Callable[[str], object] = lambda line: None,
) -> Content:
    """Measures a trained ``TextVAE`` or ``TopicVAE`` and writes what comes of it as one HTML file of less than 3 MB.

    It is in the language of ``textvae.language.current``.

    Args:
        texts, dates, iw_samples, seed, say: of ``textvae.report.content.gather``.
        path: of the file; one that is there is replaced.
        name: of the model; by default that of the file's folder.

    Raises:
        TextVAEError: there are no texts among those given, or the file can't be written.
    """
    target = Path(path)
    title = name or target.resolve().parent.name
    content = gather(vae, texts, name=title, dates=dates, iw_samples=iw_samples, seed=seed, say=say)
    write_atomically(target, render(content).encode())
    return content


def render(content: Content, language: str | None = None) -> str:
    """The page, in the language in use unless another is asked for.

    Where texts are so long that it would grow beyond 3 MB, the map has fewer of them and the page says so.
    """
    before = current()
    use(language or before)
    try:
        return _render(content)
    finally:
        use(before)


def _render(content: Content) -> str:
    words = phrases("ui") | phrases("report")
    t = wording.translator(words)
    style = Markup("\n".join([*map(asset, ("theme.css", "base.css", "map.css")), _own("report.css")]))
    script = Markup("\n".join([*map(asset, ("strings.js", "map.js")), _own("report.js")]))
    drawn = training_charts(content.history, t)
    on_map, map_data = _map_data(content.atlas, t)
    filters = {
        "thousands": lambda number: f"{number:,}",
        "pieces": wording.shown_pieces,
        "word": lambda text: wording.shown(text, _WORD),
        "brief": lambda text: wording.shown(text, _BRIEF),
        "filename": wording.filename,
        "duration": partial(wording.duration, t=t),
        "amount": partial(wording.amount, t=t),
        "signed": wording.signed,
        "bar": bar,
        "code": wording.code,
        "translate": translate,
        "evidence": lambda d: interval_chart(
            [(d["auc"], d["auc_interval"]), (d["auc_random"], d["auc_random_interval"])],
            t("AUC, and that of random directions"),
        ),
    }
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_own),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=wording.shown,
    )
    environment.filters.update(filters)
    return environment.get_template("report.html.jinja").render(
        # one by one: ``asdict`` would copy the map
        {field.name: getattr(content, field.name) for field in dataclasses.fields(content)}
        | {
            "t": wording.markup(t),
            "language": current(),
            "style": style,
            "script": script,
            "policy": _policy(style, script),
            "figures": _figures(content),
            "charts": drawn,
            "names": {}
            if content.topics is None
            else {each.topic: each.name for each in content.topics.topics},
            "topic_chart": None if content.topics is None else topic_chart(content.topics.topics, t),
            "course_chart": partial(course_chart, t=t),
            "dimensions": content.dimensions[:_CARDS],
            "open_cards": _OPEN_CARDS,
            "n_dimensions": len(content.dimensions),
            "n_explained": sum(each["explained"] for each in content.dimensions),
            "n_on_map": on_map,
            "parts": _parts(content.config, t),
            "configuration": escape(json.dumps(content.config, indent=2, ensure_ascii=False)),
            "page_data": Markup('{{"map":{},"curves":{},"phrases":{}}}').format(
                map_data, _json([each["curves"] for each in drawn]), _json(words)
            ),
        }
    )


def _figures(content: Content) -> list[Figure]:
    if content.topics is not None:
        return topic_figures(content.topics.figures)
    return figures(content.evaluation) if content.evaluation else []


def _own(name: str) -> str:
    return (resources.files("textvae.report") / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """The content security policy: just this style and this script, and nothing from anywhere."""
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> Markup:
    """JSON that can stand in a script: what would be markup is escaped as JSON has it."""
    return htmlsafe_json_dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parts(config: dict[str, Any], t: wording.Translator) -> list[tuple[str, str]]:
    titles = {
        "encoder": t("encoder"),
        "posterior": t("posterior"),
        "prior": t("prior"),
        "decoder": t("decoder"),
        "objective": t("objective"),
    }
    return [(title, config[kind]["name"]) for kind, title in titles.items()]


def _map_data(atlas: Atlas | None, t: wording.Translator) -> tuple[int, Markup]:
    """How many texts are on the map, as many as there is room for, and what the page's script draws it from."""
    most = 0 if atlas is None else len(atlas.texts)
    while atlas is not None and most:
        data = _json(packed(atlas, evenly(len(atlas.texts), most), t))
        if len(data.encode()) < _MAP_SHARE * LARGEST:
            return most, data
        most //= 2
    return 0, _json(None)
