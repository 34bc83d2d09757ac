"""What an evaluation keeps of texts once they are measured: sums, so that there can be any number of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from textvae.errors import TextVAEError
from textvae.metrics.likelihood import Likelihood
from textvae.metrics.moments import Moments


@dataclass(frozen=True)
class Totals:
    """Sums over measured texts. Those of two sets of texts add up to those of both.

    Attributes:
        iw_samples: K of the importance weighting.
        precision: of the decoder.
        of: by name the moments of a figure over the texts: ``nll``, ``elbo``, ``reconstruction``, ``kl`` and
            ``excess`` = nll + elbo in nats; ``variance`` of nll over the draws of z in nats²; ``lone``: whether a
            single sample carries nll; ``tokens``, ``unknown`` (those that are ``<unk>``) and ``bytes``, whose sums
            are exact; ``mean`` of q(z|x), (Z,).
    """

    iw_samples: int
    precision: str
    of: Mapping[str, Moments]

    @classmethod
    @np.errstate(invalid="ignore")
    def measured(
        cls, likelihood: Likelihood, tokens: np.ndarray, unknown: np.ndarray, texts: Sequence[str]
    ) -> Self:
        """Of texts with their (N,) counts of tokens and of unknown ones; raw, for bits per byte."""
        if not len(texts) == len(tokens) == len(unknown) == len(likelihood.iw_nll):
            raise TextVAEError(
                f"The evaluation's parts are not of the same texts: {len(texts)} texts, {len(tokens)} and "
                f"{len(unknown)} counts of tokens, {len(likelihood.iw_nll)} likelihoods."
            )
        figures = {
            "nll": likelihood.iw_nll,
            "elbo": likelihood.elbo,
            "reconstruction": likelihood.reconstruction,
            "kl": likelihood.kl,
            "excess": likelihood.iw_nll + likelihood.elbo,
            "variance": likelihood.monte_carlo_variance,
            "lone": likelihood.effective_samples < 2,
            "tokens": tokens,
            "unknown": unknown,
            "bytes": np.array([len(text.encode()) for text in texts]),
            "mean": likelihood.mean,
        }
        moments = {name: Moments.of(rows) for name, rows in figures.items()}
        return cls(likelihood.iw_samples, likelihood.precision, moments)

    @np.errstate(invalid="ignore")
    def __add__(self, other: Totals) -> Totals:
        both = {name: moments + other.of[name] for name, moments in self.of.items()}
        return Totals(self.iw_samples, self.precision, both)

    @property
    def n_texts(self) -> int:
        """N."""
        return self.of["nll"].n

    @property
    def unk_rate(self) -> float:
        """Share of the counted tokens that are ``<unk>``."""
        return float(self.of["unknown"].total / self.of["tokens"].total)

    @property
    def nll_stderr(self) -> float:
        """Standard error of the mean ``nll`` as an estimate for texts like these, in nats.

        The standard deviation over texts / √N. Every text has draws of its own, so this spread already
        holds the Monte Carlo error. Of a single text only that error is known.
        """
        if self.n_texts == 1:
            return self.monte_carlo_stderr
        return math.sqrt(self.of["nll"].variance(ddof=1) / self.n_texts)

    @property
    def monte_carlo_stderr(self) -> float:
        """Standard error of the mean ``nll`` for just these texts, in nats: from the draws of z alone."""
        return math.sqrt(self.of["variance"].total) / self.n_texts

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, from which ``from_json`` makes the same totals, bit for bit."""
        moments = {name: moments.to_json() for name, moments in self.of.items()}
        return {"iw_samples": self.iw_samples, "precision": self.precision, "of": moments}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The totals that ``to_json`` gave."""
        moments = {name: Moments.from_json(moments) for name, moments in value["of"].items()}
        return cls(value["iw_samples"], value["precision"], moments)
