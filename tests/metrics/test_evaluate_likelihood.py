import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, StudentT

from models import small_model
from textvae.errors import TextVAEError
from textvae.metrics.likelihood import Likelihood, evaluate_likelihood
from textvae.model import VAE
from textvae.text.batch import Dataset

ARRAYS = ["iw_nll", "elbo", "reconstruction", "kl", "effective_samples"]


def assert_same(a: Likelihood, b: Likelihood):
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-4, atol=1e-5, err_msg=name)


class HeavyTailed(nn.Module):
    """A posterior that is no Gaussian and has no KL in closed form."""

    def forward(self, features: Tensor) -> Independent:
        loc = features[:, :2] / 4
        return Independent(StudentT(torch.full_like(loc, 5.0), loc, torch.ones_like(loc)), 1)


@pytest.fixture
def heavy_tailed(model: VAE) -> VAE:
    return VAE(model.encoder, HeavyTailed(), model.prior, model.decoder)


def test_it_finds_the_exact_likelihood(model: VAE, dataset: Dataset, exact_nll: np.ndarray):
    result = evaluate_likelihood(model, dataset, iw_samples=2000)
    error = result.iw_nll - exact_nll
    assert np.abs(error).max() < 0.3
    assert abs(error.mean()) < 4 * np.sqrt(result.monte_carlo_variance.sum()) / len(dataset) < 0.05
    # each error is as large as its own estimate says
    assert 0.5 < np.sqrt((error**2 / result.monte_carlo_variance).mean()) < 2


def test_the_bound_tightens_with_the_samples(model: VAE, dataset: Dataset, exact_nll: np.ndarray):
    means = [evaluate_likelihood(model, dataset, iw_samples=k).iw_nll.mean() for k in (1, 4, 16, 256)]
    assert means == sorted(means, reverse=True)
    assert means[0] > exact_nll.mean() + 0.1
    assert means[-1] == pytest.approx(exact_nll.mean(), abs=0.05)


def test_the_elbo_is_a_bound_of_the_exact_likelihood(model: VAE, dataset: Dataset, exact_nll: np.ndarray):
    result = evaluate_likelihood(model, dataset)
    assert (-result.elbo >= exact_nll - 0.05).all()
    np.testing.assert_allclose(result.elbo, -result.reconstruction - result.kl)


def test_one_sample_is_exact_without_a_latent(dataset: Dataset):
    config = {"posterior": {"name": "none"}, "prior": {"name": "uniform_codes"}, "encoder": {"name": "none"}}
    model = small_model(**config).eval()
    result = evaluate_likelihood(model, dataset, iw_samples=500)
    assert result.iw_samples == 1
    np.testing.assert_array_equal(result.iw_nll, -result.elbo)
    assert (result.kl == 0).all()
    for seed in (1, 2):
        assert_same(result, evaluate_likelihood(model, dataset, seed=seed))


def test_results_do_not_depend_on_the_batches(model: VAE, dataset: Dataset):
    wide = evaluate_likelihood(model, dataset, iw_samples=7)
    assert_same(wide, evaluate_likelihood(model, dataset, iw_samples=7, max_tokens=8))
    assert_same(wide, evaluate_likelihood(model, dataset, iw_samples=7, max_tokens=40))


def test_other_posteriors_do_not_depend_on_the_batches_either(heavy_tailed: VAE, dataset: Dataset):
    wide = evaluate_likelihood(heavy_tailed, dataset, iw_samples=7)
    assert_same(wide, evaluate_likelihood(heavy_tailed, dataset, iw_samples=7, max_tokens=8))


def test_other_posteriors_find_the_exact_likelihood(
    heavy_tailed: VAE, dataset: Dataset, exact_nll: np.ndarray
):
    result = evaluate_likelihood(heavy_tailed, dataset, iw_samples=2000)
    assert result.iw_nll.mean() == pytest.approx(exact_nll.mean(), abs=0.05)
    assert (result.kl > -0.1).all()


def test_memory_bounds_split_batches_without_a_trace(
    model: VAE, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
):
    wide = evaluate_likelihood(model, dataset, iw_samples=5)
    monkeypatch.setattr("textvae.metrics.likelihood._MOST_LATENT_NUMBERS", 30)  # three texts
    assert_same(wide, evaluate_likelihood(model, dataset, iw_samples=5))


def test_the_seed_decides(model: VAE, dataset: Dataset):
    torch.manual_seed(0)
    one = evaluate_likelihood(model, dataset, iw_samples=3, seed=1)
    untouched = torch.rand(1)
    torch.manual_seed(0)
    assert untouched == torch.rand(1)
    assert_same(one, evaluate_likelihood(model, dataset, iw_samples=3, seed=1))
    other = evaluate_likelihood(model, dataset, iw_samples=3, seed=2)
    assert not np.allclose(one.iw_nll, other.iw_nll)
    np.testing.assert_allclose(one.kl, other.kl)


def test_kl_in_closed_form_is_the_mean_over_samples(model: VAE, dataset: Dataset):
    closed = evaluate_likelihood(model, dataset, iw_samples=1).kl
    batch = dataset.batch(range(len(dataset)))
    with torch.no_grad():
        q, p = model.encode(batch), model.prior()
        z = q.rsample((20_000,))
        ratio = q.log_prob(z) - p.log_prob(z)
    error = 5 * ratio.std(0) / 20_000**0.5
    assert (np.abs(closed - ratio.mean(0).numpy()) < error.numpy()).all()


def test_effective_samples_lie_between_one_and_all(model: VAE, dataset: Dataset):
    result = evaluate_likelihood(model, dataset, iw_samples=20)
    assert (result.effective_samples >= 1 - 1e-9).all()
    assert (result.effective_samples <= 20 + 1e-9).all()
    single = evaluate_likelihood(model, dataset, iw_samples=1)
    np.testing.assert_allclose(single.effective_samples, 1)
    assert (single.monte_carlo_variance == 0).all()


def test_bf16_is_near_fp32_and_auto_is_one_of_them(model: VAE, dataset: Dataset):
    full, half, auto = (
        evaluate_likelihood(model, dataset, iw_samples=20, precision=precision)
        for precision in ("fp32", "bf16", "auto")
    )
    assert (full.precision, half.precision) == ("fp32", "bf16")
    assert_same({"fp32": full, "bf16": half}[auto.precision], auto)
    np.testing.assert_array_equal(full.kl, half.kl)
    assert not np.array_equal(full.iw_nll, half.iw_nll)
    np.testing.assert_allclose(full.iw_nll, half.iw_nll, rtol=0.02)


def test_progress_rises_to_one_and_modes_are_restored(model: VAE, dataset: Dataset):
    model.train()
    model.encoder.eval()
    shares: list[float] = []
    evaluate_likelihood(model, dataset, iw_samples=10, max_tokens=50, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 5
    assert shares[-1] == 1
    assert model.training
    assert not model.encoder.training


def test_wrong_options_are_refused(model: VAE, dataset: Dataset):
    with pytest.raises(TextVAEError, match="at least 1 sample"):
        evaluate_likelihood(model, dataset, iw_samples=0)
    with pytest.raises(TextVAEError, match="auto, fp32, bf16"):
        evaluate_likelihood(model, dataset, precision="fp8")  # pyright: ignore[reportArgumentType]
