"""What is wrong with a trained model, by its figures, and what to try."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from textvae.metrics.evaluation import FEWEST_TEXTS, UNKNOWN_FLOOD
from textvae.metrics.latent_use import LatentUse

# Below this much mutual information, in nats, a latent tells nothing one would notice in a text.
_NO_INFORMATION = 0.1
_LITTLE_INFORMATION = 1.0
# A right z that gains less than this share of the reconstruction's nats is hardly listened to.
_HARDLY_USED = 0.02
# A loss that fell by more than this share in the last quarter of the training was still falling. Some fall is
# the learning rate's own, which ends at 0.
_STILL_FALLING = 0.02
# Fewer steps than this can't be enough, whatever the data.
_FEWEST_STEPS = 200
# A validation loss that rose by more than this share since its best is overfitting.
_OVERFIT = 0.02


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its name, how bad it is, the figures that show it, and what to try."""

    name: str
    severity: Literal["problem", "warning"]
    evidence: str
    advice: str


def diagnose(
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    use: LatentUse | None = None,
    training: Mapping[str, Any] | None = None,
    has_latent: bool = True,
) -> list[Finding]:
    """The findings for a model, the worst first; none is good news.

    Args:
        metrics: the dictionary of ``summarise``.
        history: the rows of ``metrics.jsonl`` in order. Of them ``reconstruction`` and ``kl`` count, which
            add up to −ELBO whatever the weight of the KL was, and ``validation_loss``; nats per text.
        use: what ``latent_use`` measured.
        training: how the training ended: ``reason`` ('done', 'early' or 'interrupted'), ``step``, ``epoch``.
        has_latent: False for a language model, of whose latent there is nothing to say.
    """
    loss, validation = _series(history, "reconstruction", "kl"), _series(history, "validation_loss")
    findings = [
        *(_latent(metrics) if has_latent else []),
        *_decoder(use),
        *_unknown(metrics),
        *_too_short(loss, validation, training or {}),
        *_overfitting(loss, validation),
    ]
    return sorted(findings, key=lambda finding: finding.severity != "problem")


def _series(history: Sequence[Mapping[str, Any]], *keys: str) -> np.ndarray:
    """The sums of ``keys`` in the rows that have them all."""
    sums = [sum(row[key] for key in keys) for row in history if all(key in row for key in keys)]
    return np.array([value for value in sums if math.isfinite(value)])


def _latent(metrics: Mapping[str, Any]) -> list[Finding]:
    kl, mi, active, units = (metrics[key] for key in ("kl", "mi", "active_units", "latent_dim"))
    if metrics["n_texts"] < FEWEST_TEXTS:
        return [
            Finding(
                "too few texts",
                "warning",
                f"{metrics['n_texts']} texts can't show whether the latent is used",
                f"Examine the model on {FEWEST_TEXTS} texts or more: `textvae doctor MODEL FILE`.",
            )
        ]
    if kl is None or mi is None:
        return [
            Finding(
                "not a number",
                "problem",
                "the KL or the mutual information is no finite number",
                "Train anew with a lower `--set train.lr=0.001`, or with `--set train.precision=fp32`.",
            )
        ]
    figures = f"KL {kl:.2f} nats, mutual information {mi:.2f} nats, {active} of {units} units active"
    if active == 0 or mi < _NO_INFORMATION:
        return [
            Finding(
                "collapsed posterior",
                "problem",
                figures,
                "Hold the KL at a level with `--target-kl 8`, or weaken the decoder with "
                "`--set decoder.word_dropout=0.3`.",
            )
        ]
    if mi < _LITTLE_INFORMATION:
        return [
            Finding(
                "weak latent",
                "warning",
                figures,
                f"Ask for more information with a larger `--target-kl`, such as {max(5, math.ceil(2 * kl))}.",
            )
        ]
    # Near its cap ln N the estimate says nothing about what lies above.
    if kl > 2 * mi and mi < 0.7 * math.log(metrics["n_texts"]):
        return [
            Finding(
                "KL without information",
                "warning",
                f"{figures}: {kl - mi:.2f} nats of the KL only move the aggregate posterior off the prior",
                "Texts drawn from the prior suffer: train longer with `--epochs`, or lower `--target-kl`.",
            )
        ]
    return []


def _decoder(use: LatentUse | None) -> list[Finding]:
    if use is None or len(use.own) < FEWEST_TEXTS:
        return []
    nll = -float(use.own.mean())
    if use.gain >= _HARDLY_USED * nll:
        return []
    return [
        Finding(
            "over-strong decoder",
            "problem" if use.gain < 2 * use.gain_stderr else "warning",
            f"the right z gains {use.gain:.2f} ± {use.gain_stderr:.2f} nats of {nll:.1f} per text over "
            f"another text's z ({use.gain_over_prior:.2f} over one from the prior)",
            "Make the decoder need z: `--set decoder.word_dropout=0.3`, `--set decoder.dropout=0.7`, "
            "or a larger `--target-kl`.",
        )
    ]


def _unknown(metrics: Mapping[str, Any]) -> list[Finding]:
    rate = metrics["unk_rate"]
    if rate <= UNKNOWN_FLOOD:
        return []
    return [
        Finding(
            "flood of unknown words",
            "problem" if rate > 2 * UNKNOWN_FLOOD else "warning",
            f"{rate:.0%} of the tokens are <unk>",
            "Cut words into pieces with `--tokenizer bpe`, which knows every text, or raise `--vocab-size`.",
        )
    ]


def _too_short(loss: np.ndarray, validation: np.ndarray, training: Mapping[str, Any]) -> list[Finding]:
    evidence = []
    reason, step, epoch = (training.get(key) for key in ("reason", "step", "epoch"))
    interrupted = reason == "interrupted"
    if step is not None and epoch is not None and (interrupted or step < _FEWEST_STEPS or epoch < 1):
        how = "was interrupted" if interrupted else "ended"
        evidence.append(f"it {how} after {step} steps, {epoch:.2f} epochs")
    judged, name = (validation, "validation") if len(validation) >= 4 else (loss, "training")
    if len(judged) >= 4:
        earlier = judged[: -(len(judged) // 4)].min()
        fall = earlier - judged.min()
        if fall > _STILL_FALLING * abs(earlier):
            evidence.append(
                f"in the last quarter of the training the {name} loss still fell by {fall:.2f} nats to "
                f"{judged.min():.2f}"
            )
    if not evidence:
        return []
    advice = "Go on with it with `--resume`." if interrupted else "Train on with more `--epochs`."
    return [Finding("training too short", "warning", "; ".join(evidence), advice)]


def _overfitting(loss: np.ndarray, validation: np.ndarray) -> list[Finding]:
    findings = []
    if len(validation) >= 2 and len(loss) >= 2:
        best = int(validation.argmin())
        rise = validation[-1] - validation[best]
        if rise > _OVERFIT * abs(validation[best]):
            findings.append(
                Finding(
                    "overfitting",
                    "warning",
                    f"since its best of {validation[best]:.2f} nats the validation loss rose by {rise:.2f}, "
                    f"while the training loss ended at {np.median(loss[-3:]):.2f}",
                    "The model keeps its best weights, but could do better: regularise with "
                    "`--set decoder.dropout=0.7`, train with fewer `--epochs`, or find more texts.",
                )
            )
    return findings
