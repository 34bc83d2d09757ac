"""Linear probes: what is planted is read at its known score, noise at chance, and controls say which is which."""

import numpy as np
import pytest
import scipy.sparse

from textvae.errors import TextVAEError
from textvae.metrics.probes import Probe, probe

N = 1200


@pytest.fixture(scope="module")
def z() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, 4))


def test_a_planted_class_is_read_at_the_rate_of_its_noise(z):
    rng = np.random.default_rng(1)
    true = z[:, 1] > 0
    labels = np.where(rng.random(N) < 0.1, ~true, true)  # one in ten is wrong
    found = probe(z, labels)
    assert (found.measure, found.n_texts, found.n_classes) == ("accuracy", N, 2)
    assert found.score == pytest.approx(0.9, abs=3 * found.stderr)
    assert found.stderr == pytest.approx(np.sqrt(0.9 * 0.1 / N), rel=0.15)
    assert found.baseline == pytest.approx(max(labels.mean(), 1 - labels.mean()))
    assert found.control == pytest.approx(0.5, abs=0.05)


def test_a_planted_number_is_read_at_its_share_of_the_variance(z):
    rng = np.random.default_rng(2)
    found = probe(z, z[:, 0] + rng.normal(size=N))  # as much noise as signal
    assert (found.measure, found.n_classes, found.baseline) == ("R2", None, 0.0)
    assert found.score == pytest.approx(0.5, abs=3 * found.stderr)
    assert 0 < found.stderr < 0.05
    assert found.control < 0.02


def test_noise_is_read_at_chance(z):
    labels = np.random.default_rng(3).choice(["a", "b", "c"], p=[0.5, 0.25, 0.25], size=N)
    found = probe(z, labels)
    assert found.n_classes == 3
    assert found.score == pytest.approx(found.baseline, abs=0.04)
    assert abs(found.score - found.control) < 4 * found.stderr


def test_what_lies_far_below_the_priors_scale_is_not_read(z):
    labels = z[:, 0] > 0
    assert probe(z, labels).score > 0.97
    assert probe(z * [1e-4, 1, 1, 1], labels).score < 0.6


def test_few_whole_numbers_are_classes_and_many_are_numbers(z):
    stars = np.digitize(z[:, 0], [-1, 0, 1])
    assert probe(z, stars).n_classes == 4
    assert probe(z, (z[:, 0] * 100).astype(int)).measure == "R2"


def test_held_out_texts_are_predicted_by_a_model_of_the_rest(z):
    labels = z[:, 0] > 0
    labels[:200] = ~labels[
        :200
    ]  # the texts held out are turned round: read wrongly, unless they are fitted on
    held_out = np.arange(N) < 200
    found = probe(z, labels, held_out=held_out)
    assert found.n_texts == 200
    assert found.score < 0.1


def test_sparse_features_are_the_same_features(z):
    counts = np.maximum(z, 0)
    assert probe(scipy.sparse.coo_array(counts), z[:, 2] > 0) == probe(counts, z[:, 2] > 0)


def test_the_same_seed_gives_the_same_probe(z):
    labels = z[:, 0] + z[:, 1] ** 2 > 0.3
    found: list[Probe] = [probe(z, labels, seed=seed) for seed in (5, 5, 6)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.zeros(N), "all texts have the same"),
        (np.zeros(3), f"3 for {N} texts"),
        (np.array(["rare"] * 7 + ["often"] * (N - 7)), "10 texts of each class, and 'rare' has 7"),
    ],
)
def test_what_cannot_be_probed_is_refused(z, labels, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        probe(z, labels)
