"""The simulator and its figures."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from textvae.explain.fidelity import Simulator, auc, cues, fidelity


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_auc_is_that_of_scikit_learn_with_ties(rng):
    score, above = rng.integers(0, 9, 500).astype(float), rng.random(500) < 0.3
    assert auc(score, above)[0] == pytest.approx(roc_auc_score(above, score))


def test_its_interval_covers_the_truth(rng):
    """Two normals one standard deviation apart: Φ(1/√2) = 0.7602."""
    inside = 0
    for _ in range(100):
        above = np.repeat([True, False], 60)
        low, high = auc(rng.standard_normal(120) + above, above)[1]
        inside += low <= 0.7602 <= high
    assert 88 <= inside <= 100


def test_words_ends_and_attributes_are_cues():
    found = cues(
        [["good", "good", "food"], ["bad"]],
        {"good": 2.0, "bad": -1.0},
        [np.array([-0.5, 0.5])],
        [np.array([1, 0])],
        low=[["bad", "food"]],
        high=[["good"], ["food"]],
    )
    np.testing.assert_allclose(found, [[2.0, 0.5 + (0.5 - 1), 0.5], [-1.0, -1.0, -0.5]])


def test_a_simulator_weighs_what_tells(rng):
    given = rng.standard_normal((2000, 3))
    simulator = Simulator(given, 2 * given[:, 0] - given[:, 1] + 0.1 * rng.standard_normal(2000))
    assert simulator.weights[0] == pytest.approx(-2 * simulator.weights[1], rel=0.05)
    assert abs(simulator.weights[2]) < 0.02


def test_what_follows_the_dimension_is_explained_and_noise_is_not(rng):
    z, axis = rng.standard_normal((1000, 6)), np.eye(6)[2]
    good = fidelity(z[:, 2] + rng.standard_normal(1000), z, axis, rng)
    assert good.explained
    assert good.auc > 0.7
    assert not fidelity(rng.standard_normal(1000), z, axis, rng).explained


def test_what_follows_all_dimensions_alike_explains_none(rng):
    z = rng.standard_normal((1000, 4))
    assert not fidelity(z.sum(1), z, np.eye(4)[0], rng).explained


def test_a_space_of_one_dimension_has_no_other_direction(rng):
    z = rng.standard_normal((200, 1))
    found = fidelity(z[:, 0], z, np.ones(1), rng)
    assert found.random_interval == (0.5, 0.5)
    assert found.auc == 1
