import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest

from textvae.errors import TextVAEError
from textvae.metrics.collapse import Collapse, measure_collapse
from textvae.metrics.evaluation import check, summarise
from textvae.metrics.likelihood import Likelihood, evaluate_likelihood
from textvae.model import VAE
from textvae.text.batch import Dataset

KEYS = {
    *("nll", "nll_stderr", "elbo", "reconstruction", "kl", "mi", "active_units", "latent_dim", "ppl"),
    *("bits_per_byte", "unk_rate", "bleu", "exact_match", "iw_samples", "n_texts", "n_tokens", "warnings"),
    *("precision", "estimator"),
}


@pytest.fixture
def likelihood(model: VAE, dataset: Dataset) -> Likelihood:
    return evaluate_likelihood(model, dataset, iw_samples=50)


@pytest.fixture
def collapse(model: VAE, dataset: Dataset) -> Collapse:
    return measure_collapse(model, dataset)


def test_the_figures_and_their_units(likelihood: Likelihood, collapse: Collapse, dataset: Dataset):
    texts = ["zwei Wörter"] * len(dataset)
    metrics = summarise(likelihood, collapse, dataset, texts=texts, reconstructions=texts)
    assert set(metrics) == KEYS
    total, tokens = likelihood.iw_nll.sum(), int(dataset.lengths.sum())
    assert metrics["nll"] == pytest.approx(total / len(dataset))
    assert metrics["ppl"] == pytest.approx(math.exp(total / tokens))
    assert metrics["bits_per_byte"] == pytest.approx(total / math.log(2) / (12 * len(dataset)))
    assert metrics["elbo"] < 0 < metrics["reconstruction"]
    assert metrics["elbo"] == pytest.approx(-metrics["reconstruction"] - metrics["kl"])
    assert metrics["nll"] < -metrics["elbo"]
    assert (metrics["n_texts"], metrics["n_tokens"]) == (len(dataset), tokens)
    assert (metrics["bleu"], metrics["exact_match"]) == (pytest.approx(100), 1)
    assert json.loads(json.dumps(metrics)) == metrics


def test_without_reconstructions_nothing_is_compared(
    likelihood: Likelihood, collapse: Collapse, dataset: Dataset
):
    metrics = summarise(likelihood, collapse, dataset, texts=["a b"] * len(dataset))
    assert metrics["bleu"] is metrics["exact_match"] is None


def test_parts_of_different_texts_are_refused(likelihood: Likelihood, collapse: Collapse, dataset: Dataset):
    with pytest.raises(TextVAEError, match="not of the same texts"):
        summarise(likelihood, collapse, dataset, texts=["a"])


def test_a_sound_evaluation_has_no_warnings(likelihood: Likelihood, collapse: Collapse):
    assert check(likelihood, dataclasses.replace(collapse, n_texts=10_000), unk_rate=0.05) == []


@pytest.mark.parametrize(
    ("likelihood_changes", "collapse_changes", "unk_rate", "words"),
    [
        ({"kl": -3.0}, {}, 0, "above -ELBO"),
        ({}, {"mi": 2.0, "kl": 1.5, "mi_stderr": 0.1}, 0, "lies above the KL"),
        ({}, {"n_texts": 25, "mi": 3.2, "kl": 9.0}, 0, "near ln N = 3.22"),
        ({}, {"variance": np.zeros(2), "kl": 0.0, "mi": 0.0}, 0, "has collapsed: none of 2 units"),
        ({"effective_samples": 1.5}, {}, 0, "evaluate with more samples"),
        ({}, {}, 0.25, "25% of the tokens are <unk>"),
    ],
)
def test_each_check_speaks_up(
    likelihood: Likelihood,
    collapse: Collapse,
    likelihood_changes: dict[str, float],
    collapse_changes: dict[str, Any],
    unk_rate: float,
    words: str,
):
    full = {name: np.full(len(likelihood.kl), value) for name, value in likelihood_changes.items()}
    changed = dataclasses.replace(collapse, **{"n_texts": 10_000, "mi": 0.5, "kl": 1.0} | collapse_changes)
    (warning,) = check(dataclasses.replace(likelihood, **full), changed, unk_rate)
    assert words in warning


@pytest.mark.parametrize("n_texts", [1, 7, 19])
def test_few_texts_say_nothing_about_the_latent(likelihood: Likelihood, collapse: Collapse, n_texts: int):
    nothing = {"variance": np.zeros(2), "mi": 0.9 * math.log(n_texts) + 0.1, "kl": 0.0, "mi_stderr": 0.0}
    changed = dataclasses.replace(collapse, n_texts=n_texts, **nothing)
    arrays = {name: getattr(likelihood, name)[:n_texts] for name in ("iw_nll", "reconstruction", "kl")}
    effective = likelihood.effective_samples[:n_texts]
    (warning,) = check(dataclasses.replace(likelihood, **arrays, effective_samples=effective), changed, 0)
    texts = "1 text is" if n_texts == 1 else f"{n_texts} texts are"
    assert warning == f"{texts} too few to measure mutual information and active units."


@pytest.mark.parametrize("nll", [800.0, math.inf, math.nan])
def test_figures_beyond_numbers_are_none_with_a_warning(
    nll: float, likelihood: Likelihood, collapse: Collapse, dataset: Dataset
):
    per_text = dataset.lengths * nll
    endless = dataclasses.replace(likelihood, iw_nll=per_text, reconstruction=per_text)
    metrics = summarise(endless, collapse, dataset, texts=["a b"] * len(dataset), failed=["Another."])
    assert metrics["ppl"] is None
    assert (metrics["nll"] is None) == (nll != 800)
    assert metrics["warnings"][0] == "Another."
    assert metrics["warnings"][1].startswith("No finite number can be given for ")
    assert "ppl" in metrics["warnings"][1]
    json.dumps(metrics, allow_nan=False)
