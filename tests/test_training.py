"""Training: that models learn, that runs repeat, resume and end well."""

import dataclasses
import errno
import io
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from models import SMALL, VOCAB, random_ids
from textvae.config import Config, TrainConfig, merge, read_config
from textvae.errors import TextVAEError
from textvae.model import VAE, build, build_objective
from textvae.objectives.elbo import Elbo
from textvae.store import tensors
from textvae.text.batch import Dataset
from textvae.train import rate
from textvae.train.checkpoint import read_checkpoint
from textvae.train.length import Length
from textvae.train.loop import Trainer
from textvae.train.tracking import Display, Silent, read_rows


def planted(n: int, seed: int) -> tuple[Dataset, np.ndarray]:
    """Texts of one of two vocabularies, eight words each: one bit that z can carry and a decoder can use."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, 2, n)
    words = rng.integers(0, 13, (n, 8)) + 4 + 13 * topic[:, None]
    return Dataset([np.array([1, *row, 2], dtype=np.int32) for row in words]), topic


def config_with(**over) -> Config:
    return read_config(merge(SMALL, over))


def trainer(config: Config, folder=None, train=None, watcher=None, length=None) -> Trainer:
    torch.manual_seed(config.train.seed)
    model = build(config, VOCAB)
    objective = build_objective(config, VOCAB)
    data = train or planted(600, 0)[0]
    return Trainer(
        model,
        objective,
        data,
        planted(200, 1)[0],
        config.train,
        folder=folder,
        watcher=watcher or Silent(),
        device="cpu",
        length=length,
    )


def same_weights(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(tensors(a).values(), tensors(b).values(), strict=True))


def test_same_seed_same_model_another_seed_another():
    runs = [trainer(config_with(train={"seed": seed})) for seed in (3, 3, 4)]
    for run in runs:
        run.run()
    assert same_weights(runs[0].model, runs[1].model)
    assert not same_weights(runs[0].model, runs[2].model)


class StopAt(Silent):
    """Breaks a run off from inside, as a crash would."""

    def __init__(self, step: int):
        self.step = step

    def row(self, row):
        if row["step"] >= self.step:
            raise KeyError("crash")


# what a checkpoint has to hold beside the weights and their moments
STATES = {
    "a decoder drawn anew between two phases": {"pretrain": 0.3, "free_bits": 1.0},
    "a head that only one phase trains": {"pretrain": 0.3, "pretrain_decoder": "bag_of_words"},
    "a controller": {"target_kl": 2.0},
    "whose turn it is": {"name": "lagging", "window": 5, "inner": 20, "aggressive": 1.0},
    "an adversary": {"name": "adversarial", "hidden": 8, "word_drop": 0.3},
}


@pytest.mark.parametrize("state", STATES)
def test_a_resumed_run_ends_bit_for_bit_like_an_unbroken_one(state, tmp_path, monkeypatch):
    monkeypatch.setattr(rate, "_STEPS", 400)  # so that it falls all along
    over = {"steps": 300, "validations": 4, "batch_tokens": 400, "dropout_rise": 15}
    decoder = {"dropout": 0.3, "dropout_in": 0.3}
    config = config_with(objective=STATES[state], decoder=decoder, train=over)
    (tmp_path / "whole").mkdir()
    whole = trainer(config, tmp_path / "whole")
    whole.run()
    (tmp_path / "broken").mkdir()
    for stop in (100, 250):  # in both, rows follow the last checkpoint
        with pytest.raises(KeyError):
            trainer(config, tmp_path / "broken", watcher=StopAt(stop)).run(resume=stop > 100)
    resumed = trainer(config, tmp_path / "broken")
    resumed.run(resume=True)
    assert same_weights(whole.model, resumed.model)

    def figures(folder):
        rows = read_rows(tmp_path / folder / "metrics.jsonl")
        return [{k: v for k, v in row.items() if "second" not in k} for row in rows]

    assert figures("whole") == figures("broken")
    assert not any(p.suffix in (".pkl", ".pt", ".bin") for p in tmp_path.rglob("*"))


def test_rows_count_every_token_and_text(tmp_path):
    config = config_with(train={"epochs": 2, "steps": None, "batch_tokens": 200})
    run = trainer(config, tmp_path)
    outcome = run.run()
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert outcome.tokens == 2 * 600 * 9 == rows[-1]["tokens"]
    keys = {
        "step",
        "epoch",
        "seconds",
        "tokens",
        "loss",
        "reconstruction",
        "kl",
        "beta",
        "lr",
        "active_units",
    }
    assert all(keys <= row.keys() for row in rows)
    assert rows[-1]["epoch"] == 2
    assert rows[-1]["reconstruction"] < rows[0]["reconstruction"]


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    config = config_with(train={"steps": 300, "validations": 6})
    with pytest.raises(KeyError):
        trainer(config, tmp_path, watcher=StopAt(100)).run()
    before = (tmp_path / "checkpoint" / "state.safetensors").read_bytes()
    run = trainer(config, tmp_path)
    healthy = Elbo._elbo_loss

    def poisoned(self, model, batch, progress):
        losses = healthy(self, model, batch, progress)
        return dataclasses.replace(losses, loss=losses.loss * torch.nan)

    monkeypatch.setattr(Elbo, "_elbo_loss", poisoned)
    with pytest.raises(TextVAEError, match="stopped being a number"):
        run.run(resume=True)
    assert (tmp_path / "checkpoint" / "state.safetensors").read_bytes() == before


class Interrupt(Silent):
    """Ctrl-C after the row of step 100."""

    def row(self, row):
        if row["step"] == 100:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_with_a_usable_model(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    run = trainer(config_with(train={"steps": 100_000}), tmp_path, watcher=Interrupt())
    outcome = run.run()
    assert (outcome.reason, outcome.step) == ("interrupted", 101)
    assert not run.model.training
    assert signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / "checkpoint" / "state.safetensors").exists()


@pytest.mark.parametrize("state", ["a controller", "whose turn it is"])
def test_a_run_stopped_by_ctrl_c_goes_on_like_an_unbroken_one(state, tmp_path):
    # its last look at the validation texts comes where an unbroken one has none, and both go by what they see
    config = config_with(objective=STATES[state], train={"steps": 300, "validations": 4})
    whole = trainer(config)
    whole.run()
    assert trainer(config, tmp_path, watcher=Interrupt()).run().step == 101
    resumed = trainer(config, tmp_path)
    resumed.run(resume=True)
    assert same_weights(whole.model, resumed.model)


def test_a_termination_waits_for_a_checkpoint(tmp_path):
    class Terminate(Silent):
        def row(self, row):
            if row["step"] == 100:
                signal.raise_signal(signal.SIGTERM)

    def end(number, frame):
        assert read_checkpoint(tmp_path / "checkpoint").position.step == 101
        raise SystemExit

    before = signal.signal(signal.SIGTERM, end)
    try:
        run = trainer(config_with(train={"steps": 100_000, "validations": 1}), tmp_path, watcher=Terminate())
        with pytest.raises(SystemExit):
            run.run()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_last_weights_are_validated_too(tmp_path):
    # 100 is a multiple of the steps between rows, where the last row could be taken for written already
    run = trainer(config_with(train={"steps": 100, "validations": 1}), tmp_path)
    outcome = run.run()
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [row["step"] for row in rows] == [50, 100]
    assert rows[-1]["validation_loss"] == outcome.validation_loss


def test_a_held_rate_stops_early_at_weights_of_that_rate(tmp_path):
    train = {"steps": 5000, "validations": 50, "patience": 2, "lr": 0.02}
    config = config_with(train=train, objective={"target_kl": 3.0})
    run = trainer(config, tmp_path, train=Dataset(random_ids([9] * 20)))
    outcome = run.run()
    assert outcome.reason == "early"
    rows = [r for r in read_rows(tmp_path / "metrics.jsonl") if "validation_loss" in r]
    kept = next(r for r in rows if r["validation_loss"] == outcome.validation_loss)
    assert kept["validation_kl"] == pytest.approx(3.0, rel=0.1)
    # before the controller held it, the KL was another and the bound no measure of the weights
    assert kept["step"] > rows[0]["step"]


@pytest.mark.parametrize("beta", [1.0, 0.2])
def test_early_stopping_keeps_the_best_weights_by_what_was_minimised(beta, tmp_path):
    # a tiny training set is learnt by heart: validation gets worse again
    train = {"steps": 5000, "validations": 50, "patience": 2, "lr": 0.02}
    config = config_with(train=train, objective={"beta": beta})
    run = trainer(config, tmp_path, train=Dataset(random_ids([9] * 20)))
    outcome = run.run()
    assert outcome.reason == "early"

    def weighted(row):
        return row["validation_reconstruction"] + beta * row["validation_kl"]

    validated = [weighted(r) for r in read_rows(tmp_path / "metrics.jsonl") if "validation_loss" in r]
    assert outcome.validation_loss == min(validated) < validated[-1]
    again = run._validate(next(run.objective.phases(run.model)))
    assert weighted(again) == pytest.approx(outcome.validation_loss, abs=1e-4)


class Rows(Silent):
    """Keeps them."""

    def __init__(self):
        self.seen: list[dict[str, Any]] = []

    def row(self, row):
        self.seen.append(row)


class Rates(Silent):
    """Notes the dropouts of a model's decoder at every row: of its input, and of its input words."""

    model: VAE

    def __init__(self):
        self.seen: list[tuple[float, float, float]] = []

    def row(self, row):
        decoder: Any = self.model.decoder
        self.seen.append((row["epoch"], decoder.dropout_in.p, decoder.word_dropout.p))


