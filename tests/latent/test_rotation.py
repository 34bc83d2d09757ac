"""Rotations: the model stays what it is, and the axes become those that were planted."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from models import part_options, random_batch, random_ids, small_model
from textvae import TextVAEError
from textvae.distributions.rotated import Rotated, rotated
from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.latent.rotation import independent, toward_labels, varimax
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import evaluating, rotate
from textvae.store import load_tensors, tensors
from textvae.text.batch import Dataset

_POSTERIORS = ["gaussian", "full_gaussian", "batch_norm", "flow"]


def _matrix(size: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def _model(posterior="gaussian", **over):
    """Untrained, but with a posterior that differs from text to text."""
    model = small_model(posterior=part_options("posterior", posterior), **over)
    with torch.no_grad():
        for parameter in [*model.encoder.parameters(), *model.posterior.parameters()]:
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return model.eval()


# ------------------------------------------------------------------ the model


@pytest.mark.parametrize("posterior", _POSTERIORS)
def test_every_elbo_stays_what_it_was(posterior):
    model = _model(posterior)
    dataset = Dataset(random_ids([5, 9, 3, 12, 1]))
    turned = rotate(model, torch.from_numpy(_matrix(4)))
    before, after = (
        evaluate_likelihood(each, dataset, iw_samples=3, precision="fp32") for each in (model, turned)
    )
    np.testing.assert_allclose(after.elbo, before.elbo, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(after.kl, before.kl, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(after.iw_nll, before.iw_nll, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("posterior", _POSTERIORS)
def test_it_encodes_into_and_writes_from_the_rotated_coordinates(posterior):
    model, matrix = _model(posterior), _matrix(4)
    turned = rotate(model, torch.from_numpy(matrix))
    dataset = Dataset(random_ids([5, 9, 3, 12, 1]))
    before, after = encode(model, dataset), encode(turned, dataset)
    np.testing.assert_allclose(after.mode, before.mode @ matrix, atol=1e-5)
    written, again = generate(model.decoder, before.mode), generate(turned.decoder, after.mode)
    assert [ids.tolist() for ids in written.ids] == [ids.tolist() for ids in again.ids]
    np.testing.assert_allclose(again.log_probs, written.log_probs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("posterior", ["gaussian", "full_gaussian"])
def test_the_moments_are_those_of_the_draws(posterior):
    with evaluating(_model(posterior)) as _:
        model = _model(posterior)
        q = rotated(model.encode(random_batch()), torch.from_numpy(_matrix(4)).float())
        z = q.sample(torch.Size([20_000]))
    assert isinstance(q, Rotated)
    torch.testing.assert_close(z.mean(0), q.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(z.std(0), q.stddev, atol=0.03, rtol=0.03)
    torch.testing.assert_close(q.mode, q.mean)


def test_two_rotations_are_one_and_back_is_where_it_was():
    model, matrix = _model(), torch.from_numpy(_matrix(4))
    there_and_back = rotate(rotate(model, matrix), matrix.T)
    batch = random_batch()
    assert "posterior.base.base.loc.weight" not in tensors(there_and_back)
    torch.testing.assert_close(there_and_back.encode(batch).mean, model.encode(batch).mean)


def test_its_tensors_are_those_of_another_one_like_it():
    turned = rotate(_model(), torch.from_numpy(_matrix(4)))
    other = rotate(_model(), torch.eye(4))
    load_tensors(other, tensors(turned), path=None)  # pyright: ignore[reportArgumentType]
    batch = random_batch()
    torch.testing.assert_close(other.encode(batch).mean, turned.encode(batch).mean)
    torch.testing.assert_close(other.encode(batch).stddev, turned.encode(batch).stddev)


# ------------------------------------------------------------------ which rotation


def _orthogonal(matrix):
    return np.allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-8)


@pytest.fixture
def hidden():
    """Six coordinates of which two are collapsed, and four are two-valued with noise, mixed by a rotation."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (3000, 4))
    z = np.hstack(
        [codes - 0.5 + 0.1 * rng.standard_normal(codes.shape), 0.01 * rng.standard_normal((3000, 2))]
    )
    return z, codes, z @ _matrix(6, 3).T


