"""How sure a model is: whether the widths of q(z|x) can be believed, and how far a text is from those it knows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from sklearn.covariance import LedoitWolf

from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import VAE
from textvae.noise import prior_draws
from textvae.text.batch import Dataset
from textvae.types import BOS, EOS

LEVELS = (0.5, 0.9)
_TEXTS = 500
_MAX_TOKENS = 16_384  # in a batch
_SAMPLES = 5  # of the importance-weighted likelihood


class Calibration(NamedTuple):
    """How often z lies where q(z|x) says, dimension by dimension.

    ``coverage`` (levels, Z): the share of texts whose z is inside the central interval of q(z|x) that should hold that
    share; ``spread`` (Z,): the standard deviation of (z − μ)/σ, 1 where widths are right, above 1 where they are too
    narrow.
    """

    levels: tuple[float, ...]
    coverage: np.ndarray
    spread: np.ndarray


def calibrate(model: VAE, *, max_length: int, texts: int = _TEXTS, seed: int = 0) -> Calibration:
    """Draws z ~ p(z), writes x ~ p(x|z) and looks for z in q(z|x).

    Simulation-based calibration (Talts et al. 2018): over such pairs the true posterior's intervals hold what they say,
    and so do those of a q that is equal to it.

    Args:
        max_length: most ids in a text.
        texts: how many are written.
    """
    z = prior_draws(model.prior(), texts, seed).cpu().numpy()
    written = generate(model.decoder, z, method="sample", max_length=max_length, seed=seed).ids
    q = encode(model, Dataset([np.array([BOS, *ids, EOS], np.int32) for ids in written]))
    error = (z - q.mean) / np.maximum(q.stddev, 1e-12)
    inside = [(np.abs(error) <= norm.ppf(0.5 + level / 2)).mean(0) for level in LEVELS]
    return Calibration(LEVELS, np.stack(inside), error.std(0))


class Surprises(NamedTuple):
    """Of each text, (N,) float64.

    ``likelihood``: nats per token, −ln p(x) by importance weighting over the counted tokens, less what the tokens'
    frequencies alone would cost; ``latent``: the Mahalanobis distance of the mode of q(z|x) from those of the reference
    texts; ``surprise``: both in standard deviations of the reference texts from their mean, added up; ``rank``: the
    share of the reference texts that are less surprising.
    """

    likelihood: np.ndarray
    latent: np.ndarray
    surprise: np.ndarray
    rank: np.ndarray


def surprise(
    model: VAE, dataset: Dataset, reference: Dataset, frequencies: np.ndarray | None, *, seed: int = 0
) -> Surprises:
    """How far texts are from the reference texts, by their likelihood and by where their latents are.

    A likelihood alone takes short texts of frequent words for ordinary and misses much (Nalisnick et al. 2019); so what
    the words' frequencies explain is taken off, as in the likelihood ratios of Ren et al. 2019, and the latent has
    a say.

    Args:
        reference: texts of the kind that is known, not those to be judged.
        frequencies: (V,) counts of the tokens; None takes nothing off.
    """
    known, asked = (_likelihood(model, texts, frequencies, seed) for texts in (reference, dataset))
    modes = encode(model, reference).mode
    shape = LedoitWolf().fit(modes)
    near, far = (np.sqrt(shape.mahalanobis(z)) for z in (modes, encode(model, dataset).mode))
    of_known = _standard(known, known) + _standard(near, near)
    of_asked = _standard(asked, known) + _standard(far, near)
    rank = np.searchsorted(np.sort(of_known), of_asked) / len(reference)
    return Surprises(asked, far, of_asked, rank)


def _standard(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return (values - reference.mean()) / max(float(reference.std()), 1e-9)


def _likelihood(model: VAE, dataset: Dataset, frequencies: np.ndarray | None, seed: int) -> np.ndarray:
    """(N,) nats per token beyond what frequencies explain."""
    most = max(_MAX_TOKENS, int(dataset.lengths.max()))
    nll = evaluate_likelihood(model, dataset, iw_samples=_SAMPLES, seed=seed, max_tokens=most).iw_nll
    if frequencies is not None:
        smoothed = np.asarray(frequencies, np.float64) + 1
        cost = -np.log(smoothed / smoothed.sum())
        nll = nll - np.array([cost[dataset[i][1:]].sum() for i in range(len(dataset))])
    return nll / dataset.lengths