def test_dropout_rises_with_the_passes_and_word_dropout_does_not():
    rates = Rates()
    dropouts = {"dropout_in": 0.4, "word_dropout": 0.2, "weight_dropout": 0.3}
    train = {"epochs": 12, "steps": None, "dropout_rise": 8, "batch_tokens": 220}
    run = trainer(config_with(decoder=dropouts, train=train), watcher=rates)
    rates.model = run.model
    run.run()
    assert len(rates.seen) > 3
    for epoch, dropout, words in rates.seen:  # a row comes a step later
        assert dropout == pytest.approx(0.4 * min(epoch / 8, 1), abs=0.005)
        assert words == 0.2
    assert rates.seen[0][1] < 0.2 < rates.seen[-1][1]
    decoder: Any = run.model.decoder
    assert (decoder.dropout_in.p, decoder.weight_dropout.p) == (0.4, 0.3)


@pytest.mark.parametrize("within", [0.2, 0.6, 0.99])
def test_the_rate_falls_with_the_steps_to_what_long_trainings_take(within):
    own = [
        rate.learning_rate(TrainConfig(), within, step) / (1 - within) for step in (0, 499, 2000, 7999, 10**6)
    ]
    assert own == pytest.approx([8e-3, 8e-3, 4e-3, 2e-3, 2e-3], rel=0.01)
    given = [rate.learning_rate(TrainConfig(lr=0.01), within, step) / (1 - within) for step in (0, 10**6)]
    assert given == pytest.approx([0.01, 0.01])


