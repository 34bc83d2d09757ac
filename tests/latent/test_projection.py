"""The map: the plane along which latents differ most."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from textvae import TextVAEError
from textvae.latent.projection import Plane


@pytest.fixture
def z(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6)) + 3


def test_it_is_the_plane_of_the_first_two_principal_components(z):
    plane, known = Plane.fit(z), PCA(2).fit(z)
    places = plane.project(z)
    signs = np.sign((places * known.transform(z)).sum(0))
    assert np.allclose(places, signs * known.transform(z))
    assert np.allclose(plane.explained, known.explained_variance_ratio_)


def test_the_same_latents_have_the_same_map(z):
    shuffled = Plane.fit(z[::-1])
    assert np.allclose(shuffled.axes, Plane.fit(z).axes)


def test_a_lifted_place_lies_where_it_was(z):
    plane = Plane.fit(z)
    places = np.array([[0.0, 0.0], [1.5, -2.0]])
    noise = np.random.default_rng(1).normal(size=(2, 4))
    for lifted in (plane.lift(places), plane.lift(places, noise)):
        assert lifted.shape == (2, 6)
        assert np.allclose(plane.project(lifted), places, atol=1e-4)


def test_what_is_drawn_off_the_plane_spreads_as_the_latents_do(z):
    plane = Plane.fit(z)
    drawn = plane.lift(plane.project(z), np.random.default_rng(1).normal(size=(500, 4)))
    assert np.allclose(np.cov(drawn, rowvar=False), np.cov(z, rowvar=False), atol=0.25 * plane.variance[0])
    assert np.allclose(np.var(drawn @ plane.axes.T, 0), plane.variance, rtol=0.25)


@pytest.mark.parametrize("shape", [(1, 4), (5, 1), (5,)])
def test_too_little_for_a_map_is_refused(shape):
    with pytest.raises(TextVAEError, match="A map needs"):
        Plane.fit(np.zeros(shape))
