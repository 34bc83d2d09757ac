"""How sure a model is: whether the widths of q(z|x) can be believed, and how far a text is from those it knows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from textvae.errors import TextVAEError
from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.latent.neighbours import nearest
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import VAE
from textvae.noise import prior_draws
from textvae.text.batch import Dataset, evenly
from textvae.types import BOS, EOS

LEVELS = (0.5, 0.9)
_TEXTS = 500  # written to calibrate
_MAX_TOKENS = 16_384  # in a batch
_NEIGHBOURS = 5
_JUDGED = 2_000  # reference texts whose likelihood is taken, evenly spaced
FEWEST_REFERENCE = 20
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

    ``likelihood``: −ln p(x) by importance weighting, nats per counted token; ``latent``: the cosine distance of the
    mode of q(z|x) from the fifth nearest of the reference texts'; ``surprise``: both in standard deviations of the
    reference texts from their mean, added up; ``rank``: the share of reference texts that are less surprising.
    """

    likelihood: np.ndarray
    latent: np.ndarray
    surprise: np.ndarray
    rank: np.ndarray


def surprise(model: VAE, dataset: Dataset, reference: Dataset, *, seed: int = 0) -> Surprises:
    """How far texts are from the reference texts, by their likelihood and by where their latents are.

    What a model does not know it places near the middle of the latent space, where the density is highest: so it is
    the directions' density that is estimated, by nearest neighbours (Sun et al. 2022, "Out-of-Distribution Detection
    with Deep Nearest Neighbors", section 3). A reference text is none of its own neighbours.

    Args:
        reference: texts of the kind that is known.

    Raises:
        TextVAEError: there are fewer than 20 reference texts.
    """
    if len(reference) < FEWEST_REFERENCE:
        raise TextVAEError(
            f"Surprise needs at least {FEWEST_REFERENCE} reference texts, got {len(reference)}."
        )
    judged = reference.subset(evenly(len(reference), _JUDGED))
    modes = encode(model, reference).mode
    near = nearest(modes, k=_NEIGHBOURS).distances[evenly(len(reference), _JUDGED), -1]
    far = nearest(modes, encode(model, dataset).mode, k=_NEIGHBOURS).distances[:, -1]
    known, asked = (_nats_per_token(model, texts, seed) for texts in (judged, dataset))
    of_known = _standard(known, known) + _standard(near, near)
    of_asked = _standard(asked, known) + _standard(far, near)
    rank = np.searchsorted(np.sort(of_known), of_asked) / len(judged)
    return Surprises(asked, far.astype(np.float64), of_asked, rank)


def _standard(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return (values - reference.mean()) / max(float(reference.std()), 1e-9)


def _nats_per_token(model: VAE, dataset: Dataset, seed: int) -> np.ndarray:
    most = max(_MAX_TOKENS, int(dataset.lengths.max()))
    likelihood = evaluate_likelihood(model, dataset, iw_samples=_SAMPLES, seed=seed, max_tokens=most)
    return likelihood.iw_nll / dataset.lengths