def test_the_rate_rises_and_ends_at_nothing_in_every_phase():
    rows = Rows()
    recipe = {
        "objective": {"pretrain": 0.5, "pretrain_decoder": "bag_of_words"},
        "train": {"steps": 400, "warmup": 0.2},
    }
    trainer(config_with(**recipe), watcher=rows).run()
    rates = [row["lr"] for row in rows.seen]  # at steps 50, 100, … 400: of the step before
    assert rates[:4] == pytest.approx([8e-3 * (1 - s / 200) for s in (49, 99, 149, 199)], rel=0.02)
    assert rates[4:8] == pytest.approx(rates[:4], rel=0.02)


def test_a_short_training_gets_further_with_the_rate_for_it():
    own, low = (
        trainer(config_with(train={"steps": 200, "lr": lr})).run().validation_loss for lr in (None, 2e-3)
    )
    assert own is not None
    assert low is not None
    assert own < low - 1


def test_a_time_budget_is_kept(ticking):
    ticking(0.02)
    config = config_with(train={"time_budget": 5, "steps": None})
    outcome = trainer(config, length=Length(config.train, started=0.0)).run()
    assert outcome.reason == "done"
    assert 3 <= outcome.seconds < 3.5  # two seconds are for what comes after


def test_a_time_budget_that_is_over_before_training_is_an_error():
    config = config_with(train={"time_budget": 5, "steps": None})
    late = Length(config.train, started=time.monotonic() - 10)
    with pytest.raises(TextVAEError, match="over before the first step"):
        trainer(config, length=late).run()


def test_a_run_can_be_resumed_for_longer(tmp_path):
    recipe = {"objective": {"pretrain": 0.2, "pretrain_decoder": "bag_of_words", "free_bits": 1.0}}
    with pytest.raises(KeyError):
        trainer(config_with(**recipe, train={"steps": 200}), tmp_path, watcher=StopAt(100)).run()
    run = trainer(config_with(**recipe, train={"steps": 1000}), tmp_path)
    assert run.run(resume=True).step == 1000
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert min(row["lr"] for row in rows) >= 0
    assert min(row["beta"] for row in rows) >= 0
    assert rows[-1]["validation_loss"] < rows[1]["reconstruction"]


def test_weights_that_are_no_numbers_never_become_the_model(tmp_path):
    class Poison(Silent):
        def row(self, row):
            if row["step"] == 100:
                run.model.decoder.output.bias.data[5] = torch.nan

    config = config_with(objective={"target_kl": 2.0}, train={"steps": 101})
    run = trainer(config, tmp_path, watcher=Poison())
    with pytest.raises(TextVAEError, match="stopped being a number"):
        run.run()


def test_the_display_fits_a_narrow_terminal():
    screen = io.StringIO()
    display = Display(Console(file=screen, width=80, force_terminal=True))
    display.phase("elbo")
    display.progress(0.5)
    row = {"reconstruction": 101.0, "kl": 8.1, "active_units": 32, "tokens_per_second": 15_000.0}
    display.row(row | {"validation_loss": 99.12})
    display.close()
    shown = screen.getvalue()
    assert "50%" in shown
    assert "validation 99.12" in shown


@pytest.mark.parametrize("what", ["figures", "checkpoint"])
def test_a_full_disk_stops_and_keeps_the_last_checkpoint(what, tmp_path, monkeypatch):
    class Fill(Silent):
        def row(self, row):
            if row["step"] == 100 and what == "figures":
                run.metrics.path = Path("/dev/full")  # pyright: ignore
            elif row["step"] == 100:
                monkeypatch.setattr(os, "fsync", full)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    config = config_with(train={"steps": 200, "validations": 4})
    run = trainer(config, tmp_path, watcher=Fill())
    with pytest.raises(TextVAEError, match=r"Could not write .*: No space left on device"):
        run.run()
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["state.safetensors"]
    assert read_checkpoint(tmp_path / "checkpoint").position.step == 100
    monkeypatch.undo()
    assert trainer(config, tmp_path).run(resume=True).step == 200