def test_independent_axes_are_found_without_labels(hidden):
    z, _, mixed = hidden
    matrix = independent(mixed)
    assert _orthogonal(matrix)
    match = np.abs(np.corrcoef((mixed @ matrix).T, z.T)[:6, 6:])
    assert (match[:4, :4].max(0) > 0.99).all()
    assert (mixed @ matrix)[:, 4:].std() < 0.02


def test_each_label_gets_the_axis_of_its_place(hidden):
    _, codes, mixed = hidden
    labels = {"a": codes[:, 2].astype(str), "b": codes[:, 0], "four": codes[:, 1] * 2 + codes[:, 3]}
    matrix = toward_labels(mixed, labels)
    assert _orthogonal(matrix)
    turned = mixed @ matrix
    assert abs(np.corrcoef(turned[:, 0], codes[:, 2])[0, 1]) > 0.97
    assert abs(np.corrcoef(turned[:, 1], codes[:, 0])[0, 1]) > 0.97
    assert _told(turned[:, 2], labels["four"]) > 0.9 * np.log(4)


def test_a_label_that_is_the_parity_of_two_coordinates_gets_an_axis(hidden):
    """It shifts no mean: on the diagonal of the two, one value lies between and beside the other."""
    _, codes, mixed = hidden
    parity = codes[:, 0] ^ codes[:, 1]
    matrix = toward_labels(mixed, {"parity": parity})
    assert _told((mixed @ matrix)[:, 0], parity) > 0.9 * np.log(2)


def test_labels_whose_values_lie_askew_get_an_axis_each():
    """Where neither sliced variances nor independent axes alone lead to all of them."""
    rng = np.random.default_rng(1)
    codes, mixing = rng.integers(0, [4, 4, 4, 3, 2], (3000, 5)), rng.standard_normal((30, 30)) / np.sqrt(30)
    at = sum(0.5 * rng.standard_normal((4, 30))[column] for column in codes.T)
    z = at + 0.5 * rng.standard_normal((3000, 30)) @ mixing
    turned = z @ toward_labels(z, {str(i): column for i, column in enumerate(codes.T)})
    for i, column in enumerate(codes.T):
        assert _told(turned[:, i], column) > 0.86 * np.log(column.max() + 1)


def _told(z, codes):
    """Nats between 20 equally full bins of z (N,) and codes (N,)."""
    return mutual_info_score(z.argsort().argsort() * 20 // len(z), codes)


def test_varimax_finds_the_axes_that_move_few_words(hidden):
    _, _, mixed = hidden
    loadings = np.kron(np.eye(6), np.ones((5, 1))) * np.r_[1, 2, 1, 2, 0, 0]
    mixing = _matrix(6, 3)
    matrix = varimax(loadings @ mixing.T, mixed)
    assert _orthogonal(matrix)
    match = np.abs(mixing.T @ matrix)[:4, :4]
    np.testing.assert_allclose(np.sort(match.max(0)), 1, atol=0.05)


@pytest.mark.parametrize(
    ("labels", "saying"),
    [({}, "at least one label"), ({"same": np.ones(3000)}, "same value"), (None, "no more than")],
)
def test_labels_that_give_no_axes_are_refused(hidden, labels, saying):
    _, codes, mixed = hidden
    many = {str(i): codes[:, 0] for i in range(5)}
    with pytest.raises(TextVAEError, match=saying):
        toward_labels(mixed, many if labels is None else labels)


def test_a_collapsed_model_has_nothing_to_rotate():
    with pytest.raises(TextVAEError, match="nothing to rotate"):
        independent(np.full((50, 3), 1e-3) * np.arange(50)[:, None] / 50)
