"""All figures of one evaluation in one dictionary, with the checks that every evaluation gets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from textvae.metrics.collapse import Collapse
from textvae.metrics.text_quality import corpus_bleu, exact_match
from textvae.metrics.totals import Totals

# Differences below this, in nats, are rounding.
_TOLERANCE = 0.01

# Fewer texts than this don't show what the latent tells about them: ln 20 is 3 nats.
FEWEST_TEXTS = 20

# From this share of <unk> on, a likelihood says more about <unk> than about the texts.
UNKNOWN_FLOOD = 0.1


@np.errstate(invalid="ignore")
def summarise(
    totals: Totals,
    collapse: Collapse,
    *,
    reconstructions: Sequence[str] | None = None,
    originals: Sequence[str] | None = None,
    failed: Sequence[str] = (),
) -> dict[str, Any]:
    """The figures of one evaluated set of texts, ready for JSON.

    Args:
        totals: of all texts.
        collapse: of all of them, or of evenly spaced ones where they are too many.
        reconstructions: of these texts, from their latents, with blanks between the tokens; without them BLEU and
            exact match are None.
        originals: what the reconstructions are compared with.
        failed: the sentences of ``self_checks``, to stand among the warnings.

    Returns:
        ``nll``: mean of −log p(x) by importance weighting, nats per text; ``nll_stderr``: its standard error over
        texts, the Monte Carlo error included; ``elbo``: mean ELBO, nats per text (a negative number);
        ``reconstruction``: mean of −E_q log p(x|z); ``kl``, ``mi``: nats per text; ``active_units`` of ``latent_dim``;
        ``has_latent``: False for a language model; ``ppl``: exp(Σ nll / ``n_tokens``), per counted token;
        ``bits_per_byte``: Σ nll / ln 2 / bytes; ``unk_rate``: share of counted tokens; ``bleu``: 0 to 100;
        ``exact_match``: share of texts; ``iw_samples``, ``n_texts``, ``n_tokens``; ``n_sampled``: the texts that
        ``mi``, ``bleu`` and ``exact_match`` are of; ``precision``; ``estimator``: in words; ``warnings``: sentences,
        one for each check that failed. A figure that is no finite number, or a perplexity too large for one, is None,
        and a warning says so.
    """
    means = {name: float(totals.of[name].mean) for name in ("nll", "elbo", "reconstruction", "kl")}
    nats = float(totals.of["nll"].total)
    n_tokens = int(totals.of["tokens"].total)
    collapse = replace(collapse, variance=totals.of["mean"].variance())
    compared = None if reconstructions is None else (reconstructions, originals or ())
    all_texts = collapse.n_texts == totals.n_texts
    spaced = (
        "all texts" if all_texts else f"{collapse.n_texts:,} evenly spaced texts, as bleu and exact_match"
    )
    metrics: dict[str, Any] = {
        "nll": means["nll"],
        "nll_stderr": totals.nll_stderr,
        "elbo": means["elbo"],
        "reconstruction": means["reconstruction"],
        "kl": means["kl"],
        "mi": collapse.mi,
        "active_units": collapse.active_units,
        "latent_dim": collapse.latent_dim,
        "has_latent": collapse.has_latent,
        "ppl": _exp(nats / n_tokens),
        "bits_per_byte": nats / math.log(2) / float(totals.of["bytes"].total),
        "unk_rate": totals.unk_rate,
        "bleu": compared and corpus_bleu(*compared),
        "exact_match": compared and exact_match(*compared),
        "iw_samples": totals.iw_samples,
        "n_texts": totals.n_texts,
        "n_tokens": n_tokens,
        "n_sampled": collapse.n_texts,
        "precision": totals.precision,
        "estimator": (
            f"nll, ppl and bits_per_byte: importance weighting, {totals.iw_samples} samples of q(z|x); "
            f"elbo and reconstruction: mean over the same samples; mi: aggregate posterior over {spaced}"
            if collapse.has_latent
            else "nll, ppl and bits_per_byte: exact, as the model has no latent"
        ),
    }
    warnings = [*check(totals, collapse), *failed]
    endless = [
        name for name, value in metrics.items() if isinstance(value, float) and not math.isfinite(value)
    ]
    if endless:
        warnings.append(
            f"No finite number can be given for {', '.join(endless)}: a token costs {nats / n_tokens:.4g} nats."
        )
    return metrics | dict.fromkeys(endless) | {"warnings": warnings}


def _exp(x: float) -> float:
    """e^x, infinite where it overflows."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def check(totals: Totals, collapse: Collapse) -> list[str]:
    """One sentence for each thing that can't be right, or that makes a figure mean less than it seems."""
    warnings = []
    excess = totals.of["excess"]  # at most 0 in expectation, text by text
    noise = 3 * math.sqrt(excess.variance() / excess.n)
    if excess.n > 1 and excess.mean > noise + _TOLERANCE:
        warnings.append(
            f"The importance-weighted NLL lies {excess.mean:.2f} nats above -ELBO, which no correct bound "
            "does: the KL or the posterior's density is wrong."
        )
    warnings += _latent(collapse)
    lone = float(totals.of["lone"].mean)
    if totals.iw_samples > 2 and lone > 0.5:
        warnings.append(
            f"For {lone:.0%} of the texts a single sample carries the importance-weighted NLL, "
            "which is then an upper bound with some way to go: evaluate with more samples."
        )
    if totals.unk_rate > UNKNOWN_FLOOD:
        warnings.append(
            f"{totals.unk_rate:.0%} of the tokens are <unk>, which are easy to predict: "
            "NLL, perplexity and bits per byte flatter the model."
        )
    return warnings


def _latent(collapse: Collapse) -> list[str]:
    if not collapse.has_latent:
        return []
    if collapse.n_texts < FEWEST_TEXTS:
        texts = "1 text is" if collapse.n_texts == 1 else f"{collapse.n_texts} texts are"
        return [f"{texts} too few to measure mutual information and active units."]
    warnings = []
    if collapse.mi > collapse.kl + 3 * collapse.mi_stderr + _TOLERANCE:
        warnings.append(
            f"The mutual information of {collapse.mi:.2f} nats lies above the KL of {collapse.kl:.2f}, "
            "its upper bound: one of the two is wrong."
        )
    cap = math.log(collapse.n_texts)
    if collapse.mi > 0.9 * cap:
        warnings.append(
            f"The mutual information of {collapse.mi:.2f} nats is near ln N = {cap:.2f}, the most that "
            f"{collapse.n_texts} texts can show: read it as a lower bound."
        )
    if collapse.active_units == 0:
        warnings.append(
            f"The posterior has collapsed: none of {collapse.latent_dim} units is active and the KL is "
            f"{collapse.kl:.2f} nats, so the latent says nothing about the text."
        )
    return warnings
