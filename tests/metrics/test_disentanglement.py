"""The metrics of disentanglement on representations whose scores are known: perfect, rotated, entangled, noise."""

from dataclasses import asdict

import numpy as np
import pytest

from textvae.errors import TextVAEError
from textvae.metrics.disentanglement import (
    dci,
    factor_values,
    irs,
    measure_disentanglement,
    mig,
    modularity,
    mutual_information,
    sap,
    z_diff,
    z_min_var,
)

N = 4000
VALUES = {"tense": 2, "aspect": 4, "person": 4}
SCORES = (
    "mig",
    "modularity",
    "disentanglement",
    "completeness",
    "informativeness",
    "sap",
    "irs",
    "z_diff",
    "z_min_var",
)


@pytest.fixture(scope="module")
def factors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.integers(n, size=N) for name, n in VALUES.items()}


@pytest.fixture(scope="module")
def values(factors) -> np.ndarray:
    return factor_values(factors)


@pytest.fixture(scope="module")
def perfect(values) -> np.ndarray:
    """Each factor on an axis of its own, and a little noise."""
    steps = values / values.max(0) * 2 - 1
    return steps + 0.01 * np.random.default_rng(1).normal(size=steps.shape)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(N, 3))


def turned(z: np.ndarray) -> np.ndarray:
    """No axis left where it was: the rotation that takes the first axis to (1, 1, 1)."""
    q, _ = np.linalg.qr(np.column_stack([np.ones(3), np.eye(3)[:, :2]]))
    return z @ q


def scores(z, factors) -> dict[str, float]:
    return {
        name: value for name, value in asdict(measure_disentanglement(z, factors)).items() if name in SCORES
    }


def test_axes_of_their_own_score_one(perfect, factors):
    found = scores(perfect, factors)
    # an axis with four values is no linear scale for one-against-rest classifiers: what SAP gives is tested below
    for name in set(SCORES) - {"sap"}:
        assert found[name] > 0.95, name
    assert found["sap"] > 0.4


def test_noise_scores_what_chance_gives(noise, factors):
    found = scores(noise, factors)
    for name in ("mig", "sap", "irs", "disentanglement", "completeness"):
        assert found[name] < 0.1, name
    for name in ("z_diff", "z_min_var"):
        assert found[name] == pytest.approx(1 / 3, abs=0.08), name
    shares = np.mean([1 / n for n in VALUES.values()])
    assert found["informativeness"] == pytest.approx(shares, abs=0.06)


def test_a_rotation_costs_every_metric_but_informativeness(perfect, factors):
    before, after = scores(perfect, factors), scores(turned(perfect), factors)
    for name in ("mig", "sap", "modularity", "disentanglement", "completeness", "irs", "z_min_var"):
        assert after[name] < before[name] - 0.1, name
    assert after["informativeness"] > 0.9


def test_an_axis_that_mixes_factors_is_told_from_a_factor_on_many_axes(values, perfect):
    mixed = np.column_stack([perfect[:, 0], perfect[:, 1] + perfect[:, 2], np.zeros(N)])
    copied = np.column_stack([perfect, perfect])
    assert modularity(mixed, values) < 0.9 < modularity(copied, values)
    assert dci(mixed, values).disentanglement < 0.8 < 0.99 < dci(copied, values).disentanglement
    assert mig(copied, values) < 0.01
    assert dci(copied, values).completeness < 0.8


def test_mutual_information_is_that_of_the_counts():
    values = np.array([[0], [0], [1], [1]] * 100)
    z = np.column_stack([values[:, 0] * 3.0, np.tile([0.0, 1.0, 0.0, 1.0], 100), np.full(400, 7.0)])
    np.testing.assert_allclose(mutual_information(z, values), [[np.log(2), 0, 0]], atol=1e-12)


