"""Distributions over codes, where everything can be counted out."""

import itertools
import math

import pytest
import torch
from torch.distributions import kl_divergence

from textvae.distributions import codes
from textvae.distributions.codes import Codes, Quantised, embed, nearest


@pytest.fixture
def codebook() -> torch.Tensor:
    return torch.randn(2, 3, 4)  # M, K, D


@pytest.fixture
def every(codebook) -> torch.Tensor:
    """All nine z."""
    return embed(torch.tensor(list(itertools.product(range(3), repeat=2))), codebook)


def test_probabilities_sum_to_one_and_kl_counts_them_out(codebook, every):
    q, p = (Codes(torch.randn(5, 2, 3).log_softmax(-1), codebook) for _ in range(2))
    log_q, log_p = (d.log_prob(every[:, None]) for d in (q, p))
    assert log_q.shape == (9, 5)
    torch.testing.assert_close(log_q.exp().sum(0), torch.ones(5))
    torch.testing.assert_close((log_q.exp() * (log_q - log_p)).sum(0), kl_divergence(q, p))
    mean = torch.einsum("cb,cz->bz", log_q.exp(), every)
    torch.testing.assert_close(q.mean, mean)
    torch.testing.assert_close(q.variance, torch.einsum("cb,cz->bz", log_q.exp(), every**2) - mean**2)
    assert q.log_prob(q.mode).equal(log_q.max(0).values)


def test_samples_come_as_often_as_they_should(codebook, every):
    q = Codes(torch.randn(2, 3).log_softmax(-1), codebook)
    z = q.sample((20_000,))
    share = (z[:, None] == every).all(-1).float().mean(0)
    torch.testing.assert_close(share, q.log_prob(every).exp(), atol=0.02, rtol=0)


def test_codes_survive_a_round_trip_in_blocks(codebook, every, monkeypatch):
    index = nearest(every, codebook)
    assert embed(index, codebook).equal(every)
    monkeypatch.setattr(codes, "_BLOCK", 12)  # two rows
    assert nearest(every + 1e-3, codebook).equal(index)


def test_a_point_mass_knows_itself_among_codes_at_one_place():
    vectors = torch.randn(20, 8, 1)
    codebook = vectors[torch.randint(20, (128,))].transpose(0, 1)  # M, K, 1, each some six times,
    codebook = codebook * (1 + 1e-7 * torch.randn(8, 128, 1))  # up to rounding, as moving averages leave them
    q = Quantised(vectors, codebook)
    for samples in (1, 3):  # other shapes are rounded in other ways
        assert q.log_prob(q.rsample((samples,))).eq(0).all()
    z = q.mode
    assert q.log_prob(z[:, None]).isfinite().equal(torch.eye(20, dtype=torch.bool))


def test_a_point_mass_is_at_the_nearest_code_and_passes_gradients_on(codebook, every):
    vectors = torch.randn(6, 2, 4, requires_grad=True)
    q = Quantised(vectors, codebook, commitment=0.5)
    z = q.rsample((3,))
    assert z.shape == (3, 6, 8)
    distances = (vectors.flatten(1)[:, None] - every).norm(dim=-1)
    torch.testing.assert_close(q.mode, every[distances.argmin(1)])
    assert q.log_prob(z).eq(0).all()
    assert q.log_prob(every[:, None]).exp().sum(0).equal(torch.ones(6))
    torch.testing.assert_close(q.penalty, 0.5 * distances.min(1).values ** 2)
    uniform = Codes(torch.zeros(2, 3).log_softmax(-1), codebook)
    torch.testing.assert_close(kl_divergence(q, uniform), torch.full((6,), 2 * math.log(3)))
    weights = torch.randn(3, 6, 8)
    (gradient,) = torch.autograd.grad((weights * z).sum(), vectors)
    torch.testing.assert_close(gradient, weights.sum(0).view(6, 2, 4))
