"""Bad input gets one clear sentence and exit code 1, and loses nothing."""

import dataclasses
import errno
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def copy(model, tmp_path):
    """A model that a test may damage."""
    return shutil.copytree(model, tmp_path / "copy")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------------- texts


def test_missing_file(refused, tmp_path):
    refused("train", tmp_path / "none.txt", "-o", tmp_path / "m", saying="none.txt")
    refused("train", "none", "-o", tmp_path / "m", saying="built-in corpora")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("content", ["", "\n \n\n"])
def test_empty_file(refused, tmp_path, content):
    (tmp_path / "empty.txt").write_text(content)
    refused("train", tmp_path / "empty.txt", "-o", tmp_path / "m", saying="empty.txt")


def test_undecodable_bytes_name_their_line(refused, tmp_path):
    (tmp_path / "bytes.txt").write_bytes(b"fine\nfine too\nna\xefve\nfine\n")
    refused("train", tmp_path / "bytes.txt", "-o", tmp_path / "m", saying="line 3")


def test_directory(refused, tmp_path):
    refused("train", tmp_path, "-o", tmp_path / "m", saying="is a folder")


def test_missing_column_lists_those_there_are(refused, tmp_path):
    (tmp_path / "table.csv").write_text("body,stars\ngood food,5\nbad food,1\n")
    words = ["train", tmp_path / "table.csv", "-o", tmp_path / "m"]
    refused(*words, "--text-column", "text", saying="body, stars")
    refused(*words, "--label-column", "label", saying="body, stars")


def test_single_text_and_identical_texts(refused, small, tmp_path):
    (tmp_path / "one.txt").write_text("only this\n")
    refused(
        "train", tmp_path / "one.txt", "-o", tmp_path / "m", *small, saying="at least two different texts"
    )
    (tmp_path / "same.txt").write_text("always this\n" * 50)
    refused("train", tmp_path / "same.txt", "-o", tmp_path / "m", *small, saying="the same text 50 times")
    assert not (tmp_path / "m").exists()


def test_too_long_texts_are_counted_and_refused_only_if_nothing_is_left(run, refused, lines, small, tmp_path):
    long = "\n".join(f"{'word ' * 250}{i}" for i in range(10))
    (tmp_path / "long.txt").write_text(long)
    refused("train", tmp_path / "long.txt", "-o", tmp_path / "m", *small, saying="longer than 200 tokens")
    (tmp_path / "mixed.txt").write_text(lines.read_text() + long)
    result = run("train", tmp_path / "mixed.txt", "-o", tmp_path / "m", "--steps", 1, *small)
    assert result.exit_code == 0, result.output
    assert "10 longer than 200 tokens" in result.stderr


def test_missing_file_is_no_text(refused, model):
    refused("reconstruct", model, "reviews.txt", saying="reviews.txt")
    refused("evaluate", model, "none.txt", saying="none.txt")
    refused("neighbours", model, "a text", "--corpus", "none.txt", saying="none.txt")


# ---------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("words", "saying"),
    [
        (["--preset", "nonsense"], "no preset called 'nonsense'"),
        (["--set", "decoder.dropou=0.1"], "no option 'decoder.dropou'"),
        (["--set", "nonsense"], "section.option=value"),
        (["--set", "encoder.name=nonsense"], "no encoder called 'nonsense'"),
        (["--tokenizer", "nonsense"], "text.tokenizer"),
        (["--latent-dim", "0"], "latent_dim"),
        (["--time-budget", "soon"], "is not a time"),
        (["--steps", "3", "--epochs", "2"], "give one"),
        (["--split", "words"], "no --split 'words'"),
        (["--device", "abacus"], "no device called 'abacus'"),
        (["--config", "none.toml"], "none.toml"),
        (["--resume"], "no training in"),
        (["--resume", "--overwrite"], "give one of them"),
    ],
)
def test_options_that_cannot_be(refused, lines, tmp_path, words, saying):
    refused("train", lines, "-o", tmp_path / "m", *words, saying=saying)
    assert not (tmp_path / "m").exists()


def test_writing_that_cannot_be(refused, model):
    refused("sample", model, "--temperature", -1, saying="temperature")
    refused("sample", model, "--top-p", 2, saying="top_p")
    refused("interpolate", model, "a", "b", "--steps", 1, saying="at least 2 steps")
    refused("neighbours", model, "a", "--corpus", "grammar", "-k", 10**6, saying="neighbours were asked for")


# ---------------------------------------------------------------------- training


def test_nan_loss_before_a_checkpoint_leaves_nothing(refused, lines, small, tmp_path):
    words = ["train", lines, "-o", tmp_path / "m", "--steps", 40, *small, "--set", "train.lr=1e30"]
    refused(*words, saying="stopped being a number")
    assert contents(tmp_path / "m") == {}


