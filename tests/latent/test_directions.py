"""Directions learned from labelled latents, and the evidence for them."""

import numpy as np
import pytest

from textvae.errors import TextVAEError
from textvae.latent.directions import interval, learn_directions

DIRECTION = np.array([3.0, 0.0, 4.0, 0.0]) / 5


def planted(n: int = 400, gap: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Latents whose two classes lie ``gap`` apart along a direction, and their labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=n)
    z = rng.standard_normal((n, 4)) + gap * labels[:, None] * DIRECTION
    return z.astype(np.float32), np.where(labels == 1, "yes", "no")


def test_the_planted_direction_is_found_by_means_and_by_the_probe():
    z, labels = planted()
    no, yes = learn_directions(z, labels, name="said")
    assert (no.name, yes.name) == ("said=no", "said=yes")
    for shift in (yes.shift, yes.probe_shift, yes.weight):
        assert shift @ DIRECTION / np.linalg.norm(shift) > 0.97
    # two unit Gaussians 4 apart: Φ(2) = 97.7% of their texts lie on their own side
    for kind in ("probe", "mean_difference"):
        found = yes.evidence[kind]
        assert found["low"] < 0.977 < found["high"]
        assert found["low"] < found["accuracy"] < found["high"]
    assert yes.evidence["control"]["accuracy"] == pytest.approx(0.5, abs=0.1)
    assert yes.evidence["share"] == pytest.approx((labels == "yes").mean())
    assert ((yes.probability(z) > 0.5) == (labels == "yes")).mean() > 0.95


def test_a_step_is_a_standard_deviation_of_all_texts():
    z, labels = planted()
    _, yes = learn_directions(z, labels)
    assert yes.coordinate(z).mean() == pytest.approx(0, abs=1e-5)
    assert yes.coordinate(z).std() == pytest.approx(1, rel=1e-4)
    np.testing.assert_allclose(yes.coordinate(z + 2 * yes.shift), yes.coordinate(z) + 2, atol=1e-4)


def test_two_values_have_opposite_directions_and_more_have_each_their_own():
    z, labels = planted()
    no, yes = learn_directions(z, labels)
    np.testing.assert_array_equal(no.shift, -yes.shift)
    np.testing.assert_allclose(no.probability(z), 1 - yes.probability(z), atol=1e-6)
    third = np.where(z[:, 1] > 1, "perhaps", labels)
    directions = {d.name: d for d in learn_directions(z, third)}
    assert list(directions) == ["label=no", "label=perhaps", "label=yes"]
    shift = directions["label=perhaps"].shift
    assert shift[1] / np.linalg.norm(shift) > 0.95


def test_a_rotation_takes_the_direction_with_it():
    z, labels = planted()
    _, yes = learn_directions(z, labels)
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    turned = yes.rotated(rotation)
    np.testing.assert_allclose(turned.coordinate(z @ rotation), yes.coordinate(z), atol=1e-4)
    np.testing.assert_allclose(turned.probability(z @ rotation), yes.probability(z), atol=1e-5)


def test_copies_of_a_text_are_no_evidence():
    """40 points in 30 dimensions can be told apart whatever their labels; unseen points can't."""
    rng = np.random.default_rng(0)
    z, labels = rng.standard_normal((40, 30)), np.arange(40) % 2
    _, one = learn_directions(np.tile(z, (10, 1)), np.tile(labels, 10))
    assert one.evidence["probe"]["accuracy"] < 0.75


def test_too_few_or_equal_labels_are_refused():
    z, labels = planted(20)
    with pytest.raises(TextVAEError, match="5 different texts with it and 5 without, and there are 3"):
        learn_directions(z, np.arange(20) < 3)
    with pytest.raises(TextVAEError, match="same value in all texts"):
        learn_directions(z, np.ones(20))
    with pytest.raises(TextVAEError, match="3 for 20 texts"):
        learn_directions(z, labels[:3])


def test_the_interval_is_wilsons():
    low, high = interval(np.arange(100) < 90)
    # Newcombe 1998: 90 of 100 -> 0.826 to 0.945
    assert (round(low, 3), round(high, 3)) == (0.826, 0.945)
