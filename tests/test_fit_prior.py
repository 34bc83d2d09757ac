"""A prior fitted after training, from Python and from the command line's side of the estimator."""

import numpy as np
import pytest

from textvae import TextVAE, TextVAEError
from textvae.text.grammar import grammar_corpus

SMALL = {
    "encoder.embedding": 32,
    "encoder.hidden": 32,
    "decoder.embedding": 32,
    "decoder.hidden": 32,
    "decoder.dropout": 0.1,
    "decoder.dropout_in": 0.1,
    "train.lr": 0.01,
    "train.validations": 3,
}


@pytest.fixture(scope="module")
def texts():
    return grammar_corpus(1500).texts


@pytest.fixture(scope="module")
def folder(texts, tmp_path_factory):
    """A model that was hardly charged for its KL, so that its aggregate posterior is far from N(0, I)."""
    path = tmp_path_factory.mktemp("models") / "loose"
    options = {**SMALL, "objective.beta": 0.1, "objective.pretrain": 0.0, "objective.free_bits": 0.0}
    TextVAE(latent_dim=6, steps=400, set=options).fit(texts, output=path)
    return path


@pytest.mark.parametrize("kind", ["flow", "mixture"])
def test_likelihood_and_samples_get_better_and_the_model_stays(folder, texts, kind, tmp_path):
    vae = TextVAE.from_pretrained(folder)
    latents, weights = vae.encode(texts[:5]), {n: p.clone() for n, p in vae.model_.decoder.named_parameters()}
    report = vae.fit_prior(texts, kind, iw_samples=20)
    before, after = report["before"], report["after"]
    assert (report["prior"], report["replaced"], report["texts"]) == (kind, "standard", "test")
    assert report["gain"] > 5 * report["gain_stderr"] > 0
    assert after["nll"] < before["nll"] - 0.5
    assert after["elbo"] > before["elbo"] + 0.5
    assert after["kl"] < before["kl"] - 0.5
    assert after["reverse_ppl"] < before["reverse_ppl"]
    assert before["nll"] - after["nll"] == pytest.approx(report["gain"])

    np.testing.assert_array_equal(vae.encode(texts[:5]), latents)
    assert all(p.equal(weights[n]) for n, p in vae.model_.decoder.named_parameters())
    assert vae.config_.prior.name == kind
    assert vae.metrics_["prior"] == report
    assert vae.metrics_["evaluation"]["kl"] == pytest.approx(after["kl"], abs=0.3)

    vae.save_pretrained(tmp_path / "better")
    again = TextVAE.from_pretrained(tmp_path / "better")
    assert again.sample(3, seed=1) == vae.sample(3, seed=1)
    assert again.metrics_["prior"] == report
    assert again.score(texts[0], iw_samples=5) == vae.score(texts[0], iw_samples=5)


def test_the_same_seed_gives_the_same_prior(folder, texts):
    first, second = (TextVAE.from_pretrained(folder) for _ in range(2))
    reports = [vae.fit_prior(texts[:300], "mixture", iw_samples=2) for vae in (first, second)]
    assert reports[0] == reports[1]


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("standard", {}, "Prior standard has nothing to fit; these have: flow, learned_codes, mixture, vamp"),
        ("learned_codes", {}, "posterior gaussian and prior learned_codes don't go together"),
        ("mixture", {"components": 0}, "components"),
        ("mixtur", {}, "There is no prior called 'mixtur'"),
    ],
)
def test_priors_that_cannot_be_fitted_are_refused(folder, texts, kind, options, sentence):
    vae = TextVAE.from_pretrained(folder)
    with pytest.raises(TextVAEError, match=sentence):
        vae.fit_prior(texts, kind, options=options)
    assert vae.config_.prior.name == "standard"
