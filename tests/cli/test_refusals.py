"""What is refused before anything is read or lost, and what is said about texts that are left out."""

import csv
import json
import re

import numpy as np
import pytest
from safetensors import SafetensorError


@pytest.fixture
def untidy(lines, tmp_path):
    """A table of three texts, two of them empty."""
    first, second, third = lines.read_text().splitlines()[:3]
    path = tmp_path / "untidy.csv"
    path.write_text(f'text,stars\n"{first}",1\n"",2\n"{second}",3\n" ",4\n"{third}",5\n')
    return path


def ok(result):
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


# ---------------------------------------------------------------------- before the files are read


@pytest.mark.parametrize(
    ("words", "saying"),
    [
        (["--device", "abacus"], "no device called"),
        (["--resume"], "no training in"),
        (["--resume", "--overwrite"], "give one of them"),
    ],
)
def test_mistakes_are_told_before_the_texts_are_read(refused, tmp_path, words, saying):
    refused("train", tmp_path / "none.txt", "-o", tmp_path / "m", *words, saying=saying)


def test_a_folder_is_looked_at_before_the_texts_are_read(refused, model, tmp_path):
    refused("train", "none.txt", "-o", model, saying="already holds a model")
    refused("evaluate", tmp_path / "m", "none.txt", saying="no model at")
    refused("demo", "--device", "abacus", "-o", tmp_path / "m", saying="no device called")


def test_training_into_a_project_keeps_its_files(refused, lines, tmp_path):
    (tmp_path / "README.md").write_text("my project")
    for words in ([], ["--overwrite"]):
        refused("train", lines, "-o", tmp_path, *words, saying="holds other things than a model")
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "my project"


@pytest.mark.parametrize("words", [["train", "grammar", "-o", "m"], ["sample", "m"], ["demo"]])
def test_seeds_are_not_negative(run, words):
    assert run(*words, "--seed", -1).exit_code == 2


# ---------------------------------------------------------------------- texts or files


@pytest.mark.parametrize("name", ["reviews.cvs", "x.ndjson", "data/reviews.txt.gz", "notes.md"])
def test_a_misspelt_file_is_no_text(refused, model, name):
    refused("encode", model, name, saying=f"no file {name}")


@pytest.mark.parametrize("text", ["Good.", "It was 3.50", "Well...", "Food was ok. See menu.txt"])
def test_a_text_with_a_full_stop_is_a_text(run, model, text):
    (row,) = json.loads(ok(run("encode", model, text, "--json")).stdout)
    assert row["text"] == text


def test_texts_and_files_do_not_mix(refused, model, lines):
    refused("encode", model, lines, "the food", saying="'the food' is not a file")


def test_texts_on_the_command_line_are_cleaned(run, model):
    rows = json.loads(
        ok(run("encode", model, "  The food\twas good. ", "The food was good.", "--json")).stdout
    )
    assert rows[0]["text"] == rows[1]["text"]
    np.testing.assert_allclose(rows[0]["z"], rows[1]["z"], atol=1e-6)


# ---------------------------------------------------------------------- what is left out


def test_every_command_says_what_it_left_out(run, model, untidy):
    words = [("evaluate", model, untidy, "--iw", 2), ("doctor", model, untidy)]
    words += [("neighbours", model, "a text", "--corpus", untidy, "-k", 1), ("reconstruct", model, untidy)]
    for command in words:
        assert "left out: 2 empty" in ok(run(*command)).stderr, command
    assert json.loads(ok(run(*words[0], "--json")).stdout)["dropped"] == {"empty": 2}


def test_latents_are_numbered_as_the_rows_of_their_file(run, model, untidy, tmp_path):
    ok(run("encode", model, untidy, "--label-column", "stars", "-o", tmp_path / "z.npy"))
    (nothing,) = json.loads(ok(run("encode", model, "", "--json")).stdout)
    np.testing.assert_allclose(np.load(tmp_path / "z.npy")[[1, 3]], [nothing["z"]] * 2, atol=1e-6)
    ok(run("encode", model, untidy, "--label-column", "stars", "-o", tmp_path / "z.csv"))
    with (tmp_path / "z.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["index"], row["stars"]) for row in rows] == [(str(i), str(i + 1)) for i in range(5)]
    rows = json.loads(ok(run("encode", model, untidy, "--json")).stdout)
    assert [row["index"] for row in rows] == list(range(5))


def test_a_model_never_measured_is_not_praised(refused, run, model, lines, tmp_path):
    import shutil

    folder = shutil.copytree(model, tmp_path / "copy")
    tree = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps({"data": tree["data"], "versions": tree["versions"]}))
    refused("doctor", folder, saying="never measured: give a file of texts")
    ok(run("doctor", folder, lines))


# ---------------------------------------------------------------------- the unforeseen


@pytest.mark.parametrize(
    "error",
    [
        OverflowError("too large"),
        AssertionError(),
        ImportError("no wheel"),
        SafetensorError("x"),
        Exception("bare"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_happens_is_one_sentence(refused, model, monkeypatch, error):
    from textvae.estimators import TextVAE

    def broken(*args, **options):
        raise error

    monkeypatch.setattr(TextVAE, "sample", broken)
    refused("sample", model, saying=type(error).__name__)


# ---------------------------------------------------------------------- help


def test_help_shows_the_defaults_of_the_default_preset(run):
    from textvae.estimators import TextVAE
    from textvae.estimators.options import configuration

    config = configuration(TextVAE().get_params(deep=False))
    text = " ".join(re.sub(r"[│\s]+", " ", ok(run("train", "--help")).stdout).split())
    told = {
        "becomes": config.latent_dim,
        "jieba": config.text.tokenizer,
        "most": config.text.vocab_size,
        "model": config.train.seed,
        "hold": f"{config.objective.options.target_kl:g}",
        "texts": f"{config.train.epochs:g}",
    }
    for word, value in told.items():
        assert f"{word} (preset: {value})" in text


def test_unknown_words_may_be_kept_out(run, model):
    for words in (
        ["sample", model, "-n", 20],
        ["reconstruct", model, "xyzzy"],
        ["interpolate", model, "a", "b"],
    ):
        assert "<unk>" not in ok(run(*words, "--no-unknown", "--json")).stdout
