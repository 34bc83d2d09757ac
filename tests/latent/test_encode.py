import numpy as np
import pytest
import torch

from textvae.latent.encode import encode
from textvae.model import VAE
from textvae.text.batch import Dataset
from textvae.types import BOS, EOS


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset([np.array([BOS, *rng.integers(4, 9, rng.integers(0, 12)), EOS]) for _ in range(31)])


def test_order_is_kept_whatever_the_batches(model: VAE, dataset: Dataset):
    wide, narrow = encode(model, dataset), encode(model, dataset, max_tokens=16)
    assert wide.mean.shape == wide.stddev.shape == (31, 3)
    assert wide.mean.dtype == wide.stddev.dtype == np.float32
    np.testing.assert_allclose(wide.mean, narrow.mean, atol=1e-5)
    with torch.no_grad():
        q = model.eval().encode(dataset.batch([7]))
    np.testing.assert_allclose(wide.mean[7], q.mean[0], atol=1e-5)
    np.testing.assert_allclose(wide.stddev[7], q.stddev[0], atol=1e-5)


def test_precision_and_mode_do_not_matter(model: VAE, dataset: Dataset):
    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        mean = encode(model, dataset).mean
    assert model.training
    np.testing.assert_array_equal(mean, encode(model.eval(), dataset).mean)


def test_bf16_is_near_fp32(model: VAE, dataset: Dataset):
    exact, fast = encode(model, dataset).mean, encode(model, dataset, precision="bf16").mean
    assert fast.dtype == np.float32
    assert 0 < np.abs(fast - exact).max() < 0.05 * np.abs(exact).max()


def test_progress_rises_to_one(model: VAE, dataset: Dataset):
    shares: list[float] = []
    encode(model, dataset, max_tokens=32, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 2
    assert shares[-1] == 1
