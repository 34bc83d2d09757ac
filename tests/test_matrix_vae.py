"""MatrixVAE and the data set under it: what it learns of a matrix, and what it refuses."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from textvae import MatrixVAE, TextVAE, TextVAEError
from textvae.matrix import RowsDataset
from textvae.metrics.collapse import measure_collapse
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.metrics.self_checks import self_checks
from textvae.store import tensors

D, Z = 12, 3
NOISE = 0.5


def small(steps=5, set=None, **options) -> MatrixVAE:
    sizes = {"encoder.hidden": 32, "decoder.hidden": 32}
    return MatrixVAE(latent_dim=Z, steps=steps, set={**sizes, **(set or {})}, **options)


def same(a: MatrixVAE, b: MatrixVAE) -> bool:
    first, second = tensors(a.model_), tensors(b.model_)
    return all(torch.equal(first[name], second[name]) for name in first)


class Planted:
    """x = W f + μ + ε with f ~ N(0, I) and ε ~ N(0, σ² I), so x ~ N(μ, W Wᵀ + σ² I) (Tipping & Bishop 1999)."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.weights, self.mean = rng.normal(size=(D, Z)), rng.normal(size=D)
        self.covariance = self.weights @ self.weights.T + NOISE**2 * np.eye(D)
        self.train_factors, self.train = self.draw(rng, 2000)
        self.factors, self.test = self.draw(rng, 500)

    def draw(self, rng, n):
        factors = rng.normal(size=(n, Z))
        return factors, factors @ self.weights.T + self.mean + NOISE * rng.normal(size=(n, D))

    def log_p(self, x):
        return multivariate_normal(self.mean, self.covariance).logpdf(x)  # pyright: ignore[reportArgumentType]

    def posterior_mean(self, x):
        """E[f|x], which no function of x predicts the factors better than."""
        return (x - self.mean) @ np.linalg.solve(self.covariance, self.weights)


@pytest.fixture(scope="module")
def planted():
    return Planted()


@pytest.fixture(scope="module")
def vae(planted):
    return small(steps=800, set={"train.lr": 0.01}).fit(planted.train)


# ---------------------------------------------------------------------- what it learns


def test_its_bound_comes_near_to_the_exact_likelihood_and_never_above(vae, planted):
    likelihood = evaluate_likelihood(vae.model_, RowsDataset(planted.test), iw_samples=50)
    exact = planted.log_p(planted.test)
    gap = exact - likelihood.elbo
    # at most 0.15 of 13.4 nats are lost; no model's mean log-likelihood beats the truth's but by chance
    assert gap.mean() < 0.15
    assert gap.mean() > -3 * gap.std() / np.sqrt(len(gap))
    scores = vae.score_samples(planted.test, iw_samples=50)
    np.testing.assert_allclose(scores, -likelihood.iw_nll, rtol=1e-4)
    assert likelihood.elbo.mean() < scores.mean() < exact.mean() + 3 * (exact - scores).std() / np.sqrt(500)
    assert vae.score(planted.test) == pytest.approx(scores.mean(), abs=0.05)


def test_its_latents_hold_the_planted_factors(vae, planted):
    z = vae.transform(planted.train)
    assert z.shape == (2000, Z)
    found = (
        LinearRegression().fit(z, planted.train_factors).score(vae.transform(planted.test), planted.factors)
    )
    best = 1 - ((planted.factors - planted.posterior_mean(planted.test)) ** 2).mean() / planted.factors.var()
    assert best > 0.9
    assert found > best - 0.02
    # what no latent explains is the noise
    with torch.no_grad():
        scale = vae.model_.decoder(torch.zeros(1, Z)).base.stddev
    assert float(scale[0, 0]) == pytest.approx(NOISE, rel=0.05)


