import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from textvae.errors import TextVAEError
from textvae.latent.interpolate import interpolate

POINTS = arrays(np.float32, 5, elements=st.floats(-10, 10, width=32))


@given(POINTS, POINTS, st.integers(2, 9), st.sampled_from(["linear", "spherical"]))
def test_ends_are_exact(start: np.ndarray, end: np.ndarray, steps: int, method):
    path = interpolate(start, end, steps, method=method)
    assert path.shape == (steps, 5)
    assert np.isfinite(path).all()
    np.testing.assert_array_equal(path[0], start)
    np.testing.assert_array_equal(path[-1], end)
    np.testing.assert_allclose(interpolate(end, start, steps, method=method)[::-1], path, atol=1e-3)


def test_linear_steps_are_equal():
    path = interpolate([0, 0], [4, 8], 5)
    np.testing.assert_allclose(np.diff(path, axis=0), np.tile([1, 2], (4, 1)))


def test_spherical_keeps_the_norm_and_the_angle():
    path = interpolate([2, 0, 0], [0, 2, 0], 4, method="spherical")
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, rtol=1e-6)
    np.testing.assert_allclose((path[:-1] * path[1:]).sum(1) / 4, np.cos(np.pi / 6), rtol=1e-6)


def test_spherical_without_an_arc_is_linear():
    for end in ([-1.0, -2.0], [2.0, 4.0], [0.0, 0.0]):
        np.testing.assert_array_equal(
            interpolate([1, 2], end, method="spherical"), interpolate([1, 2], end, method="linear")
        )


def test_one_step_is_refused():
    with pytest.raises(TextVAEError, match="at least 2 steps"):
        interpolate([0], [1], 1)
