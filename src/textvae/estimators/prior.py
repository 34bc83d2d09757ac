"""A trained model given another prior, one fitted to its latents, and what that changes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textvae.config import Config, merge, read_config
from textvae.errors import TextVAEError
from textvae.estimators.material import Say, describe, prepare
from textvae.estimators.samples import measure_samples
from textvae.estimators.strings import budget
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import VAE, build_prior
from textvae.noise import seeded
from textvae.registry import find, names
from textvae.text.batch import Dataset, evenly
from textvae.text.corpus import Corpus
from textvae.text.tokenize import Tokenizer
from textvae.train.prior import fit_prior

_TEXTS = 500  # held out, that the figures are taken on at most
_TRAINED_ON = (
    200_000  # texts that the prior is fitted to at most, evenly spaced: their q(z|x) are kept in memory
)


@dataclass(frozen=True)
class Refitted:
    """The model with its new prior, its configuration, what changed, and the held-out texts it was seen on."""

    model: VAE
    config: Config
    report: dict[str, Any]
    texts: list[str]


def with_prior(config: Config, kind: str, options: Mapping[str, Any] | None = None) -> Config:
    """The configuration with another prior.

    Raises:
        TextVAEError: there is no such prior, it has nothing to fit or doesn't go with the posterior, or an option
            can't be used.
    """
    if "learned" not in find("prior", kind).provides:
        learned = [name for name in names("prior") if "learned" in find("prior", name).provides]
        raise TextVAEError(f"Prior {kind} has nothing to fit; these have: {', '.join(learned)}.")
    return read_config(merge(config.model_dump(mode="json"), {"prior": {"name": kind, **(options or {})}}))


def refit(
    model: VAE,
    tokenizer: Tokenizer,
    before: Config,
    after: Config,
    texts: Iterable[Corpus],
    validation: Corpus | None,
    *,
    iw_samples: int,
    say: Say,
) -> Refitted:
    """Puts the prior of ``after`` into a model trained by ``before``, and fits it to the latents of texts.

    The texts are split as in training, so that of the same texts the same ones are held out: those for validation say
    when to stop, those for test give the figures.

    Returns:
        In ``report``: ``prior`` and ``replaced``, by name; ``epochs`` of the fit; ``n_texts`` and whether they are
        ``texts`` of 'test' or 'validation'; ``iw_samples``; ``before`` and ``after``, each with ``nll`` by importance
        weighting, ``nll_stderr``, ``elbo`` and ``kl`` in nats per text and, of as many texts drawn from the
        prior, the figures of ``textvae.metrics.sample_quality``; ``gain``: how far nll fell, text by text
        with the same noise, and ``gain_stderr``.

    Raises:
        TextVAEError: the texts can't be used.
    """
    device = next(model.parameters()).device
    with tempfile.TemporaryDirectory(prefix="textvae-") as temporary:
        material = prepare(texts, validation, before, Path(temporary), tokenizer=tokenizer, say=say)
        for line in describe(material):
            say(line)
        with seeded(device, before.train.seed):
            refitted = (
                VAE(model.encoder, model.posterior, build_prior(after), model.decoder).to(device).eval()
            )
        train = material.train.subset(evenly(len(material.train), _TRAINED_ON))
        shown = [material.held_out[i] for i in evenly(len(material.held_out), _TEXTS)]
        dataset = Dataset(tokenizer.encode(shown))
        fit = fit_prior(refitted, train, material.validation, seed=before.train.seed)
        (old, old_nll), (new, new_nll) = (
            _figures(each, _ids(train), dataset, tokenizer.vocab_size, before, iw_samples)
            for each in (model, refitted)
        )
    gains = old_nll - new_nll
    report = {
        "prior": after.prior.name,
        "replaced": before.prior.name,
        "epochs": fit.epochs,
        "texts": "test" if material.test else "validation",
        "n_texts": len(shown),
        "iw_samples": iw_samples,
        "before": old,
        "after": new,
        "gain": float(gains.mean()),
        "gain_stderr": float(gains.std() / math.sqrt(len(gains))),
    }
    return Refitted(refitted, after, report, shown)


def _figures(
    model: VAE,
    train: Sequence[np.ndarray],
    dataset: Dataset,
    vocab_size: int,
    config: Config,
    iw_samples: int,
) -> tuple[dict[str, float | int], np.ndarray]:
    """What a report says of a model, and the nll of each text, (N,)."""
    likelihood = evaluate_likelihood(model, dataset, iw_samples=iw_samples, max_tokens=budget(dataset))
    quality = measure_samples(
        model,
        train,
        _ids(dataset),
        vocab_size,
        samples=len(dataset),
        max_length=config.text.max_length,
        seed=config.train.seed,
    )
    nll = likelihood.iw_nll
    figures = {
        "nll": float(nll.mean()),
        "nll_stderr": float(nll.std() / math.sqrt(len(nll))),
        "elbo": float(likelihood.elbo.mean()),
        "kl": float(likelihood.kl.mean()),
    }
    return figures | quality, nll


def _ids(dataset: Dataset) -> list[np.ndarray]:
    return [dataset[i] for i in range(len(dataset))]