def test_its_samples_are_distributed_like_the_data(vae, planted):
    drawn = vae.sample(1500, seed=3)
    np.testing.assert_allclose(drawn.mean(0), planted.mean, atol=0.35)
    scale = np.sqrt(np.outer(*[np.diag(planted.covariance)] * 2))
    np.testing.assert_allclose(np.cov(drawn.T) / scale, planted.covariance / scale, atol=0.2)
    np.testing.assert_array_equal(vae.sample(5, seed=3), drawn[:5])
    assert not np.array_equal(vae.sample(5, seed=4), drawn[:5])


def test_the_figures_of_texts_are_those_of_rows_too(vae, planted):
    rows = RowsDataset(planted.test)
    assert self_checks(vae.model_, rows) == []
    collapse = measure_collapse(vae.model_, rows)
    assert collapse.active_units == Z
    information = 0.5 * np.linalg.slogdet(planted.covariance / NOISE**2)[1]  # I(x; f) of the planted model
    assert collapse.mi == pytest.approx(information, abs=0.5)


def test_a_bernoulli_finds_planted_groups():
    rng = np.random.default_rng(0)
    rates = np.where(rng.random((2, 20)) < 0.5, 0.05, 0.95)
    group = rng.integers(0, 2, 800)
    X = (rng.random((800, 20)) < rates[group]).astype(np.uint8)
    vae = small(steps=150, set={"decoder.likelihood": "bernoulli", "train.lr": 0.01}).fit(X[:600])
    sides = [vae.transform(X[:600])[group[:600] == g].mean(0) for g in (0, 1)]
    z = vae.transform(X[600:])
    nearest = ((z - sides[1]) ** 2).sum(1) < ((z - sides[0]) ** 2).sum(1)
    assert (nearest == group[600:]).mean() > 0.97
    shares = vae.inverse_transform(z)
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert set(np.unique(vae.sample(20))) <= {0, 1}


# ---------------------------------------------------------------------- how it behaves


def test_sparse_rows_are_the_same_rows(planted):
    X = np.where(planted.train[:200] > 1, planted.train[:200], 0)
    dense, sparse = small().fit(X), small().fit(scipy.sparse.csc_matrix(X))
    z = dense.transform(X)
    np.testing.assert_allclose(sparse.transform(X), z, atol=1e-5)
    np.testing.assert_array_equal(dense.transform(scipy.sparse.coo_array(X)), z)


def test_a_sparse_matrix_is_never_dense_as_a_whole(monkeypatch):
    matrix: Any = scipy.sparse.random_array((50, 40), density=0.1, rng=np.random.default_rng(0), format="csr")
    rows = RowsDataset(matrix)
    made = []
    toarray = scipy.sparse.csr_array.toarray
    monkeypatch.setattr(
        scipy.sparse.csr_array, "toarray", lambda self: made.append(self.shape) or toarray(self)
    )
    batch = rows.batch([3, 1])
    mean, variance = rows.moments()
    assert made == [(2, 40)]
    values = toarray(matrix)
    np.testing.assert_array_equal(batch.values, values[[3, 1]].astype(np.float32))
    np.testing.assert_allclose(mean, values.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, values.var(0), rtol=1e-4)
    assert batch.index.tolist() == [3, 1]
    np.testing.assert_array_equal(rows.subset([5, 4]).batch([1]).values, rows.batch([4]).values)


def test_a_row_does_not_depend_on_its_company(vae, planted):
    np.testing.assert_allclose(vae.transform(planted.test[:1]), vae.transform(planted.test)[:1], atol=1e-5)
    scores = vae.score_samples(planted.test[:20], iw_samples=5)
    np.testing.assert_allclose(vae.score_samples(planted.test[:2], iw_samples=5), scores[:2], rtol=1e-5)


def test_same_seed_same_model(planted):
    X = planted.train[:100]
    first = small().fit(X)
    copy = clone(first)
    assert isinstance(copy, MatrixVAE)
    assert same(first, copy.fit(X))
    assert not same(first, small(seed=1).fit(X))


