"""What explanations are worth: how much of a space they explain, by which axes, and how foreign texts are found.

    python benchmarks/explain.py space MODEL texts.txt
    python benchmarks/explain.py grammar --seeds 5
    python benchmarks/explain.py foreign MODEL --reference val.txt --known test.txt --foreign oos.txt

`space` explains a model's own axes, random directions alike, and the axes after each unsupervised rotation. `grammar`
trains on the built-in corpus, rotates, and holds the axes against its six factors; a table over the seeds, which start
from --seed, comes last. `foreign` gives the area under the ROC curve of each score for telling foreign texts from
known ones.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from textvae import Corpus, TextVAE, load_corpus
from textvae.explain.fidelity import auc
from textvae.text.grammar import FACTORS, grammar_corpus

# a small model, trained until it knows the grammar
_GRAMMAR = {
    "encoder.embedding": 64,
    "encoder.hidden": 128,
    "encoder.dropout": 0,
    "decoder.embedding": 64,
    "decoder.hidden": 96,
    "decoder.dropout": 0.2,
    "decoder.dropout_in": 0.3,
    "decoder.weight_dropout": 0,
    "train.dropout_rise": 0,
    "train.lr": 4e-3,
    "train.validations": 10,
}
_TEST_SEED = 1000  # of the grammar's texts that figures are taken on: apart from all training seeds
_READ_BY = 5_000  # texts that the network learns from which reads factors off z
_DCI = ("disentanglement", "completeness", "informativeness")


def space(model: Path, texts: Path, seed: int) -> Iterator[dict[str, Any]]:
    """A row for the axes, one for as many random directions, and one for each rotation without labels."""
    corpus = load_corpus(texts)
    for axes in ("own", "random", "varimax", "ica"):
        vae = TextVAE.from_pretrained(model)
        directions = None
        if axes == "random":
            drawn = np.random.default_rng(seed).standard_normal((vae.model_.latent_dim,) * 2)
            directions = dict(enumerate(drawn))
        elif axes != "own":
            vae.rotate(corpus, axes, seed=seed)  # pyright: ignore[reportArgumentType]
        started = time.perf_counter()
        found = vae.explain(corpus, directions=directions, seed=seed)
        seconds = time.perf_counter() - started
        yield {"axes": axes, **summary(found), "seconds": seconds, "n_texts": len(corpus)}


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the active dimensions."""
    active = [each for each in found if each["active"]]
    areas = np.array([each["auc"] for each in active])
    return {
        "active": len(active),
        "explained": sum(each["explained"] for each in active),
        "auc": float(areas.mean()),
        "auc_spread": float(areas.std()),
        "auc_random": float(np.mean([each["auc_random"] for each in active])),
        "auc_random_upper": float(np.mean([each["auc_random_interval"][1] for each in active])),
    }


def grammar(
    seed: int, n_texts: int, epochs: float, latent_dim: int, target_kl: float
) -> Iterator[dict[str, Any]]:
    """One model, its axes as trained and after each rotation, held against the factors."""
    train, test = grammar_corpus(n_texts, seed), grammar_corpus(4000, _TEST_SEED + seed)
    options: dict[str, Any] = {"latent_dim": latent_dim, "epochs": epochs, "target_kl": target_kl}
    trained = TextVAE(**options, seed=seed, set=_GRAMMAR).fit(train.texts)
    held = _held(trained, train.select(range(_READ_BY)), test)
    for axes in ("own", "varimax", "ica", "labels"):
        # turning a turned model turns it once: the axes are chosen anew
        if axes != "own":
            trained.rotate(train, axes, seed=seed)  # pyright: ignore[reportArgumentType]
        scores = trained.disentangle(test, seed=seed)
        found = trained.explain(test, seed=seed)
        carriers = {each["factor"]: each for each in scores["carriers"]}
        named = [f for f in FACTORS if found[carriers[f]["axis"]]["name"].startswith(f"{f}:")]
        told = {f: carriers[f]["information"] / carriers[f]["entropy"] for f in FACTORS}
        dci = {key: scores[key] for key in _DCI}
        yield {"seed": seed, "axes": axes, **dci, "told": told, "named": named, "held": held}


def _held(vae: TextVAE, train: Corpus, test: Corpus) -> dict[str, float]:
    """How well a network reads each factor off z, whatever the axes: accuracy on the test texts."""
    z, unseen = vae.encode(train.texts), vae.encode(test.texts)
    read = MLPClassifier(64, early_stopping=True, random_state=0)
    return {f: float(read.fit(z, train.labels[f]).score(unseen, test.labels[f])) for f in FACTORS}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: DCI, the shares of the factors' entropies that their best axes tell, and how many are named by them.

    Mean and standard deviation over the seeds, a line for each choice of axes; the last says what z holds at all.
    """
    lines = ["| axes | " + " | ".join((*_DCI, *FACTORS, "named")) + " |"]
    lines.append("|---" * (len(_DCI) + len(FACTORS) + 2) + "|")
    for axes in dict.fromkeys(row["axes"] for row in rows):
        own = [row for row in rows if row["axes"] == axes]
        columns = [[row[key] for row in own] for key in _DCI]
        columns += [[row["told"][f] for row in own] for f in FACTORS]
        columns.append([len(row["named"]) for row in own])
        lines.append(f"| {axes} | " + " | ".join(map(_spread, columns)) + " |")
    held = [_spread([row["held"][f] for row in rows if row["axes"] == "own"]) for f in FACTORS]
    return "\n".join([*lines, "| read by a network | – | – | – | " + " | ".join(held) + " | – |"])


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def foreign(model: Path, reference: Path, known: Path, strange: Path, seed: int) -> list[dict[str, Any]]:
    """The area under the ROC curve of each score, with its interval."""
    vae = TextVAE.from_pretrained(model)
    asked = [load_corpus(path).texts for path in (known, strange)]
    found = vae.certainty(asked[0] + asked[1], reference=load_corpus(reference), seed=seed)["texts"]
    is_foreign = np.arange(len(found)) >= len(asked[0])
    rows = []
    for score in ("surprise", "likelihood", "latent"):
        area, interval = auc(np.array([each[score] for each in found]), is_foreign)
        rows.append({"score": score, "auroc": area, "interval": interval})
    return rows


def main() -> None:
    """Prints a JSON object a row, and of the grammar a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    of_space = commands.add_parser("space")
    of_space.add_argument("model", type=Path)
    of_space.add_argument("texts", type=Path)
    of_grammar = commands.add_parser("grammar")
    of_grammar.add_argument("--seeds", type=int, default=5)
    of_grammar.add_argument("--texts", type=int, default=30_000)
    of_grammar.add_argument("--epochs", type=float, default=10)
    of_grammar.add_argument("--latent-dim", type=int, default=32)
    of_grammar.add_argument("--target-kl", type=float, default=6)
    of_foreign = commands.add_parser("foreign")
    of_foreign.add_argument("model", type=Path)
    for name in ("--reference", "--known", "--foreign"):
        of_foreign.add_argument(name, type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows: Iterable[dict[str, Any]]
    if given.what == "space":
        rows = space(given.model, given.texts, given.seed)
    elif given.what == "foreign":
        rows = foreign(given.model, given.reference, given.known, given.foreign, given.seed)
    else:
        seeds = range(given.seed, given.seed + given.seeds)
        rows = chain.from_iterable(
            grammar(seed, given.texts, given.epochs, given.latent_dim, given.target_kl) for seed in seeds
        )
    done = []
    for row in rows:
        done.append(row)
        print(json.dumps(row), flush=True)
    if given.what == "grammar":
        print(table(done))


if __name__ == "__main__":
    main()
