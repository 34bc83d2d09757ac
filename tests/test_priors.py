"""Every registered prior, one parametrised test per promise; and what each learns."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from torch.distributions import Categorical, Independent, MultivariateNormal, Normal

from models import part_options, random_batch, random_ids, small_model
from textvae.distributions.codes import Codes, embed
from textvae.errors import TextVAEError
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import VAE
from textvae.noise import prior_draws
from textvae.priors.flow import FlowPrior, FlowPriorConfig
from textvae.priors.mixture import MixturePrior, MixturePriorConfig
from textvae.registry import find, names
from textvae.store import load_tensors, read_tensors, tensors, write_tensors
from textvae.text.batch import Dataset
from textvae.train.prior import fit_density, fit_prior

PRIORS = names("prior")
FIXED = ("standard", "uniform_sphere", "uniform_codes", "dirichlet", "logistic_normal")
LEARNED = [name for name in PRIORS if name not in FIXED]
LENGTHS = (5, 9, 3, 6, 7, 4)


def model_with(name: str, posterior: str | None = None) -> VAE:
    """With weights far from the first ones, and with a posterior that goes with the prior."""
    spaces = {
        "euclidean": "gaussian",
        "sphere": "vmf",
        "codes": "categorical",
        "simplex": "dirichlet",
        "labelled": "labelled",
    }
    fitting = next(spaces[space] for space in find("prior", name).provides if space in spaces)
    model = small_model(
        prior=part_options("prior", name), posterior=part_options("posterior", posterior or fitting)
    )
    for parameter in model.prior.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.mark.parametrize("name", PRIORS)
def test_draws_are_the_seeds_and_fewer_are_the_first_of_more(name):
    p = model_with(name).prior()
    z = prior_draws(p, 6, seed=3)
    assert z.shape == (6, 4)
    torch.testing.assert_close(prior_draws(p, 4, seed=3), z[:4])
    assert not prior_draws(p, 6, seed=4).equal(z)
    assert p.log_prob(z).shape == (6,)
    assert p.log_prob(z).isfinite().all()


@pytest.mark.parametrize("name", PRIORS)
def test_samples_have_the_density(name):
    """E_p[r(z) / p(z)] = 1 for a second density r of the same kind."""
    p, r = model_with(name).prior(), model_with(name).prior()
    z = p.sample((20_000,))
    weight = (r.log_prob(z) - p.log_prob(z)).exp()
    assert (weight.mean() - 1).abs() < 5 * weight.std() / 20_000**0.5 + 1e-4
    assert weight.std() < 20


@pytest.mark.parametrize("name", LEARNED)
def test_every_parameter_gets_a_finite_gradient(name):
    model = model_with(name).train()
    terms = model(random_batch(LENGTHS), samples=4)
    assert terms.kl.shape == (6,)
    terms.kl.mean().backward()
    for label, parameter in model.prior.named_parameters():
        assert parameter.grad is not None, label
        assert torch.isfinite(parameter.grad).all(), label
        assert parameter.grad.abs().sum() > 0, label


@pytest.mark.parametrize("name", PRIORS)
def test_saved_weights_give_equal_priors(name, tmp_path):
    first, second = model_with(name), model_with(name)
    path = tmp_path / "weights.safetensors"
    write_tensors(path, tensors(first))
    load_tensors(second, read_tensors(path), path)
    z = first.prior().sample((7,))
    assert first.prior().log_prob(z).equal(second.prior().log_prob(z))


@pytest.mark.parametrize("name", ["mixture", "flow", "vamp"])
def test_an_estimated_kl_is_right_on_average(name):
    model, batch = model_with(name), random_batch()
    with torch.no_grad():
        estimates = torch.stack([model(batch, decode=False).kl for _ in range(400)])
        q, p = model.encode(batch), model.prior()
        z = q.sample((20_000,))
        expected = (q.log_prob(z) - p.log_prob(z)).mean(0)
    assert ((estimates.mean(0) - expected).abs() < 5 * estimates.std(0) / 20 + 0.05).all()


# ---------------------------------------------------------------------- vamp


def test_vamp_is_the_mean_of_its_pseudo_inputs_posteriors():
    model = model_with("vamp")
    q = model.posterior(model.prior.features)
    assert q.batch_shape == (3,)
    z = torch.randn(10, 4)
    expected = q.log_prob(z[:, None]).logsumexp(1) - np.log(3)
    torch.testing.assert_close(model.prior().log_prob(z), expected)
    # the posterior is the model's own, once
    named = [name for name, _ in model.named_parameters() if "loc" in name]
    assert named == ["posterior.loc.weight", "posterior.loc.bias"]


@pytest.mark.parametrize("posterior", ["full_gaussian", "flow"])
def test_vamp_takes_every_posterior_of_single_texts(posterior):
    model = model_with("vamp", posterior)
    terms = model(random_batch(), samples=3)
    assert terms.kl.isfinite().all()
    assert prior_draws(model.prior(), 3, seed=0).shape == (3, 4)


# ---------------------------------------------------------------------- fitted densities


def fitted(prior, z: torch.Tensor) -> float:
    """Mean log density of the second half of z, in nats, once the prior is fitted to the first."""
    train, held_out = z.chunk(2)
    return fit_density(prior, lambda: train, held_out).log_density


def test_a_mixture_recovers_the_planted_one():
    means = torch.tensor([[-4.0, 0.0], [0.0, 4.0], [4.0, 0.0]])
    weights = torch.tensor([0.5, 0.3, 0.2])
    scales = torch.tensor([[0.3, 1.0], [1.0, 0.3], [0.5, 0.5]])
    label = Categorical(weights).sample((4000,))
    prior = MixturePrior(MixturePriorConfig(components=3), 2)
    fitted(prior, means[label] + scales[label] * torch.randn(4000, 2))
    order = prior.loc[:, 0].argsort()
    torch.testing.assert_close(prior.loc[order], means, atol=0.15, rtol=0)
    torch.testing.assert_close(prior.logits.softmax(0)[order], weights, atol=0.05, rtol=0)
    torch.testing.assert_close(prior.log_scale.exp()[order], scales, atol=0.1, rtol=0)


def test_a_mixture_needs_as_many_texts_as_components():
    z = torch.randn(8, 2)
    with pytest.raises(TextVAEError, match="of 5 components can't start from 4 texts"):
        fitted(MixturePrior(MixturePriorConfig(components=5), 2), z)


def test_a_flow_finds_the_moons_that_no_gaussian_can():
    moons, _ = make_moons(4000, noise=0.05, random_state=0)
    z = torch.as_tensor(moons, dtype=torch.float32)
    z = (z - z.mean(0)) / z.std(0)
    gaussian = MultivariateNormal(torch.zeros(2), torch.cov(z.T)).log_prob(z).mean()
    assert fitted(FlowPrior(FlowPriorConfig(layers=6, hidden=32), 2), z) > gaussian + 0.5


@pytest.mark.parametrize("name", ["mixture", "flow", "vamp"])
def test_a_prior_fitted_after_training_lowers_the_kl_by_its_gain(name):
    trained = small_model().eval()
    for parameter in trained.posterior.parameters():
        torch.nn.init.normal_(parameter, std=0.7)  # an aggregate posterior far from N(0, I)
    data = Dataset(random_ids((5, 9, 3, 6, 7, 4) * 25))
    other = model_with(name).prior
    model = VAE(trained.encoder, trained.posterior, other, trained.decoder).eval()
    before = evaluate_likelihood(trained, data, iw_samples=20, precision="fp32")
    kept = {n: t.clone() for n, t in tensors(model).items() if not n.startswith("prior.")}
    fit = fit_prior(model, data, data)
    after = evaluate_likelihood(model, data, iw_samples=20, precision="fp32")
    assert after.kl.mean() < before.kl.mean() - 0.3
    np.testing.assert_allclose(after.reconstruction, before.reconstruction, rtol=1e-4)
    # KL = E log q(z|x) − E log p(z), and only the second changed
    with torch.no_grad():
        q = model.encode(data.batch(range(len(data))))
        normal = Independent(Normal(torch.zeros(4), torch.ones(4)), 1).log_prob(q.sample((50,))).mean()
    gain = fit.log_density - float(normal)
    assert before.kl.mean() - after.kl.mean() == pytest.approx(gain, abs=0.25)
    assert all(tensor.equal(dict(tensors(model))[n]) for n, tensor in kept.items())
    assert all(p.grad is None for p in model.posterior.parameters())


def test_learned_codes_cost_as_much_as_they_are_rare():
    model = model_with("learned_codes")
    p = model.prior()
    assert isinstance(p, Codes)
    index = torch.tensor([[0, 0]] * 700 + [[0, 1]] * 300)
    fit_density(model.prior, lambda: embed(index, p.codebook), embed(index, p.codebook))
    share = model.prior().probs
    torch.testing.assert_close(share, torch.tensor([[1.0, 0.0], [0.7, 0.3]]), atol=0.01, rtol=0)


def test_a_prior_without_parameters_is_not_fitted():
    with pytest.raises(TextVAEError, match="nothing to fit"):
        fit_prior(small_model(), Dataset(random_ids(LENGTHS)), Dataset(random_ids(LENGTHS)))
