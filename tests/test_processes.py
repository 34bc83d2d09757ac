"""Several processes: that they train what one would, and end well when one of them does not."""

import json
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from test_training import StopAt, config_with
from textvae.train.tracking import read_rows
from two_processes import exchange, fit, in_processes, noiseless, train, train_until

OBJECTIVE = {"free_bits": 3.0, "schedule": "linear", "warmup": 0.5}


def config(**over):
    return config_with(objective=OBJECTIVE, train={"steps": 100, "validations": 4, **over})


def curve(folder) -> dict[str, np.ndarray]:
    rows = [row for row in read_rows(folder / "metrics.jsonl")]
    names = ("step", "epoch", "tokens", "loss", "reconstruction", "kl", "beta", "lr", "validation_loss")
    return {name: np.array([row[name] for row in rows if name in row]) for name in names}


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, np.ndarray]:
    """The curve of one process."""
    folder = tmp_path_factory.mktemp("alone")
    noiseless(config(), folder).run()
    return curve(folder)


def assert_same_curve(folder, alone) -> None:
    found = curve(folder)
    for name, values in alone.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-3, atol=1e-6, err_msg=name)


def test_processes_tell_each_other():
    first, second = (ended.value for ended in in_processes(exchange))
    assert first["rows"].tolist() == [[i, i**2] for i in range(5)]
    assert first["words"].tolist() == ["1", "1", "1"]
    assert second["rows"] is None
    assert first["agreed"] == second["agreed"] == (0.1, True)
    kept = torch.nn.Parameter(torch.ones(2))
    values = torch.tensor([2.0, 6.0, 1.0])[:, None] * kept
    ((values - values.mean(0)) ** 3).mean().backward()
    assert kept.grad is not None
    for told in (first, second):
        assert told["mean"] == [3.0, 3.0]
        assert told["gradients"] == [pytest.approx(kept.grad.tolist()), None, [1.0, 1.0]]


def test_two_processes_have_the_curve_of_one(tmp_path, alone):
    first, second = (ended.value for ended in in_processes(train, config(), tmp_path))
    assert first == second
    assert first["reason"] == "done"
    assert_same_curve(tmp_path, alone)


def test_a_killed_process_ends_the_others_and_one_goes_on(tmp_path, alone):
    left, killed = in_processes(train_until, 70, signal.SIGKILL, config(), tmp_path)
    assert killed.code == -signal.SIGKILL
    assert left.code == 1
    assert "lost touch with the others" in left.value
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["state.safetensors"]
    assert noiseless(config(), tmp_path).run(resume=True).reason == "done"
    assert_same_curve(tmp_path, alone)


def test_two_go_on_where_one_was_cut_off(tmp_path, alone):
    with pytest.raises(KeyError):
        noiseless(config(), tmp_path, watcher=StopAt(50)).run()
    assert [ended.code for ended in in_processes(train, config(), tmp_path, True)] == [0, 0]
    assert_same_curve(tmp_path, alone)


def test_one_interrupted_process_stops_all_at_the_same_step(tmp_path):
    ended = in_processes(train_until, 30, signal.SIGINT, config(), tmp_path)
    assert [e.value for e in ended] == [{"reason": "interrupted", "step": 31}] * 2
    assert read_rows(tmp_path / "metrics.jsonl")[-1]["step"] == 31
    assert (tmp_path / "checkpoint" / "state.safetensors").exists()


def test_processes_with_other_texts_are_refused(tmp_path):
    texts = [f"text number {i} of these" for i in range(30)]
    for ended in in_processes(fit, tmp_path / "model", [texts, [*texts[:-1], "another"]]):
        assert ended.code == 1
        assert "different texts" in ended.value
    assert not (tmp_path / "model").exists()


def test_the_command_trains_one_model_under_the_launcher(tmp_path):
    """Two processes, one of which writes; and the bit found that decides the words of a text."""
    rng = np.random.default_rng(0)
    topics = rng.integers(0, 2, 600)
    words = rng.integers(0, 13, (600, 8)) + 13 * topics[:, None]
    (tmp_path / "texts.txt").write_text("\n".join(" ".join(f"w{i}" for i in row) for row in words))
    options = {
        **{f"{part}.{size}": 16 for part in ("encoder", "decoder") for size in ("embedding", "hidden")},
        **{"objective.pretrain_decoder": "bag_of_words", "objective.pretrain": 0.2, "objective.free_bits": 1},
        **{"train.lr": 0.02, "train.batch_tokens": 800, "decoder.dropout": 0, "decoder.dropout_in": 0},
    }
    command = (
        "-m textvae train texts.txt -o model --steps 200 --latent-dim 4 --tokenizer word --device cpu --json"
    )
    settings = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    launch = "-m torch.distributed.run --standalone --nproc_per_node=2"
    done = subprocess.run(
        [sys.executable, *launch.split(), *command.split(), *settings],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)  # by one of the two
    assert told["training"]["step"] == 200
    assert told["evaluation"]["nll"] < math.log(2) + 8 * math.log(13) + 1
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "README.md",
        "config.json",
        "metrics.json",
        "metrics.jsonl",
        "model.safetensors",
        "tokenizer.json",
    }
