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
from textvae.metrics.text_quality import unknown_counts, unknown_rate
from textvae.metrics.totals import Totals
from textvae.model import VAE
from textvae.text.batch import Dataset

KEYS = {
    *("nll", "nll_stderr", "elbo", "reconstruction", "kl", "mi", "active_units", "latent_dim", "ppl"),
    *("has_latent", "bits_per_byte", "unk_rate", "bleu", "exact_match"),
    *("iw_samples", "n_texts", "n_tokens", "warnings"),
    *("precision", "estimator", "n_sampled"),
}
ARRAYS = [field.name for field in dataclasses.fields(Likelihood) if field.type == "np.ndarray"]


@pytest.fixture
def likelihood(model: VAE, dataset: Dataset) -> Likelihood:
    return evaluate_likelihood(model, dataset, iw_samples=50)


@pytest.fixture
def collapse(model: VAE, dataset: Dataset) -> Collapse:
    return measure_collapse(model, dataset)


def totals_of(likelihood: Likelihood, dataset: Dataset, unknown: float | None = None) -> Totals:
    """Of texts of two words and 12 bytes, with the unknown tokens that they have or a share of all."""
    counts = unknown_counts(dataset) if unknown is None else dataset.lengths * unknown
    return Totals.measured(likelihood, dataset.lengths, counts, ["zwei Wörter"] * len(dataset))


def test_the_figures_and_their_units(likelihood: Likelihood, collapse: Collapse, dataset: Dataset):
    texts = ["zwei Wörter"] * len(dataset)
    totals = totals_of(likelihood, dataset)
    metrics = summarise(totals, collapse, reconstructions=texts, originals=texts)
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
    assert metrics["unk_rate"] == unknown_rate(dataset)
    assert metrics["active_units"] == collapse.active_units
    assert "over all texts" in metrics["estimator"]
    assert json.loads(json.dumps(metrics)) == metrics


def test_without_reconstructions_nothing_is_compared(
    likelihood: Likelihood, collapse: Collapse, dataset: Dataset
):
    metrics = summarise(totals_of(likelihood, dataset), collapse)
    assert metrics["bleu"] is metrics["exact_match"] is None


def test_figures_of_a_sample_say_so(likelihood: Likelihood, collapse: Collapse, dataset: Dataset):
    few = dataclasses.replace(collapse, n_texts=20, variance=np.zeros(2))
    metrics = summarise(totals_of(likelihood, dataset), few)
    assert (metrics["n_texts"], metrics["n_sampled"]) == (25, 20)
    assert "over 20 evenly spaced texts" in metrics["estimator"]
    assert metrics["active_units"] == collapse.active_units  # of all texts


def test_parts_of_different_texts_are_refused(likelihood: Likelihood, dataset: Dataset):
    with pytest.raises(TextVAEError, match="not of the same texts"):
        Totals.measured(likelihood, dataset.lengths, dataset.lengths, ["a"])


def test_totals_add_up(likelihood: Likelihood, dataset: Dataset):
    added = None
    for part in (slice(0, 3), slice(3, 4), slice(4, 25)):
        few = dataclasses.replace(likelihood, **{name: getattr(likelihood, name)[part] for name in ARRAYS})
        totals = totals_of(few, dataset.subset(range(25)[part]))
        totals = Totals.from_json(json.loads(json.dumps(totals.to_json())))
        added = totals if added is None else added + totals
    assert added is not None
    whole = totals_of(likelihood, dataset)
    assert added.n_texts == 25
    assert added.of["tokens"].total == dataset.lengths.sum()
    assert added.nll_stderr == pytest.approx(whole.nll_stderr)
    for name, moments in whole.of.items():
        np.testing.assert_allclose(added.of[name].mean, moments.mean, err_msg=name)
        np.testing.assert_allclose(added.of[name].scatter, moments.scatter, atol=1e-12, err_msg=name)


def test_the_spread_over_texts_is_the_standard_error(likelihood: Likelihood, dataset: Dataset):
    totals = totals_of(likelihood, dataset)
    assert totals.nll_stderr == pytest.approx(np.std(likelihood.iw_nll, ddof=1) / 5)
    assert 0 < totals.monte_carlo_stderr < totals.nll_stderr
    one = dataclasses.replace(likelihood, **{name: getattr(likelihood, name)[:1] for name in ARRAYS})
    single = totals_of(one, dataset.subset([0]))
    assert single.nll_stderr == single.monte_carlo_stderr == pytest.approx(one.monte_carlo_variance[0] ** 0.5)


def test_a_sound_evaluation_has_no_warnings(likelihood: Likelihood, collapse: Collapse, dataset: Dataset):
    sound = dataclasses.replace(collapse, n_texts=10_000)
    assert check(totals_of(likelihood, dataset, unknown=0.05), sound) == []


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
    dataset: Dataset,
    likelihood_changes: dict[str, float],
    collapse_changes: dict[str, Any],
    unk_rate: float,
    words: str,
):
    full = {name: np.full(len(likelihood.kl), value) for name, value in likelihood_changes.items()}
    changed = dataclasses.replace(collapse, **{"n_texts": 10_000, "mi": 0.5, "kl": 1.0} | collapse_changes)
    totals = totals_of(dataclasses.replace(likelihood, **full), dataset, unk_rate)
    (warning,) = check(totals, changed)
    assert words in warning


@pytest.mark.parametrize("n_texts", [1, 7, 19])
def test_few_texts_say_nothing_about_the_latent(
    likelihood: Likelihood, collapse: Collapse, dataset: Dataset, n_texts: int
):
    nothing = {"variance": np.zeros(2), "mi": 0.9 * math.log(n_texts) + 0.1, "kl": 0.0, "mi_stderr": 0.0}
    changed = dataclasses.replace(collapse, n_texts=n_texts, **nothing)
    (warning,) = check(totals_of(likelihood, dataset, unknown=0), changed)
    texts = "1 text is" if n_texts == 1 else f"{n_texts} texts are"
    assert warning == f"{texts} too few to measure mutual information and active units."


@pytest.mark.parametrize("nll", [800.0, math.inf, math.nan])
def test_figures_beyond_numbers_are_none_with_a_warning(
    nll: float, likelihood: Likelihood, collapse: Collapse, dataset: Dataset
):
    per_text = dataset.lengths * nll
    endless = dataclasses.replace(likelihood, iw_nll=per_text, reconstruction=per_text)
    metrics = summarise(totals_of(endless, dataset), collapse, failed=["Another."])
    assert metrics["ppl"] is None
    assert (metrics["nll"] is None) == (nll != 800)
    assert metrics["warnings"][0] == "Another."
    assert metrics["warnings"][1].startswith("No finite number can be given for ")
    assert "ppl" in metrics["warnings"][1]
    json.dumps(metrics, allow_nan=False)
