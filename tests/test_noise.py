"""Random numbers row by row."""

import numpy as np
import pytest
import torch
from torch.distributions import Distribution, Independent, Laplace, Normal

from textvae.noise import posterior_normals, prior_draws, word_uniforms

PRIORS = {
    "standard": Independent(Normal(torch.zeros(3), torch.ones(3)), 1),
    "shifted": Independent(Normal(torch.full((3,), 5.0), torch.full((3,), 0.1)), 1),
    "laplace": Independent(Laplace(torch.zeros(3), torch.ones(3)), 1),
}


@pytest.fixture(params=PRIORS)
def prior(request: pytest.FixtureRequest) -> Distribution:
    return PRIORS[request.param]


def test_fewer_begin_more(prior: Distribution):
    many = posterior_normals([3, 9], 50, 4, seed=7)
    np.testing.assert_array_equal(posterior_normals([9], 5, 4, seed=7)[:, 0], many[:5, 1])
    assert not np.allclose(many[:, 0], many[:, 1])
    uniforms = word_uniforms([3, 9], 50, seed=7)
    np.testing.assert_array_equal(word_uniforms([9], 5, seed=7)[0], uniforms[1, :5])
    z = prior_draws(prior, 20, seed=7)
    assert torch.equal(prior_draws(prior, 5, seed=7), z[:5])
    assert not torch.equal(prior_draws(prior, 20, seed=8), z)
    assert len(z.unique(dim=0)) == 20
    assert prior_draws(prior, 0, seed=7).shape == (0, 3)
    assert prior_draws(prior, 2, seed=-1).isfinite().all()


def test_draws_follow_the_prior_and_leave_torch_alone(prior: Distribution):
    state = torch.get_rng_state()
    z = prior_draws(prior, 2000, seed=1)
    assert torch.equal(state, torch.get_rng_state())
    assert z.dtype == torch.float32
    torch.testing.assert_close(z.mean(0), prior.mean, rtol=0.01, atol=0.12)
    torch.testing.assert_close(z.std(0), prior.stddev, rtol=0.08, atol=0)


def test_uses_share_nothing():
    # one stream drawn in two ways would give numbers that go together
    latents = prior_draws(PRIORS["standard"], 500, seed=1).numpy().ravel()
    texts = posterior_normals(range(500), 1, 3, seed=1)[0].ravel()
    words = word_uniforms(range(500), 3, seed=1).ravel()
    for a, b in ((latents, texts), (latents, words), (texts, words)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.1
    assert not np.isin(latents, texts).any()
