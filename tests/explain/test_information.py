"""Mutual information with shuffles taken off, and its interval."""

import numpy as np
import pytest

from textvae.explain.information import BINS, mutual_information, quantile_bins


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_bins_are_equally_full(rng):
    bins = quantile_bins(rng.standard_normal((800, 3)))
    assert all((np.bincount(column) == 800 // BINS).all() for column in bins.T)


def test_what_z_decides_has_the_entropy_of_the_value(rng):
    z = rng.standard_normal(4000)
    found = mutual_information(quantile_bins(z[:, None])[:, 0], (z > np.median(z)).astype(int), rng)
    assert found.mi == pytest.approx(np.log(2), abs=0.01)
    assert found.share == pytest.approx(1, abs=0.01)
    assert found.interval[0] <= found.mi <= found.interval[1]


def test_what_has_nothing_to_do_with_z_has_no_information_however_many_values(rng):
    """The plug-in estimate of this table is (8 - 1)(30 - 1)/2N = 0.1 nats too high."""
    z = quantile_bins(rng.standard_normal((1000, 40)))
    lows, highs, estimates = zip(
        *((f.interval[0], f.interval[1], f.mi) for f in _each(z, rng.integers(0, 30, 1000), rng)),
        strict=True,
    )
    assert np.mean(estimates) < 0.01
    assert np.mean(np.array(lows) > 0) < 0.2
    assert min(highs) >= 0


def _each(z, codes, rng):
    return [mutual_information(column, codes, rng) for column in z.T]


def test_the_interval_covers_the_truth(rng):
    """A channel that turns a fair bit round with probability 0.2 carries ln 2 − H(0.2) nats."""
    truth = np.log(2) + 0.2 * np.log(0.2) + 0.8 * np.log(0.8)
    covered = 0
    for _ in range(60):
        z = rng.standard_normal(1000)
        codes = ((z > 0) ^ (rng.random(1000) < 0.2)).astype(int)
        low, high = mutual_information(quantile_bins(z[:, None])[:, 0], codes, rng).interval
        covered += low <= truth <= high
    assert covered >= 50