def test_a_saved_model_is_the_same_model(vae, planted, tmp_path):
    vae.save_pretrained(tmp_path / "m")
    loaded = MatrixVAE.from_pretrained(tmp_path / "m")
    X = planted.test
    np.testing.assert_array_equal(loaded.transform(X), vae.transform(X))
    np.testing.assert_array_equal(loaded.score_samples(X, iw_samples=2), vae.score_samples(X, iw_samples=2))
    np.testing.assert_array_equal(loaded.sample(3), vae.sample(3))
    assert loaded.metrics_ == json.loads((tmp_path / "m" / "metrics.json").read_text()) == vae.metrics_
    assert loaded.history_ == vae.history_
    with pytest.raises(TextVAEError, match=r"not of texts: use textvae\.MatrixVAE"):
        TextVAE.from_pretrained(tmp_path / "m")
    with pytest.raises(TextVAEError, match="5 features"):
        loaded.transform(X[:, :5])


def test_it_is_a_transformer_of_scikit_learn(planted):
    X = planted.train[:200] * 1000
    pipeline = make_pipeline(StandardScaler(), small(steps=60, set={"train.lr": 0.01})).fit(X)
    z = pipeline.transform(X)
    vae: Any = pipeline[-1]
    assert list(vae.get_feature_names_out()) == ["matrixvae0", "matrixvae1", "matrixvae2"]
    residuals = X - pipeline.inverse_transform(z)
    assert residuals.var() < 0.7 * X.var(0).mean()


def test_validation_rows_are_used_as_given(planted):
    fitted = small().fit(planted.train[:100], validation=planted.test[:30])
    assert fitted.metrics_["data"] == {"n_train": 100, "n_validation": 30, "columns": D}
    assert small().fit(planted.train[:100]).metrics_["data"]["n_validation"] == 10
    fewer = small(set={"train.held_out": 0.02}).fit(planted.train[:100])
    assert (fewer.metrics_["data"]["n_train"], fewer.metrics_["data"]["n_validation"]) == (98, 2)


# ---------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        ([[1.0, np.nan], [0, 1]], "missing, infinite or beyond float32"),
        ([[1e39, 0.0], [0, 1]], "missing, infinite or beyond float32"),
        (scipy.sparse.csr_array([[np.inf, 0.0], [0, 1]]), "missing, infinite or beyond float32"),
        ([1.0, 2.0], r"not one of shape \(2,\)"),
        (np.ones((0, 3)), r"not one of shape \(0, 3\)"),
        ([["a", "b"]], "not numbers"),
        ([[1.0], [2.0, 3.0]], "can't be used"),
        (np.ones((1, 3)), "at least two rows"),
    ],
)
def test_no_matrix_of_numbers(matrix, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        small().fit(matrix)


def test_a_bernoulli_of_other_numbers(planted):
    with pytest.raises(TextVAEError, match=r"takes numbers in \[0, 1\]"):
        small(set={"decoder.likelihood": "bernoulli"}).fit(planted.train[:50])


def test_models_of_texts_and_of_rows_are_not_mixed_up(planted):
    with pytest.raises(TextVAEError, match=r"not of the rows of a matrix: use textvae\.TextVAE"):
        MatrixVAE("bowman2016").fit(planted.train)
    with pytest.raises(TextVAEError, match=r"decoder vector .* not of texts: use textvae\.MatrixVAE"):
        TextVAE("dense").fit(["a text", "another"])


def test_latents_and_samples_that_there_are_none_of(vae):
    with pytest.raises(TextVAEError, match="rows of 3 numbers"):
        vae.inverse_transform([[1.0, 2.0]])
    with pytest.raises(TextVAEError, match="At least 1 row"):
        vae.sample(0)


def test_the_page_on_the_dense_vae_quotes_the_code_as_it_is():
    root = Path(__file__).resolve().parents[1]
    page = (root / "docs" / "dense.md").read_text(encoding="utf-8")
    quotes = re.findall(r"^   `([\w/]+\.py)`: `(.+)`$", page, re.MULTILINE)
    assert len(quotes) == 6
    for file, line in quotes:
        assert line in (root / "src" / "textvae" / file).read_text(encoding="utf-8")
