import numpy as np
import pytest

from textvae.errors import TextVAEError
from textvae.latent.neighbours import nearest

Z = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)


def test_euclidean_agrees_with_brute_force():
    queries = Z[:5] + 0.1
    found = nearest(Z, queries, k=6, metric="euclidean")
    distances = np.linalg.norm(queries[:, None] - Z, axis=2)
    np.testing.assert_array_equal(found.indices, distances.argsort(1)[:, :6])
    np.testing.assert_allclose(found.distances, np.sort(distances, 1)[:, :6], atol=1e-5)


def test_cosine_ignores_the_norm():
    a, b = nearest(Z, Z[:5], k=6), nearest(Z, 7 * Z[:5], k=6)
    np.testing.assert_array_equal(a.indices, b.indices)
    unit = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    np.testing.assert_allclose(a.distances, np.sort(1 - unit[:5] @ unit.T, 1)[:, :6], atol=1e-5)
    np.testing.assert_array_equal(a.indices[:, 0], np.arange(5))


def test_without_queries_no_latent_is_its_own_neighbour():
    found = nearest(Z, k=39)
    assert found.indices.shape == (40, 39)
    assert not (found.indices == np.arange(40)[:, None]).any()


@pytest.mark.parametrize("k", [0, 40])
def test_too_many_neighbours_are_refused(k: int):
    with pytest.raises(TextVAEError, match="39 to choose from"):
        nearest(Z, k=k)
