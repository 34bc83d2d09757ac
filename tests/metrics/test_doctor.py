from typing import Any

import numpy as np
import pytest
import torch

from textvae.errors import TextVAEError
from textvae.metrics.doctor import diagnose
from textvae.metrics.latent_use import LatentUse, latent_use
from textvae.model import VAE
from textvae.text.batch import Dataset

SOUND: dict[str, Any] = {
    "kl": 8.0,
    "mi": 7.0,
    "active_units": 20,
    "latent_dim": 32,
    "unk_rate": 0.02,
    "n_texts": 10_000,
}


def rows(losses: Any, validation: Any = None) -> list[dict[str, float]]:
    history = [{"reconstruction": loss - 8.0, "kl": 8.0, "loss": loss - 2.0} for loss in losses]
    if validation is not None:
        history = [row | {"validation_loss": v} for row, v in zip(history, validation, strict=True)]
    return history


STEPS = np.arange(20)
CONVERGED = rows(100 + 30 / (STEPS + 1) ** 3, 104 + 30 / (STEPS + 1) ** 3)


def use(gain: float) -> LatentUse:
    own = -np.linspace(50, 150, 100)
    return LatentUse(own, own - gain - np.sin(np.arange(100)), own - gain)


def names(*args: Any) -> list[str]:
    return [finding.name for finding in diagnose(*args)]


def test_a_sound_model_has_no_findings():
    assert names(SOUND, CONVERGED, use(20.0)) == []


@pytest.mark.parametrize(
    ("changes", "name", "severity", "option"),
    [
        ({"kl": 0.03, "mi": 0.02, "active_units": 0}, "collapsed posterior", "problem", "--target-kl"),
        ({"kl": 0.9, "mi": 0.7, "active_units": 2}, "weak latent", "warning", "--target-kl"),
        ({"kl": 9.0, "mi": 3.0}, "KL without information", "warning", "--epochs"),
        ({"unk_rate": 0.15}, "flood of unknown words", "warning", "--tokenizer bpe"),
        ({"unk_rate": 0.35}, "flood of unknown words", "problem", "--vocab-size"),
    ],
)
def test_figures_that_are_off(changes: dict, name: str, severity: str, option: str):
    (finding,) = diagnose(SOUND | changes)
    assert (finding.name, finding.severity) == (name, severity)
    assert option in finding.advice
    assert any(f"{value:.2f}" in finding.evidence for value in changes.values()) or "%" in finding.evidence


def test_mutual_information_at_its_cap_says_nothing_about_the_rest():
    assert names(SOUND | {"kl": 20.0, "mi": 6.8, "n_texts": 1000}) == []


def test_training_too_short():
    (finding,) = diagnose(SOUND, rows(200.0 - 4 * STEPS, 205.0 - 4 * STEPS))
    assert finding.name == "training too short"
    assert "validation loss still fell by 20.00 nats to 129.00" in finding.evidence
    assert "--epochs" in finding.advice
    assert names(SOUND, rows(200.0 - 4 * STEPS)) == ["training too short"]


@pytest.mark.parametrize(
    ("reason", "step", "epoch", "evidence", "option"),
    [
        ("done", 60, 3.0, "it ended after 60 steps, 3.00 epochs", "--epochs"),
        ("early", 5000, 0.4, "it ended after 5000 steps, 0.40 epochs", "--epochs"),
        ("interrupted", 5000, 2.5, "it was interrupted after 5000 steps, 2.50 epochs", "--resume"),
    ],
)
def test_training_too_short_by_its_facts(reason: str, step: int, epoch: float, evidence: str, option: str):
    training = {"reason": reason, "step": step, "epoch": epoch, "seconds": 9.0}
    (finding,) = diagnose(SOUND, CONVERGED, None, training)
    assert (finding.name, finding.evidence) == ("training too short", evidence)
    assert option in finding.advice
    (both,) = diagnose(SOUND, rows(200.0 - 4 * STEPS), None, training)
    assert both.evidence.startswith(f"{evidence}; in the last quarter")
    assert names(SOUND, CONVERGED, None, {"reason": "done", "step": 5000, "epoch": 20.0}) == []
    assert names(SOUND, CONVERGED, None, {}) == []


@pytest.mark.parametrize("n_texts", [1, 19])
def test_few_texts_are_no_evidence_of_collapse(n_texts: int):
    few = use(0.0)
    few = LatentUse(few.own[:n_texts], few.shuffled[:n_texts], few.prior[:n_texts])
    changes = {"kl": 0.03, "mi": 0.0, "active_units": 0, "n_texts": n_texts}
    (finding,) = diagnose(SOUND | changes, (), few)
    assert (finding.name, finding.severity) == ("too few texts", "warning")


def test_figures_that_are_no_numbers():
    assert names(SOUND | {"kl": None, "mi": None}) == ["not a number"]


def test_overfitting():
    (finding,) = diagnose(SOUND, rows(150.0 - 2 * STEPS, 150.0 + (STEPS - 4) ** 2))
    assert finding.name == "overfitting"
    assert "best of 150.00 nats the validation loss rose by 225.00" in finding.evidence
    assert "decoder.dropout" in finding.advice


def test_little_history_is_no_evidence():
    assert names(SOUND, [*rows([200.0, float("nan")]), {"step": 3}]) == []


def test_an_over_strong_decoder():
    (some,) = diagnose(SOUND, (), use(1.0))
    assert (some.name, some.severity) == ("over-strong decoder", "warning")
    assert "gains 1.0" in some.evidence
    (none,) = diagnose(SOUND, (), use(0.0))
    assert none.severity == "problem"


def test_problems_come_first():
    findings = diagnose(SOUND | {"unk_rate": 0.15}, (), use(0.0))
    assert [finding.severity for finding in findings] == ["problem", "warning"]


def test_the_right_latent_gains(model: VAE, dataset: Dataset):
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    batch = dataset.batch(range(len(dataset)))
    for _ in range(150):
        (-model(batch).log_px).mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    measured = latent_use(model, dataset, seed=1)
    assert measured.gain > 3 * measured.gain_stderr > 0
    assert measured.gain_over_prior > 0
    assert names(SOUND, (), measured) == []
    assert measured.own.shape == measured.shuffled.shape == measured.prior.shape == (25,)
    narrow = latent_use(model, dataset, seed=1, max_tokens=8)
    np.testing.assert_allclose(measured.own, narrow.own, rtol=1e-4)
    np.testing.assert_allclose(measured.shuffled, narrow.shuffled, rtol=1e-4)
    assert len(latent_use(model, dataset, texts=10).own) == 10


def test_a_decoder_that_ignores_z_gains_nothing(model: VAE, dataset: Dataset):
    model.decoder.output.weight.data[:, :2] = 0  # pyright: ignore
    measured = latent_use(model, dataset)
    assert measured.gain == pytest.approx(0, abs=1e-5)
    assert measured.gain_over_prior == pytest.approx(0, abs=1e-5)
    assert names(SOUND, (), measured) == ["over-strong decoder"]


def test_a_single_text_has_no_other(model: VAE, dataset: Dataset):
    with pytest.raises(TextVAEError, match="at least two texts"):
        latent_use(model, Dataset([dataset[0]]))
