"""Von Mises-Fisher: against scipy, against closed forms, and where scipy overflows."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import special, stats
from torch.distributions import kl_divergence

from textvae.distributions.sphere import UniformSphere, VonMisesFisher, log_bessel

SIZES = [(2, 3.0), (3, 0.5), (3, 500.0), (32, 80.0), (128, 20.0), (512, 3000.0)]  # Z, κ


def direction(dim: int) -> torch.Tensor:
    return F.normalize(torch.randn(dim, dtype=torch.float64), dim=0)


@pytest.mark.parametrize("dim", [2, 3, 4, 5, 32, 101, 512])
@pytest.mark.parametrize("x", [1e-3, 0.7, 30.0, 1e3, 1e6])
def test_bessel_functions_are_scipys_where_scipy_has_them(dim, x):
    order = dim / 2 - 1
    at = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    log_i, ratio = log_bessel(order, at)
    scaled = special.ive(order, x)
    if scaled > 1e-300:
        assert log_i.item() == pytest.approx(math.log(scaled) + x, rel=1e-11, abs=1e-10)
        assert ratio.item() == pytest.approx(special.ive(order + 1, x) / scaled, rel=1e-8)
    (slope,) = torch.autograd.grad(log_i, at)
    assert slope.item() == pytest.approx(ratio.item() + order / x, rel=1e-7)  # DLMF 10.29.2


@pytest.mark.parametrize(("dim", "kappa"), [(2, 3.0), (3, 0.5), (32, 80.0), (128, 20.0)])
def test_density_is_scipys(dim, kappa):
    mu = direction(dim)
    q = VonMisesFisher(mu, torch.tensor(kappa, dtype=torch.float64))
    z = UniformSphere(torch.zeros(dim, dtype=torch.float64)).rsample((50,))
    expected = stats.vonmises_fisher(mu.numpy(), kappa).logpdf(z.numpy())
    np.testing.assert_allclose(q.log_prob(z).numpy(), expected, rtol=1e-9)


def test_densities_integrate_to_one_on_a_sphere_of_any_radius():
    centre = torch.zeros(3, dtype=torch.float64)
    theta, phi = (torch.arange(n, dtype=torch.float64) + 0.5 for n in (400, 100))
    theta, phi = torch.meshgrid(theta * math.pi / 400, phi * 2 * math.pi / 100, indexing="ij")
    unit = torch.stack([theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()], -1)
    area = theta.sin() * (math.pi / 400) * (2 * math.pi / 100)
    for radius in (1.0, 2.5):
        q = VonMisesFisher(direction(3), torch.tensor(7.0), radius)
        for p in (q, UniformSphere(centre, radius)):
            total = (p.log_prob(radius * unit).exp() * area * radius**2).sum()
            assert total.item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("dim", "kappa"), SIZES)
def test_samples_have_the_moments(dim, kappa):
    q = VonMisesFisher(direction(dim), torch.tensor(kappa, dtype=torch.float64), radius=1.7)
    z = q.rsample((10_000,))
    torch.testing.assert_close(z.norm(dim=1), torch.full_like(z[:, 0], 1.7))
    off = (z.mean(0) - q.mean).abs() / (z.std(0) / 100)
    assert off.max() < 5
    torch.testing.assert_close(z.var(0), q.variance, rtol=0.1, atol=1e-6)
    cosine = z @ q.loc / 1.7
    assert (cosine.mean() - q.mean_cosine).abs() < 5 * cosine.std() / 100


@pytest.mark.parametrize(("dim", "kappa"), [*SIZES, (512, 1e5)])
def test_kl_is_the_mean_over_samples_and_the_radius_cancels(dim, kappa):
    q, p = (
        VonMisesFisher(direction(dim), torch.tensor(kappa, dtype=torch.float64)),
        UniformSphere(torch.zeros(dim, dtype=torch.float64)),
    )
    z = q.rsample((5_000,))
    ratio = q.log_prob(z) - p.log_prob(z)
    kl = kl_divergence(q, p)
    assert kl > 0
    assert (ratio.mean() - kl).abs() < 5 * ratio.std() / 5_000**0.5
    wider = VonMisesFisher(q.loc, q.concentration, 3.0)
    torch.testing.assert_close(kl_divergence(wider, UniformSphere(p.centre, 3.0)), kl)
    torch.testing.assert_close(wider.log_prob(3 * z) - UniformSphere(p.centre, 3.0).log_prob(z), ratio)


@pytest.mark.parametrize(("dim", "kappa"), [(2, 2.0), (3, 20.0), (8, 5.0), (64, 80.0)])
def test_gradients_of_expectations_are_those_of_their_closed_form(dim, kappa):
    """E[(aᵀz)²] = A/κ + (1 − Z A/κ) (aᵀμ)² for a unit vector a, and E[aᵀz] = A aᵀμ."""
    raw, kappa = torch.linspace(0.5, 1.5, dim).double(), torch.tensor(kappa).double()
    a, draws = torch.eye(dim).double()[0], 20_000
    # a leaf for each draw, so that the spread of the gradients is known too
    leaves = [t.repeat(draws, *[1] * t.ndim).requires_grad_() for t in (raw, kappa)]
    along = VonMisesFisher(F.normalize(leaves[0], dim=1), leaves[1]).rsample() @ a
    sampled = torch.autograd.grad((along + along**2).sum(), leaves)

    def expected(raw: torch.Tensor, kappa: torch.Tensor) -> torch.Tensor:
        mean_cosine, cosine = log_bessel(dim / 2 - 1, kappa)[1], F.normalize(raw, dim=0) @ a
        across = mean_cosine / kappa
        return mean_cosine * cosine + across + (1 - dim * across) * cosine**2

    exact = torch.func.grad(expected, argnums=(0, 1))(raw, kappa)
    for got, wanted in zip(sampled, exact, strict=True):
        assert ((got.mean(0) - wanted).abs() < 5 * got.std(0) / draws**0.5).all()
        assert got.std(0).max() < 100 * wanted.abs().max()


def test_a_gradient_in_kappa_survives_a_kl_after_a_sample():
    kappa = torch.full((3,), 9.0, requires_grad=True)
    q = VonMisesFisher(direction(5).float().expand(3, 5), kappa)
    q.rsample()
    (slope,) = torch.autograd.grad(kl_divergence(q, UniformSphere(torch.zeros(5))).sum(), kappa)
    a = q.mean_cosine.detach()
    torch.testing.assert_close(slope, (9 * (1 - a**2 - 4 * a / 9)).float())  # κ A'(κ)
