"""Normalising flows and mixtures: their densities are densities, and those of their samples."""

import pytest
import torch
from torch.distributions import Independent, MixtureSameFamily, Normal

from textvae.distributions import mixture
from textvae.distributions.flow import Couplings, Flow, standard_normal
from textvae.distributions.mixture import Mixture
from textvae.noise import image, made_of_normal


def flow(dim: int, batch: int | None = None) -> Flow:
    """One far from the identity; of a batch of contexts, if asked for."""
    couplings = Couplings(dim, 4, 16, 0 if batch is None else 3)
    for parameter in couplings.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    if batch is None:
        return Flow(standard_normal(torch.zeros(dim)), couplings())
    base = Independent(Normal(torch.randn(batch, dim), torch.full((batch, dim), 0.7)), 1)
    return Flow(base, couplings(torch.randn(batch, 3)))


@pytest.mark.parametrize("batch", [None, 2])
def test_density_integrates_to_one(batch):
    q = flow(2, batch)
    edge, step = 30.0, 0.15
    assert image(q, torch.randn(10_000, *q.batch_shape, 2)).abs().max() < edge
    grid = torch.cartesian_prod(*[torch.arange(-edge, edge, step)] * 2)
    with torch.no_grad():
        density = q.log_prob(grid if batch is None else grid[:, None]).exp()
    torch.testing.assert_close(density.sum(0) * step**2, torch.ones(q.batch_shape), rtol=1e-3, atol=0)


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_density_of_a_sample_needs_no_inverse_and_agrees_with_it(dim):
    q = flow(dim, batch=4)
    z = q.rsample((5,))
    inverse = q.log_prob(z.clone())
    torch.testing.assert_close(q.log_prob(z), inverse, rtol=1e-4, atol=1e-4)
    pairs = q.log_prob(z[0][:, None])  # of every z under every q
    assert pairs.shape == (4, 4)
    torch.testing.assert_close(pairs.diagonal(), inverse[0], rtol=1e-4, atol=1e-4)


def test_log_determinant_is_that_of_the_jacobian():
    q, x = flow(5), torch.randn(5)
    jacobian = torch.autograd.functional.jacobian(lambda e: image(q, e), x)
    expected = standard_normal(torch.zeros(5)).log_prob(x) - torch.linalg.slogdet(jacobian).logabsdet  # pyright: ignore
    torch.testing.assert_close(q.log_prob(image(q, x)), expected, rtol=1e-4, atol=1e-4)
    # every dimension depends on every other
    assert (jacobian.abs() > 1e-6).all()  # pyright: ignore


def test_samples_are_the_images_of_normals():
    q = flow(3, batch=2)
    assert made_of_normal(q)
    z, direct = image(q, torch.randn(20_000, 2, 3)), q.rsample((20_000,))
    assert direct is not None
    torch.testing.assert_close(z.mean(0), direct.mean(0), atol=0.1, rtol=0.05)
    torch.testing.assert_close(z.std(0), direct.std(0), rtol=0.1, atol=0)
    assert q.variance.shape == q.mean.shape == (2, 3)


def test_mixture_in_blocks_is_the_same_density(monkeypatch):
    parts = Independent(Normal(torch.randn(5, 3), torch.rand(5, 3) + 0.1), 1)
    p, z = Mixture(torch.randn(5), parts), torch.randn(4, 6, 3)
    plain = MixtureSameFamily(p.mixture_distribution, parts).log_prob(z)
    monkeypatch.setattr(mixture, "_BLOCK", 45)  # three rows
    torch.testing.assert_close(p.log_prob(z), plain)
