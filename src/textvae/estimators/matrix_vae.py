"""The VAE over the rows of a matrix as a scikit-learn estimator."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from textvae.errors import TextVAEError, first_line
from textvae.estimators.options import configuration
from textvae.estimators.rows import TrainedRows, at_once, read_fitted, split_rows, train_rows
from textvae.latent.encode import encode
from textvae.matrix import RowsDataset
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import evaluating
from textvae.noise import Use, prior_draws, seeded


class MatrixVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TrainedRows, BaseEstimator):
    """A VAE over the rows of a matrix: any vectors in, latents, likelihoods and vectors out.

    Without options it is the dense VAE of the preset ``dense``, D–256–20–256–D; ``docs/dense.md`` explains it. The
    Gaussian likelihood takes numbers of any size, but training goes best on standardised columns:
    ``make_pipeline(StandardScaler(), MatrixVAE())``. Numbers in [0, 1] that mean probabilities, such as pixels, may
    take ``set={"decoder.likelihood": "bernoulli"}``.

    Every option is None by default, which leaves it to the preset. Later ones win: preset, ``config``, the
    options with names of their own, ``set``.

    Args:
        preset: a ready configuration of a model of rows. Without one it is the ``preset`` that ``config`` names,
            else ``dense``.
        latent_dim: Z, how many numbers a row becomes.
        epochs, steps, time_budget: how long to train, by one of the three.
        target_kl: nats per row to hold the KL of held-out rows at.
        seed: of the split, the first weights and the order of training.
        device: ``auto``, ``cpu`` or ``cuda``.
        config: a TOML file of options, or the same as nested dictionaries.
        set: any option by its dotted name, ``{"encoder.hidden": [512, 256]}``.
        verbose: whether training tells on stderr how it goes.

    Attributes:
        model_: the trained ``textvae.model.VAE``.
        config_: the whole ``Config``.
        history_: rows of figures, one an interval of training.
        metrics_: what ``metrics.json`` holds: ``training``, ``data``, ``versions``.
        n_features_in_: D.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 8))
    >>> vae = MatrixVAE(latent_dim=2, steps=5).fit(X)
    >>> vae.transform(X).shape, vae.inverse_transform(vae.transform(X)).shape, vae.sample(3).shape
    ((100, 2), (100, 8), (3, 8))
    """

    def __init__(
        self,
        preset: str | None = None,
        *,
        latent_dim: int | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        time_budget: float | str | None = None,
        target_kl: float | None = None,
        seed: int | None = None,
        device: str = "auto",
        config: str | PathLike[str] | Mapping[str, Any] | None = None,
        set: Mapping[str, Any] | Iterable[str] | None = None,
        verbose: bool = False,
    ):
        self.preset = preset
        self.latent_dim = latent_dim
        self.epochs = epochs
        self.steps = steps
        self.time_budget = time_budget
        self.target_kl = target_kl
        self.seed = seed
        self.device = device
        self.config = config
        self.set = set
        self.verbose = verbose

    def fit(self, X: Any, y: object = None, *, validation: Any = None) -> Self:
        """Trains on the rows of X (N, D), dense or sparse; labels are ignored.

        Args:
            X: finite numbers. A sparse matrix is made dense batch by batch only.
            y: not used.
            validation: rows to watch training by; without them a share, ``train.held_out``, is kept for that.

        Raises:
            TextVAEError: the matrix or the options can't be used, or the training failed.
        """
        started = time.monotonic()
        config = configuration(self.get_params(deep=False), reads="rows")
        train = self._rows(X, reset=True)
        if validation is None:
            train, held_out = split_rows(train, config.train)
        else:
            held_out = self._rows(validation)
        fitted = train_rows(
            config,
            train,
            held_out,
            lambda model: model.decoder.set_marginal(*train.moments()),
            device=self.device,
            verbose=self.verbose,
            started=started,
        )
        self._take(fitted)
        return self

    def _rows(self, X: Any, reset: bool = False) -> RowsDataset:
        """What every method takes: a matrix of finite numbers, with the columns of the one trained on."""
        try:
            rows = RowsDataset(X)
            validate_data(self, X, reset=reset, skip_check_array=True)
        except ValueError as error:
            raise TextVAEError(f"The matrix can't be used: {first_line(error)}") from error
        return rows

    # ------------------------------------------------------------------ rows to latents and back

    def transform(self, X: Any) -> np.ndarray:
        """The mode of q(z|x), a Gaussian's mean, for every row: (N, Z) float32."""
        check_is_fitted(self, "model_")
        rows = self._rows(X)
        return encode(self.model_, rows, max_tokens=at_once(rows.columns)).mode

    def inverse_transform(self, Z: ArrayLike) -> np.ndarray:
        """The mean of p(x|z) for every latent of Z (N, Z): (N, D) float32."""
        check_is_fitted(self, "model_")
        z = np.asarray(Z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.model_.latent_dim:
            raise TextVAEError(
                f"Latents are rows of {self.model_.latent_dim} numbers, not of shape {z.shape}."
            )
        with evaluating(self.model_) as device:
            parts = torch.from_numpy(z).split(at_once(self.n_features_in_))
            return np.concatenate([self.model_.decoder(part.to(device)).mean.cpu() for part in parts])

    def sample(self, n: int = 1, *, seed: int = 0) -> np.ndarray:
        """Rows drawn from the model, z ~ p(z) and x ~ p(x|z): (n, D) float32; fewer are the first of more."""
        check_is_fitted(self, "model_")
        if n < 1:
            raise TextVAEError(f"At least 1 row has to be drawn, not {n}.")
        rows = np.empty((n, self.n_features_in_), np.float32)
        with evaluating(self.model_) as device:
            for i, z in enumerate(prior_draws(self.model_.prior(), n, seed)):
                with seeded(device, seed, i, Use.VALUES):
                    rows[i] = self.model_.decoder(z[None]).sample()[0].cpu()
        return rows

    # ------------------------------------------------------------------ figures

    def score_samples(self, X: Any, *, iw_samples: int = 100, seed: int = 0) -> np.ndarray:
        """An estimate of log p(x) in nats for every row: (N,) float64.

        By importance weighting with ``iw_samples`` samples of q(z|x), a lower bound in expectation. A density's
        logarithm may be positive, and depends on the scale of the columns.
        """
        check_is_fitted(self, "model_")
        rows = self._rows(X)
        most = at_once(rows.columns)
        likelihood = evaluate_likelihood(
            self.model_, rows, iw_samples=iw_samples, seed=seed, max_tokens=most, precision="fp32"
        )
        return -likelihood.iw_nll

    def score(self, X: Any, y: object = None) -> float:
        """The mean of ``score_samples``, for model selection: nats per row."""
        return float(self.score_samples(X).mean())

    # ------------------------------------------------------------------ folders

    @classmethod
    def from_pretrained(cls, folder: str | PathLike[str], *, device: str = "auto") -> Self:
        """The model that a folder holds.

        Raises:
            TextVAEError: no model of rows, a damaged one, or one of another format.
        """
        fitted = read_fitted(Path(folder), "rows", device)
        self = cls(config=fitted.config.model_dump(mode="json"), device=device)
        self._take(fitted)
        return self

    # ------------------------------------------------------------------ scikit-learn

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = False
        return tags
