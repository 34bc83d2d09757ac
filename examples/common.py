"""What the examples share: texts and a model of them, by a few options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from textvae import Corpus, TextVAE, load_corpus


class Setting(NamedTuple):
    """What an example starts from: texts kept from training are in ``held_out``."""

    vae: TextVAE
    train: Corpus
    held_out: Corpus
    options: argparse.Namespace


def options(doc: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """The options of every example, with defaults of its own."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n\n")[0])
    parser.add_argument("file", nargs="?", help="your texts (default: %(default)s, built in)")
    parser.add_argument("--text-column", help="column of the texts")
    parser.add_argument("--label-column", help="column of a label")
    parser.add_argument("--model", help="folder of a trained model (default: one is trained)")
    parser.add_argument("--time-budget", help="time to train (default: %(default)s)")
    parser.add_argument("--most", type=int, help="texts used, at most (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of all that is drawn (default: %(default)s)")
    parser.set_defaults(**{"file": "grammar", "time_budget": "60s", "most": 20_000, "seed": 0, **defaults})
    return parser


def prepare(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None, texts: Corpus | None = None, **model: Any
) -> Setting:
    """Reads the texts, keeps a fifth of them apart, and trains a model on the others unless there is one.

    ``model`` are options of ``TextVAE``.
    """
    chosen = parser.parse_args(argv)
    if texts is None:
        corpus = load_corpus(chosen.file, text_column=chosen.text_column, label_column=chosen.label_column)
    else:
        corpus = texts
    order = np.random.default_rng(chosen.seed).permutation(len(corpus))[: chosen.most]
    cut = len(order) // 5
    held_out, train = corpus.select(np.sort(order[:cut])), corpus.select(np.sort(order[cut:]))
    if chosen.model is not None:
        vae = TextVAE.from_pretrained(chosen.model)
    else:
        vae = TextVAE(time_budget=chosen.time_budget, seed=chosen.seed, verbose=True, **model).fit(train)
    return Setting(vae, train, held_out, chosen)


def label_of(corpus: Corpus, name: str | None) -> np.ndarray | None:
    """The label that was asked for, else the first there is, (N,); None if the texts have none."""
    if name is not None and name in corpus.labels:
        return corpus.labels[name]
    return next(iter(corpus.labels.values()), None)
