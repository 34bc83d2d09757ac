"""Every preset learns what is planted in texts of the built-in grammar, by its own parts and its own objective."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer

from textvae import MatrixVAE, TextVAE
from textvae.config import read_config
from textvae.estimators.card import figures
from textvae.metrics.draws import posterior_draws
from textvae.metrics.ngram import Trigrams
from textvae.metrics.probes import probe
from textvae.model import VAE, build, evaluating
from textvae.presets import load_preset, preset_names
from textvae.text.batch import Dataset
from textvae.text.grammar import grammar_corpus

# Two kinds of review with hardly a word in common: "The soup was tasty, I thought.", "The rooms are clean, they say."
KINDS = (
    {"aspect": "food", "tense": "past", "person": "I", "negation": "no"},
    {"aspect": "place", "tense": "present", "person": "they", "negation": "no"},
)
LATENT_DIM = 16
SMALL = {f"{part}.{size}": 64 for part in ("encoder", "decoder") for size in ("embedding", "hidden")}
QUICK = {"train.lr": 0.01, "train.precision": "fp32", "train.validations": 1}
# A decoder that sees few of a text's words has to ask z for the kind, which saves it some five nats. One that sees all
# learns what follows from what long before its encoder has learned anything.
FORGETFUL = {"decoder.word_dropout": 0.7, "decoder.dropout": 0.0, "decoder.dropout_in": 0.0}
STEPS = 300
# What a preset needs beside that to be as small, or to have begun to use z by the end of so short a training.
OWN: dict[str, dict[str, Any]] = {
    "kingma2014": {"train.steps": 150},
    "kim2018": {"objective.svi_steps": 3},
    "li2019": {"train.lr": 0.02, "train.steps": 600},
    "shen2020": {"train.lr": 0.02, "train.steps": 600},
    "tolstikhin2018": {"train.lr": 0.02, "train.steps": 600},
    "transformer": {
        **{
            f"{part}.{size}": n
            for part in ("encoder", "decoder")
            for size, n in {"width": 32, "layers": 1}.items()
        },
        "train.lr": 0.003,
    },
    "yang2017": {"decoder.filters": 32},
}
CONFIGS = {name: read_config(load_preset(name).config) for name in preset_names()}
OF_SENTENCES = [name for name, config in CONFIGS.items() if config.reads == "tokens"]
ENCODING = [name for name in OF_SENTENCES if CONFIGS[name].posterior.name not in ("none", "committed")]


@dataclass
class Reviews:
    """Texts and the kind of each (N,)."""

    texts: list[str]
    kind: np.ndarray


def reviews(n: int, seed: int) -> Reviews:
    corpus = grammar_corpus(n, seed)
    asides = np.array([text.startswith("The ") for text in corpus.texts])
    is_of = np.stack(
        [asides & np.all([corpus.labels[f] == v for f, v in kind.items()], axis=0) for kind in KINDS], axis=1
    )
    chosen = np.flatnonzero(is_of.any(1))
    return Reviews(corpus.select(chosen).texts, is_of[chosen].argmax(1))


@pytest.fixture(scope="module")
def train() -> Reviews:
    return reviews(40_000, seed=1)


@pytest.fixture(scope="module")
def test() -> Reviews:
    return reviews(30_000, seed=2)


def fitted(preset: str, train: Reviews) -> TextVAE:
    sizes = {} if preset == "transformer" else SMALL
    options = {**sizes, **FORGETFUL, **QUICK, "train.steps": STEPS, **OWN.get(preset, {})}
    # the kinds of a few texts, for a preset that learns from labels
    labels = [str(kind) if place % 8 == 0 else "" for place, kind in enumerate(train.kind)]
    return TextVAE(preset, latent_dim=LATENT_DIM, set=options).fit(train.texts, labels)


def told_apart(model: VAE, vae: TextVAE, test: Reviews) -> float:
    """The share of texts whose kind a linear model reads off one draw of z: what drowns in q's noise doesn't count."""
    dataset = Dataset(vae.tokenizer_.encode(test.texts))
    with evaluating(model):
        batch = dataset.batch(range(len(dataset)))
        z = posterior_draws(model, model.encode(batch), batch, 1, seed=0)[0]
    return probe(z.numpy(), test.kind).score


@pytest.mark.parametrize("preset", ENCODING)
def test_a_sentence_vae_finds_the_two_kinds(preset, train, test):
    vae = fitted(preset, train)
    untrained = build(vae.config_, vae.tokenizer_.vocab_size, torch.as_tensor(vae.tokenizer_.frequencies))
    assert told_apart(untrained, vae, test) < 0.75
    assert told_apart(vae.model_, vae, test) > 0.8


def test_a_committed_rate_is_paid_and_the_doctor_says_where_it_buys_nothing(train, test):
    """The independent posterior's variance pays by itself: in so short a training its means carry nothing."""
    vae = fitted("razavi2019", train)
    figures = vae.evaluate(test.texts, iw_samples=5)
    assert figures["kl"] >= CONFIGS["razavi2019"].posterior.options.rate - 0.01
    assert "collapsed posterior" in [finding["name"] for finding in vae.diagnose(test.texts)]


def test_the_language_model_knows_more_than_a_trigram_model():
    texts, unseen = grammar_corpus(2000, seed=1).texts, grammar_corpus(300, seed=2).texts
    options = {**SMALL, **QUICK, "decoder.dropout": 0.0}
    vae = TextVAE("language_model", latent_dim=LATENT_DIM, steps=400, set=options).fit(texts)
    ids = vae.tokenizer_.encode(unseen)
    trigrams = Trigrams(vae.tokenizer_.encode(texts), vae.tokenizer_.vocab_size).log_prob(ids)
    assert vae.score(unseen, iw_samples=1).mean() > trigrams.mean()
    # it has no latent, so there is nothing to say of one, or to blame it for
    evaluation = vae.evaluate(unseen)
    assert [figure.name for figure in figures(evaluation)] == [
        "NLL",
        "perplexity",
        "bits per byte",
        "unknown tokens",
    ]
    assert not {"collapsed posterior", "over-strong decoder"} & {
        found["name"] for found in vae.diagnose(unseen)
    }
    assert not [line for line in evaluation["warnings"] if "units" in line or "parameters" in line]


def test_the_dense_vae_finds_the_two_kinds_in_counts_of_words(train, test):
    counts = CountVectorizer().fit(train.texts)
    options = {"encoder.hidden": [32], "decoder.hidden": [32]}
    vae = MatrixVAE(latent_dim=4, steps=150, set=options).fit(counts.transform(train.texts))
    assert probe(vae.transform(counts.transform(test.texts)), test.kind).score > 0.95
