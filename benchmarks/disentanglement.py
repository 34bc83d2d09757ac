"""Whether known factors of texts have axes of their own: published scores checked, and presets measured.

    python benchmarks/disentanglement.py reference disentangle_toy                  # the folder of the reference
    python benchmarks/disentanglement.py models grammar --presets default,zhu2020 --seeds 3
    python benchmarks/disentanglement.py models dsentences/dSentences.npz --presets default --texts 8000
    python benchmarks/disentanglement.py models grammar --target-kl 2,4,8,16        # rate against interpretability

`models` trains every preset with every seed on texts drawn with that seed and measures it on others, by the axes as
trained and, where the prior is N(0, I), after `TextVAE.rotate`. One line of figures a run, then the table: mean and
standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from preset_runs import add_options, all_runs

from textvae import Corpus, TextVAE, TextVAEError
from textvae.metrics.disentanglement import (
    dci,
    factor_values,
    irs,
    mig,
    modularity,
    sap,
    z_diff,
    z_min_var,
)
from textvae.text.grammar import grammar_corpus

# Scores of Zhang, Prokhorov & Shareghi 2021, as their repository lists them.
PUBLISHED = {
    "toy": {
        "z_diff": 0.5140,
        "z_min_var": 0.5068,
        "mig": 0.0852,
        "modularity": 0.9952,
        "dci": 0.0107,
        "sap": 0.0103,
    },
    "toy_ideal1": {"z_diff": 1, "z_min_var": 1, "mig": 0.8105, "modularity": 1, "dci": 0.6647, "sap": 0.0468},
}
_PUBLISHED_TEXTS = 10_000  # that their scores, but for the first two, are of
_TEST_TEXTS = 2_000
# The columns of dSentences' classes, but for the first, the verb and its object: 1,100 values that are the content.
_DSENTENCES = (
    "object_plural",
    "question",
    "gender",
    "subject_plural",
    "person",
    "negation",
    "tense",
    "progressive",
)
SCORES = (
    "mig",
    "sap",
    "completeness",
    "disentanglement",
    "modularity",
    "irs",
    "z_diff",
    "z_min_var",
    "informativeness",
)
RATES = ("kl", "mi", "nll")


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, dest="command")
    check = commands.add_parser("reference")
    check.add_argument("folder", type=Path, help="test.txt, toy.csv.gz and toy_ideal1.csv.gz")
    models = commands.add_parser("models")
    models.add_argument("data", help="grammar, or the .npz file of dSentences")
    add_options(models, seeds=3, latent_dim=16)
    models.add_argument("--texts", type=int, default=4_000, help="trained on")
    models.add_argument("--rotate", default="ica", help="method of TextVAE.rotate")
    models.add_argument("--json", type=Path, help="file of all figures, one line a run")
    options = parser.parse_args()
    if options.command == "reference":
        reference(options.folder)
        return
    runs = []
    for run in train_and_measure(options):
        runs.append(run)
        print(json.dumps(run), flush=True)
        if options.json:
            options.json.write_text("".join(json.dumps(each) + "\n" for each in runs))
    print(table(runs))


# ------------------------------------------------------------------ the reference


def reference(folder: Path) -> None:
    """Prints each metric of the reference representations beside what was published."""
    words = [line.split() for line in (folder / "test.txt").read_text().splitlines()]
    values = factor_values(
        {str(place): np.array(column) for place, column in enumerate(zip(*words, strict=True))}
    )
    print("| representation | metric | all rows | 10,000 rows, 5 draws | published |\n|---|---|---|---|---|")
    for name, published in PUBLISHED.items():
        z = np.loadtxt(folder / f"{name}.csv.gz", delimiter=",", skiprows=1)[:, 1:]
        draws = [
            np.random.default_rng(seed).choice(len(z), _PUBLISHED_TEXTS, replace=False) for seed in range(5)
        ]
        for metric, score in _metrics().items():
            whole = score(z, values, 0)
            some = [score(z[rows], values[rows], seed) for seed, rows in enumerate(draws)]
            known = f"{published[metric]:.4f}" if metric in published else "–"
            print(f"| {name} | {metric} | {whole:.4f} | {_spread(some, 4)} | {known} |", flush=True)


def _metrics() -> dict[str, Any]:
    """Each metric as a function of (z, values, seed)."""
    return {
        "mig": lambda z, values, seed: mig(z, values),
        "modularity": lambda z, values, seed: modularity(z, values),
        "dci": lambda z, values, seed: dci(z, values, seed=seed, axes_per_split="sqrt").disentanglement,
        "dci, all axes in every split": lambda z, values, seed: dci(z, values, seed=seed).disentanglement,
        "sap": lambda z, values, seed: sap(z, values, seed=seed),
        "irs": lambda z, values, seed: irs(z, values),
        "z_diff": lambda z, values, seed: z_diff(z, values, seed=seed),
        "z_min_var": lambda z, values, seed: z_min_var(z, values, seed=seed),
    }


# ------------------------------------------------------------------ models


def train_and_measure(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row of figures for each preset, rate and seed, and another after rotation."""
    for run in all_runs(options):
        train, test = corpora(options.data, options.texts, run.seed)
        started = time.process_time()
        vae = run.train(options, train.texts)
        evaluation = vae.metrics_["evaluation"]
        about = asdict(run) | {name: evaluation[name] for name in RATES}
        about["cpu_seconds"] = round(time.process_time() - started)
        figures = _figures(vae, test)
        yield about | {"axes": "as trained"} | figures
        if vae.config_.prior.name == "standard" and figures["dimensions"]:
            vae.rotate(train, options.rotate)
            yield about | {"axes": f"rotated, {options.rotate}"} | _figures(vae, test)