def test_mig_and_modularity_by_their_equations(values):
    """The first axis tells tense in three of four texts, the second always, and aspect too."""
    two = values[:, :2]
    tense, aspect = two.T
    rng = np.random.default_rng(3)
    z = np.column_stack([np.where(rng.random(N) < 0.5, tense, rng.integers(2, size=N)), 2 * aspect + tense])
    information = mutual_information(z, two)
    entropy = mutual_information(two.astype(float), two).diagonal()
    np.testing.assert_allclose(information[1], [0, np.log(4)], atol=0.01)
    gaps = [entropy[0] - information[0, 0], information[1, 1] - information[1, 0]]
    assert mig(z, two) == pytest.approx(np.mean(gaps / entropy))
    expected = [
        1 - (information[1, 0] / information[0, 0]) ** 2,
        1 - (information[0, 1] / information[1, 1]) ** 2,
    ]
    assert modularity(z, two) == pytest.approx(np.mean(expected))


def test_sap_is_the_gap_of_two_accuracies(values):
    """One axis is a binary factor, the other agrees with it in nine of ten texts."""
    rng = np.random.default_rng(4)
    tense = values[:, 0] * 2.0 - 1
    other = np.where(rng.random(N) < 0.1, -tense, tense)
    assert sap(np.column_stack([tense, other]), values[:, :1]) == pytest.approx(0.1, abs=0.03)


def test_irs_is_one_minus_what_an_axis_still_moves(values):
    """z = a + b for independent signs a and b: with either held still, half of the movement is left."""
    signs = (values[:, :1] * 2.0 - 1), (np.random.default_rng(5).integers(2, size=(N, 1)) * 2.0 - 1)
    two = np.column_stack([values[:, 0], (signs[1][:, 0] > 0).astype(int)])
    assert irs(signs[0] + signs[1], two) == pytest.approx(0.5, abs=0.02)
    assert irs(signs[0], two) == pytest.approx(1, abs=1e-9)


def test_groups_alike_in_a_factor_tell_it_whatever_the_axis_scale(values, perfect):
    scaled = perfect * [1e-3, 1.0, 1e3]
    assert z_diff(scaled, values) > 0.99
    assert z_min_var(scaled, values) > 0.99


def test_a_dead_axis_changes_nothing(perfect, factors):
    found, more = scores(perfect, factors), scores(np.column_stack([perfect, np.full(N, 0.3)]), factors)
    assert more.pop("completeness") > 0.95  # of more axes, of which none more is used
    assert more == pytest.approx({name: found[name] for name in more}, abs=0.02)


def test_the_carriers_are_the_axes(perfect, factors):
    carriers = measure_disentanglement(perfect, factors).carriers
    assert [(c.factor, c.values, c.axis) for c in carriers] == [
        ("tense", 2, 0),
        ("aspect", 4, 1),
        ("person", 4, 2),
    ]
    for carrier in carriers:
        assert carrier.entropy == pytest.approx(np.log(carrier.values), abs=0.01)
        assert carrier.information == pytest.approx(carrier.entropy, abs=0.01)


def test_the_same_seed_gives_the_same_scores(perfect, factors):
    z = turned(perfect)[:500]
    some = {name: column[:500] for name, column in factors.items()}
    assert measure_disentanglement(z, some, seed=3) == measure_disentanglement(z, some, seed=3)
    assert measure_disentanglement(z, some, seed=3) != measure_disentanglement(z, some, seed=4)


def test_what_cannot_be_measured_is_refused(perfect, factors):
    with pytest.raises(TextVAEError, match="two factors or more"):
        measure_disentanglement(perfect, {"tense": factors["tense"]})
    with pytest.raises(TextVAEError, match="'tense' has the same value in all texts"):
        measure_disentanglement(perfect, {**factors, "tense": np.zeros(N)})
    with pytest.raises(TextVAEError, match="5 texts are too few"):
        measure_disentanglement(perfect[:5], {"a": np.arange(5), "b": np.arange(5)})
