"""Every registered posterior, one parametrised test per promise; and what each is for."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from models import VOCAB, one, part_options, random_batch, random_ids, small_config, small_model
from textvae.distributions.codes import Codes, embed
from textvae.errors import TextVAEError
from textvae.metrics.collapse import measure_collapse
from textvae.metrics.likelihood import Likelihood, evaluate_likelihood
from textvae.metrics.self_checks import self_checks
from textvae.model import VAE, build
from textvae.posteriors.batch_norm import BatchNormPosterior, BatchNormPosteriorConfig
from textvae.posteriors.fsq import FSQPosterior, FSQPosteriorConfig
from textvae.posteriors.vq import VQPosterior, VQPosteriorConfig
from textvae.registry import find, names
from textvae.store import load_tensors, read_tensors, tensors, write_tensors
from textvae.text.batch import Dataset

POSTERIORS = [name for name in names("posterior") if name != "none"]  # which reads no text
DISCRETE = [name for name in POSTERIORS if "codes" in find("posterior", name).requires]
LENGTHS = (5, 9, 3, 6, 7, 4)


def model_with(name: str, **extra) -> VAE:
    """With weights far from the first ones, and with statistics, of a few batches, in its buffers."""
    model = small_model(posterior=part_options("posterior", name) | extra)
    for parameter in model.posterior.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    for seed in range(3):
        model.encode(random_batch(LENGTHS, seed))
    return model.eval()


def likelihood(model: VAE, dataset: Dataset, samples: int, max_tokens: int = 10_000) -> Likelihood:
    return evaluate_likelihood(model, dataset, iw_samples=samples, max_tokens=max_tokens, precision="fp32")


@pytest.mark.parametrize("name", POSTERIORS)
def test_it_has_the_moments_and_samples_of_a_posterior(name):
    q = model_with(name).encode(random_batch(LENGTHS))
    assert q.batch_shape == (6,)
    assert q.event_shape == (4,)
    for value in (q.mean, q.stddev, q.mode):
        assert value.shape == (6, 4)
        assert value.isfinite().all()
    z = q.rsample((4000,))
    assert z.shape == (4000, 6, 4)
    assert q.log_prob(z).shape == (4000, 6)
    if name != "flow":  # whose mean has no closed form
        error = z.std(0) / 4000**0.5
        assert ((z.mean(0) - q.mean).abs() < 5 * error + 1e-4).all()
        torch.testing.assert_close(z.std(0), q.stddev, rtol=0.1, atol=1e-3)


@pytest.mark.parametrize("name", POSTERIORS)
def test_a_text_does_not_depend_on_its_company(name):
    model, batch = model_with(name), random_batch(LENGTHS)
    q, p = model.encode(batch), model.prior()
    z = q.mode
    for i in range(len(batch)):
        own = model.encode(one(batch, i))
        torch.testing.assert_close(own.mean[0], q.mean[i], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(own.log_prob(z[i])[0], q.log_prob(z)[i], atol=1e-4, rtol=1e-4)
    assert (q.log_prob(z) - p.log_prob(z)).isfinite().all()


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in POSTERIORS if name != "flow"), ("vmf", {"kappa": "learned"})],
)
def test_kl_matches_monte_carlo(name, options):
    model = model_with(name, **options)
    q, p = model.encode(random_batch()), model.prior()
    z = q.rsample((50_000,))
    ratio = q.log_prob(z) - p.log_prob(z)
    assert ((ratio.mean(0) - kl_divergence(q, p)).abs() < 5 * ratio.std(0) / 50_000**0.5 + 1e-4).all()


@pytest.mark.parametrize("name", POSTERIORS)
def test_every_parameter_gets_a_finite_gradient(name):
    learned = {"kappa": "learned"} if name == "vmf" else {}
    model = small_model(posterior=part_options("posterior", name) | learned)
    terms = model(random_batch(LENGTHS), samples=2)
    (terms.kl - terms.log_px.mean(0) + terms.penalty).mean().backward()
    for label, parameter in model.posterior.named_parameters():
        assert parameter.grad is not None, label
        assert torch.isfinite(parameter.grad).all(), label
        assert parameter.grad.abs().sum() > 0, label


@pytest.mark.parametrize("name", POSTERIORS)
def test_saved_weights_and_statistics_give_equal_posteriors(name, tmp_path):
    first, second = model_with(name), small_model(posterior=part_options("posterior", name)).eval()
    path = tmp_path / "weights.safetensors"
    write_tensors(path, tensors(first))
    load_tensors(second, read_tensors(path), path)
    batch = random_batch(LENGTHS)
    a, b = (m(batch, noise=False) for m in (first, second))
    assert a.z.equal(b.z)
    z = a.z[0]
    assert a.q.log_prob(z).equal(b.q.log_prob(z))


@pytest.mark.parametrize("name", POSTERIORS)
def test_bf16_touches_no_density(name):
    model, features = model_with(name), torch.randn(3, 48)
    exact = model.posterior(features)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model.posterior(features)
        z = rounded.rsample()
    assert z.dtype == torch.float32
    assert exact.mean.equal(rounded.mean)


@pytest.mark.parametrize("name", POSTERIORS)
def test_figures_do_not_depend_on_the_batches_and_pass_the_checks(name):
    model, dataset = model_with(name), Dataset(random_ids(LENGTHS * 3))
    wide, narrow = (likelihood(model, dataset, 20, max_tokens=n) for n in (10_000, 12))
    np.testing.assert_allclose(wide.iw_nll, narrow.iw_nll, rtol=1e-4)
    np.testing.assert_allclose(wide.kl, narrow.kl, rtol=1e-3, atol=1e-3)
    assert (wide.iw_nll <= -wide.elbo + 3).all()  # a bound on the mean over samples, with noise
    assert wide.iw_nll.mean() < -wide.elbo.mean() + 0.2
    collapse = measure_collapse(model, dataset)
    assert collapse.mi <= collapse.kl + 4 * collapse.mi_stderr + 0.1
    assert collapse.mi + collapse.marginal_kl == pytest.approx(collapse.kl, abs=1.0)
    assert self_checks(model, dataset) == []


# ---------------------------------------------------------------------- Gaussians


def test_full_covariance_is_that_of_its_samples():
    q = model_with("full_gaussian").encode(random_batch((5,)))
    assert isinstance(q, MultivariateNormal)
    covariance = torch.cov(q.sample((20_000,))[:, 0].T)
    torch.testing.assert_close(covariance, q.covariance_matrix[0], atol=0.1, rtol=0.1)
    assert covariance.tril(-1).abs().max() > 0.1


def test_batch_normalised_means_keep_the_kl_up_however_much_it_costs():
    posterior = BatchNormPosterior(BatchNormPosteriorConfig(gamma=0.6), 10, 4)
    normal = Independent(Normal(torch.zeros(4), torch.ones(4)), 1)
    lowest = 4 * 0.6**2 / 2
    optimiser = torch.optim.Adam(posterior.parameters(), lr=0.01)
    for _ in range(200):
        q = posterior(0.01 * torch.randn(64, 10) + 5)  # of texts that are almost the same
        kl = kl_divergence(q, normal).mean()
        optimiser.zero_grad()
        kl.backward()
        optimiser.step()
    torch.testing.assert_close(q.mean.std(0, correction=0), torch.full((4,), 0.6), rtol=1e-2, atol=0)
    assert lowest * 0.99 < kl < lowest * 1.1


def test_running_statistics_become_those_of_the_batches():
    posterior = BatchNormPosterior(BatchNormPosteriorConfig(), 10, 4)
    for _ in range(100):
        posterior(2 * torch.randn(200, 10) + 3)
    features = 2 * torch.randn(2000, 10) + 3
    trained, evaluated = posterior(features).mean, posterior.eval()(features).mean
    torch.testing.assert_close(evaluated, trained, atol=0.1, rtol=0.1)
    before = posterior.norm.running_variance.clone()
    alone = posterior.train()(features[:1]).mean
    assert alone[0].equal(posterior.beta)
    assert posterior.norm.running_variance.equal(before)


# ---------------------------------------------------------------------- directions


def test_kl_of_a_fixed_concentration_is_a_constant_of_z_and_kappa():
    kl = {kappa: model_with("vmf", kappa=kappa)(random_batch()).kl for kappa in (1.0, 20.0, 500.0)}
    for of_texts in kl.values():
        torch.testing.assert_close(of_texts, of_texts[:1].expand(4))
    assert 0 < kl[1.0][0] < kl[20.0][0] < kl[500.0][0]
    model = model_with("vmf")
    z = model(random_batch()).z
    torch.testing.assert_close(z.norm(dim=-1), torch.full_like(z[..., 0], 2.0))  # √Z


# ---------------------------------------------------------------------- codes


def test_the_likelihood_of_a_categorical_model_is_the_sum_over_all_codes():
    model, dataset = model_with("categorical"), Dataset(random_ids(LENGTHS))
    p = model.prior()
    assert isinstance(p, Codes)
    every = embed(torch.cartesian_prod(torch.arange(2), torch.arange(2)), p.codebook)
    batch = dataset.batch(range(len(dataset)))
    with torch.no_grad():
        log_px = model.decode(every[:, None].expand(-1, len(dataset), -1), batch).log_prob(batch)
        exact = -(log_px + p.log_prob(every)[:, None]).logsumexp(0).double().numpy()
    estimate = likelihood(model, dataset, 2000)
    np.testing.assert_allclose(estimate.iw_nll, exact, atol=5 * estimate.monte_carlo_variance.max() ** 0.5)
    assert (-estimate.elbo > exact).all()


@pytest.mark.parametrize("name", ["vq", "fsq"])
def test_a_quantised_text_costs_its_code_and_its_words(name):
    model, dataset = model_with(name), Dataset(random_ids(LENGTHS))
    batch = dataset.batch(range(len(dataset)))
    measured = likelihood(model, dataset, 3)
    with torch.no_grad():
        terms = model(batch)
    choices = {"vq": 2 * math.log(4), "fsq": 4 * math.log(5)}[name]
    np.testing.assert_allclose(measured.kl, choices, rtol=1e-5)
    np.testing.assert_allclose(measured.iw_nll, choices - terms.log_px[0].numpy(), rtol=1e-5)


def test_relaxed_choices_are_choices_once_training_is_over():
    model = model_with("categorical", classes=4, temperature=0.5)
    features = torch.randn(50, 48)
    hard, relaxed = model.posterior(features).rsample(), model.posterior.train()(features).rsample()
    for z in (hard, relaxed):
        torch.testing.assert_close(z.sum(-1), torch.full((50,), 2.0))  # √K
    assert ((hard == 0) | (hard == 2)).all()
    assert ((relaxed > 0.01) & (relaxed < 1.99)).any()


def test_a_codebook_finds_the_clusters_that_the_texts_form():
    torch.manual_seed(3)
    centres = 4 * torch.randn(6, 8)
    posterior = VQPosterior(VQPosteriorConfig(codes=2, choices=32, decay=0.9), 8, 8)
    torch.nn.init.eye_(posterior.vectors.weight)
    torch.nn.init.zeros_(posterior.vectors.bias)
    for _ in range(200):
        posterior(centres[torch.randint(6, (64,))] + 0.1 * torch.randn(64, 8))
    # each codebook has a code at each centre's half
    for m, half in enumerate(centres.split(4, dim=1)):
        assert torch.cdist(half, posterior.codebook[m]).min(1).values.max() < 0.2
    torch.testing.assert_close(posterior.usage.sum(1), torch.ones(2), rtol=1e-2, atol=0)


def test_dead_codes_are_drawn_anew_unless_they_may_stay_dead():
    def used(restart: float) -> torch.Tensor:
        torch.manual_seed(0)
        posterior = VQPosterior(VQPosteriorConfig(codes=1, choices=16, decay=0.9, restart=restart), 4, 4)
        torch.nn.init.eye_(posterior.vectors.weight)
        posterior.codebook = 100 + torch.randn(1, 16, 4)  # out of reach of all vectors
        posterior.usage = torch.full((1, 16), 1 / 16)
        for _ in range(100):
            posterior(torch.randn(64, 4))
        return posterior.perplexity

    assert used(restart=0.0) < 2
    assert used(restart=0.1) > 8


def test_evaluation_leaves_the_codebook_alone():
    model = model_with("vq")
    before = {name: tensor.clone() for name, tensor in tensors(model).items()}
    model(random_batch())
    assert all(tensor.equal(before[name]) for name, tensor in tensors(model).items())


@pytest.mark.parametrize("levels", [2, 5, 8])
def test_finite_scalars_take_every_level_and_no_other(levels):
    posterior = FSQPosterior(FSQPosteriorConfig(levels=levels), 1, 1)
    torch.nn.init.constant_(posterior.vectors.weight, 1.0)
    torch.nn.init.zeros_(posterior.vectors.bias)
    features = torch.linspace(-9, 9, 999)[:, None]
    z = posterior(features).rsample()
    torch.testing.assert_close(z.unique(), torch.linspace(-1, 1, levels))
    assert (z.diff(dim=0) >= -1e-6).all()
    nearest_level = ((features.tanh() + 1) / 2 * (levels - 1)).round() / (levels - 1) * 2 - 1
    torch.testing.assert_close(z, nearest_level, atol=1e-5, rtol=0)


# ---------------------------------------------------------------------- what fits what


@pytest.mark.parametrize("name", POSTERIORS)
def test_a_posterior_brings_a_prior_that_fits_unless_one_is_asked_for(name):
    config = small_config(posterior=part_options("posterior", name))
    assert config.prior.name == find("posterior", name).defaults.get("prior", "standard")
    assert build(config, VOCAB).latent_dim == 4


@pytest.mark.parametrize(
    ("posterior", "prior", "sentence"),
    [
        (
            "vmf",
            "standard",
            "posterior vmf and prior standard don't go together: vmf needs prior uniform_sphere",
        ),
        ("vq", "mixture", "vq needs prior learned_codes or uniform_codes"),
        ("committed", "uniform_codes", "committed needs prior standard"),  # of all Gaussian ones
        (
            "gaussian",
            "uniform_sphere",
            "gaussian needs prior flow, logistic_normal, mixture, standard or vamp",
        ),
        (
            "batch_norm",
            "vamp",
            "prior vamp and posterior batch_norm don't go together: vamp needs posterior",
        ),
    ],
)
def test_pairs_that_cannot_work_are_refused_by_name(posterior, prior, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        small_config(posterior=posterior, prior=prior)


@pytest.mark.parametrize("name", DISCRETE)
def test_objectives_that_need_a_density_refuse_codes(name):
    with pytest.raises(TextVAEError, match=f"iwae and posterior {name} don't go together"):
        small_config(posterior=part_options("posterior", name), objective="iwae")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "categorical", "classes": 3}, r"latent_dim 4 is not a multiple of posterior\.classes 3"),
        ({"name": "vq", "codes": 3}, r"latent_dim 4 is not a multiple of posterior\.codes 3"),
        ({"name": "vmf", "kappa": 0}, "posterior"),
        ({"name": "batch_norm", "gamma": -1}, "gamma"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        small_config(posterior=options)


@pytest.mark.parametrize("name", ["vmf", "vq", "fsq"])
def test_a_rate_is_not_held_where_it_cannot_move(name):
    config = {"posterior": part_options("posterior", name), "objective": {"target_kl": 5}}
    with pytest.raises(TextVAEError, match=rf"objective\.target_kl 5.0 can't be held with posterior {name}"):
        small_config(**config)
    small_config(posterior={"name": "vmf", "kappa": "learned"}, objective={"target_kl": 5})


@pytest.mark.parametrize("name", ["vmf", "flow"])
def test_a_line_is_no_sphere_and_has_nothing_to_couple(name):
    with pytest.raises(TextVAEError, match=f"posterior {name} needs a latent_dim of 2 or more"):
        small_config(posterior=name, latent_dim=1)