def corpora(data: str, texts: int, seed: int) -> tuple[Corpus, Corpus]:
    """Texts to train on and others to measure on, with their factors as labels."""
    if data == "grammar":
        return grammar_corpus(texts, seed), grammar_corpus(_TEST_TEXTS, 1_000_000 + seed)
    with np.load(data, allow_pickle=False) as file:
        sentences, classes = file["sentences_array"], file["latents_classes"]
    rows = np.random.default_rng(seed).choice(len(sentences), texts + _TEST_TEXTS, replace=False)
    labels = {name: classes[rows, column] for column, name in enumerate(_DSENTENCES, 1)}
    whole = Corpus([text.decode() for text in sentences[rows]], labels, Path(data).stem)
    return whole.select(range(texts)), whole.select(range(texts, texts + _TEST_TEXTS))


def _figures(vae: TextVAE, test: Corpus) -> dict[str, Any]:
    try:
        return vae.disentangle(test)
    except TextVAEError:  # fewer than two dimensions are active
        return dict.fromkeys(SCORES) | {"dimensions": []}


def table(runs: Iterable[Mapping[str, Any]]) -> str:
    """Markdown: a line for each preset, rate and choice of axes, with mean ± standard deviation over the seeds."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for run in runs:
        groups.setdefault((run["preset"], run["target_kl"], run["axes"]), []).append(run)
    columns = ("preset", "target KL", "axes", *RATES, "active", *SCORES)
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for (preset, target, axes), members in groups.items():
        cells = [preset, "–" if target is None else f"{target:g}", axes]
        cells += [_spread([run[name] for run in members], 1) for name in RATES]
        cells.append(_spread([len(run["dimensions"]) for run in members], 0))
        cells += [_spread([run[name] for run in members], 2) for name in SCORES]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values: Sequence[float | None], digits: int) -> str:
    """Mean ± standard deviation; nothing for what a collapsed model has none of."""
    there = [value for value in values if value is not None]
    if len(there) < len(values):
        return "–"
    deviation = f" ± {stdev(there):.{digits}f}" if len(there) > 1 else ""
    return f"{mean(there):.{digits}f}{deviation}"


if __name__ == "__main__":
    main()
