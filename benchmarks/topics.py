"""Topic models side by side: how coherent and different their topics are, how well they group documents, and seconds of
the processor.

python benchmarks/topics.py DATA --set bbc --topics 50 --seeds 3 [--model NMF ...] [--json FILE] [--words]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from topic_models import MODELS, Fitted
from topic_sets import SETS, TopicSet

from textvae.metrics.topics import (
    CV_WINDOW,
    NPMI_WINDOW,
    TOP,
    c_v,
    nmi,
    npmi,
    purity,
    top_words,
    topic_diversity,
)

_FIGURES = ("npmi", "c_v", "diversity", "purity", "nmi", "perplexity", "seconds")


def measure(fitted: Fitted, data: TopicSet, seconds: float) -> dict[str, float | None]:
    """The figures of one run; documents belong to the topic of their largest share."""
    words = top_words(fitted.words, TOP)
    group = fitted.shares.argmax(1)
    return {
        "npmi": float(npmi(words, data.reference(words, NPMI_WINDOW)).mean()),
        "c_v": float(c_v(words, data.reference(words, CV_WINDOW)).mean()),
        "diversity": topic_diversity(words),
        "purity": purity(group, data.labels),
        "nmi": nmi(group, data.labels),
        "perplexity": fitted.perplexity,
        "seconds": seconds,
    }


def table(rows: dict[str, list[dict[str, float | None]]]) -> str:
    """Markdown: the mean of the runs and, after ±, their standard deviation."""
    lines = ["| model | " + " | ".join(_FIGURES) + " |", "|---" * (len(_FIGURES) + 1) + "|"]
    for name, runs in rows.items():
        cells = []
        for figure in _FIGURES:
            values = np.array([run[figure] for run in runs if run[figure] is not None], float)
            digits = 3 if figure in ("npmi", "c_v", "diversity", "purity", "nmi") else 0
            spread = f" ± {values.std():.{digits}f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.{digits}f}{spread}" if len(values) else "–")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def show(fitted: Fitted, words: Sequence[str]) -> str:
    """Each topic's ten foremost words, the topics of most documents first."""
    size = np.bincount(fitted.shares.argmax(1), minlength=len(fitted.words))
    best = top_words(fitted.words, TOP)
    lines: list[str] = []
    for topic in np.argsort(-size, kind="stable"):
        lines.append(" ".join(str(words[i]) for i in best[topic]))
    return "\n".join(lines)


def main() -> None:
    """Runs the models that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder of the data sets")
    parser.add_argument("--set", choices=SETS, default="bbc")
    parser.add_argument("--topics", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--model", action="append", help="part of a model's name; may be repeated; default: all"
    )
    parser.add_argument("--words", action="store_true", help="print the first seed's topics")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    data = SETS[options.set](options.data)
    rows: dict[str, list[dict[str, float | None]]] = {}
    for name, fit in MODELS.items():
        if options.model and not any(part in name for part in options.model):
            continue
        for seed in range(options.seeds):
            started = time.process_time()
            try:
                fitted = fit(data, options.topics, seed)
            except ImportError as missing:
                print(f"{name}: left out, {missing.name} is not installed", flush=True)
                break
            rows.setdefault(name, []).append(measure(fitted, data, time.process_time() - started))
            if options.words and seed == 0:
                print(f"{name}\n{show(fitted, data.words)}\n", flush=True)
    print(f"{options.set}, K = {options.topics}, {options.seeds} seeds\n\n{table(rows)}")
    if options.json:
        options.json.write_text(json.dumps({"options": vars(options), "runs": rows}, default=str, indent=1))


if __name__ == "__main__":
    main()
