import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Laplace, Normal

from textvae.metrics import collapse
from textvae.metrics.collapse import log_aggregate, measure_collapse
from textvae.model import VAE
from textvae.priors.standard import StandardPrior, StandardPriorConfig
from textvae.text.batch import Dataset
from textvae.types import BOS, EOS, Batch


class Index(nn.Module):
    """An encoder that knows each text by its place."""

    def forward(self, batch: Batch) -> Tensor:
        return batch.index


class Table(nn.Module):
    """q(z|x_i) = N(loc[i], scale²)."""

    def __init__(self, loc: Tensor, scale: float):
        super().__init__()
        self.loc, self.scale = loc, scale

    def forward(self, features: Tensor) -> Independent:
        loc = self.loc[features]
        return Independent(Normal(loc, torch.full_like(loc, self.scale)), 1)


def table(loc: Tensor, scale: float) -> tuple[VAE, Dataset]:
    prior = StandardPrior(StandardPriorConfig(), loc.shape[1])
    lengths = torch.arange(len(loc)).remainder(5).tolist()
    dataset = Dataset([np.array([BOS, *[4] * length, EOS]) for length in lengths])
    return VAE(Index(), Table(loc, scale), prior, nn.Identity()), dataset  # pyright: ignore[reportArgumentType]


def test_mutual_information_of_a_gaussian_channel():
    # x ~ N(0, s²), z|x ~ N(x, σ²): I(x; z) = ½ ln(1 + s²/σ²) for each dimension
    spread, noise = 0.8, 0.5
    exact = 2 * 0.5 * math.log(1 + spread**2 / noise**2)
    found = measure_collapse(*table(torch.randn(4000, 2) * spread, noise))
    assert found.mi == pytest.approx(exact, abs=4 * found.mi_stderr)
    assert found.mi_stderr < 0.03
    # q(z) = N(0, s² + σ²)
    total = spread**2 + noise**2
    assert found.marginal_kl == pytest.approx(0.5 * 2 * (total - 1 - math.log(total)), abs=0.05)
    assert found.kl == pytest.approx(found.mi + found.marginal_kl, abs=0.1)
    assert found.active_units == 2
    np.testing.assert_allclose(found.variance, spread**2, rtol=0.1)


def test_a_collapsed_posterior_has_none():
    found = measure_collapse(*table(torch.zeros(50, 3), 1.0))
    assert found.mi == pytest.approx(0, abs=1e-6)
    assert found.kl == pytest.approx(0, abs=1e-6)
    assert found.marginal_kl == pytest.approx(0, abs=1e-6)
    assert (found.active_units, found.latent_dim) == (0, 3)


def test_texts_told_apart_reach_the_cap():
    found = measure_collapse(*table(torch.randn(50, 3) * 100, 0.01))
    assert found.mi == pytest.approx(math.log(50), abs=1e-6)


def test_units_are_active_above_a_hundredth():
    loc = torch.randn(2000, 4) * torch.tensor([0.08, 0.12, 1.0, 0.0])
    found = measure_collapse(*table(loc, 0.5))
    assert found.active_units == 2
    exact = 0.5 * ((loc**2).mean(0) + 0.25 - 1 - math.log(0.25))
    assert found.kl == pytest.approx(float(exact.sum()), rel=1e-4)


def test_batches_do_not_matter(model: VAE, dataset: Dataset):
    wide, narrow = measure_collapse(model, dataset), measure_collapse(model, dataset, max_tokens=8)
    assert wide.mi == pytest.approx(narrow.mi, abs=1e-5)
    assert wide.marginal_kl == pytest.approx(narrow.marginal_kl, abs=1e-4)
    assert 0 < wide.mi < math.log(len(dataset))
    assert wide.mi != measure_collapse(model, dataset, seed=1).mi


@pytest.mark.parametrize("family", [Normal, Laplace])
def test_the_aggregate_is_the_mean_of_all_densities(
    family: type[Normal] | type[Laplace], monkeypatch: pytest.MonkeyPatch
):
    def batch(texts: int) -> Distribution:
        return Independent(family(torch.randn(texts, 3), torch.rand(texts, 3) + 0.01), 1)

    monkeypatch.setattr(collapse, "_BLOCK", 40)  # several blocks, some of one row
    posteriors, z = [batch(5), batch(1), batch(12)], torch.randn(9, 3)
    brute = torch.cat([q.log_prob(z[:, None]) for q in posteriors], 1).double().exp().mean(1).log()
    torch.testing.assert_close(log_aggregate(posteriors, z), brute, rtol=1e-4, atol=1e-4)