def test_nan_loss_keeps_the_last_checkpoint_to_go_on_from(run, refused, lines, small, tmp_path, monkeypatch):
    from textvae.model import VAE

    forward, calls = VAE.forward, itertools.count()

    def spoilt(self, *args, **options):
        terms = forward(self, *args, **options)
        good = not self.training or next(calls) < 150
        return terms if good else dataclasses.replace(terms, log_px=terms.log_px * float("nan"))

    monkeypatch.setattr(VAE, "forward", spoilt)
    words = ["train", lines, "-o", tmp_path / "m"]
    result = refused(
        *words, "--steps", 200, *small, "--set", "train.validations=8", saying="last good checkpoint is kept"
    )
    assert "--resume goes on from it" in result.stderr
    monkeypatch.undo()
    result = run(*words, "--resume", "--set", "train.lr=1e-4")
    assert result.exit_code == 0, result.output
    config = json.loads((tmp_path / "m" / "config.json").read_text())["config"]
    assert config["train"]["lr"] == 1e-4


def test_existing_model_is_refused_and_kept(refused, lines, model, small, tmp_path):
    before = contents(model)
    refused("train", lines, "-o", model, *small, saying="--overwrite")
    refused("train", lines, "-o", model, "--resume", saying="finished")
    assert contents(model) == before
    refused("train", lines, "-o", lines, *small, saying="is a file")
    assert lines.read_text()


def test_failing_to_overwrite_keeps_the_old_model(refused, copy, small, tmp_path):
    before = contents(copy)
    (tmp_path / "one.txt").write_text("only this\n")
    refused("train", tmp_path / "one.txt", "-o", copy, "--overwrite", *small, saying="two different texts")
    assert contents(copy) == before


def test_no_space_while_training(refused, lines, small, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    words = ["train", lines, "-o", tmp_path / "m", "--steps", 2, *small]
    refused(*words, saying="No space left on device")


def test_no_space_at_the_end_keeps_the_checkpoint(run, refused, lines, small, tmp_path, monkeypatch):
    from textvae import store

    replace = os.replace

    def full(source, target):
        if str(target).endswith("model.safetensors"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(store.os, "replace", full)
    words = ["train", lines, "-o", tmp_path / "m"]
    result = refused(*words, "--steps", 120, *small, "--set", "train.validations=4", saying="No space left")
    assert "--resume goes on from it" in result.stderr
    monkeypatch.undo()
    assert run(*words, "--resume").exit_code == 0


def test_a_file_limit_met_while_saving_latents(model, lines, tmp_path):
    target = tmp_path / "z.npy"
    target.write_bytes(b"earlier")
    words = [sys.executable, "-m", "textvae", "encode", model, lines, "-o", target]
    done = subprocess.run(
        [str(word) for word in words],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: Could not write")
    assert target.read_bytes() == b"earlier"


# ---------------------------------------------------------------------- models


USES = [
    ("sample",),
    ("encode", "a text"),
    ("reconstruct", "a text"),
    ("interpolate", "a", "b"),
    ("doctor",),
]


@pytest.mark.parametrize("use", USES, ids=lambda use: use[0])
def test_no_model_there(refused, tmp_path, use):
    command, *rest = use
    refused(command, tmp_path / "none", *rest, saying="no model at")
    refused(command, tmp_path, *rest, saying="not a textvae model")


def test_truncated_weights(refused, copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refused("sample", copy, saying="truncated")


def test_weights_of_another_model(refused, copy, run, lines, small, tmp_path):
    run("train", lines, "-o", tmp_path / "other", "--steps", 1, *small, "--latent-dim", 5)
    shutil.copy(tmp_path / "other" / "model.safetensors", copy)
    refused("sample", copy, saying="does not fit the model")


@pytest.mark.parametrize(
    ("content", "saying"),
    [
        ("{", "damaged"),
        ('{"model_type": "bert"}', "not a textvae configuration"),
        ("[]", "not a textvae configuration"),
    ],
)
def test_foreign_configuration(refused, copy, content, saying):
    (copy / "config.json").write_text(content)
    refused("sample", copy, saying=saying)


def test_another_format_version(refused, copy):
    tree = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**tree, "format_version": 99}))
    refused("sample", copy, saying="format version 99")


def test_missing_or_foreign_tokenizer(refused, copy):
    (copy / "tokenizer.json").write_text("{}")
    refused("sample", copy, saying="tokenizer")
    (copy / "tokenizer.json").unlink()
    refused("sample", copy, saying="tokenizer")


def test_damaged_checkpoint(refused, run, lines, small, copy, tmp_path):
    (copy / "model.safetensors").unlink()
    (copy / "checkpoint").mkdir()
    (copy / "checkpoint" / "state.safetensors").write_bytes(b"no safetensors at all")
    refused("train", lines, "-o", copy, "--resume", saying="damaged")
    assert (copy / "config.json").exists()
    refused("sample", copy, saying="--resume")


def test_debug_shows_the_trace(run, tmp_path):
    for words in (["--debug", "sample", tmp_path / "none"], ["sample", tmp_path / "none", "--debug"]):
        result = run(*words)
        assert result.exit_code == 1
        assert "Traceback" in result.stderr
        assert "error: There is no model" in result.stderr


def test_the_unforeseen_is_one_sentence_too(refused, model, monkeypatch):
    from textvae.estimators import TextVAE

    def broken(*args, **options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(TextVAE, "sample", broken)
    refused("sample", model, saying="--debug")
