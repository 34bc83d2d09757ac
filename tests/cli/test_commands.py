"""Every command does what it says, prints pure JSON when asked, and keeps the order of its input."""

import csv
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet
import pytest
import typer.main

from textvae.cli import app, main

FIGURES = {
    *("nll", "nll_stderr", "elbo", "reconstruction", "kl", "mi", "active_units", "latent_dim", "ppl"),
    *("has_latent", "bits_per_byte", "unk_rate", "bleu", "exact_match"),
    *("iw_samples", "n_texts", "n_tokens", "warnings"),
}


def commands(group, *names):
    """The words that each command is called by."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


COMMANDS = list(commands(typer.main.get_command(app)))


def ok(result):
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


# ---------------------------------------------------------------------- help


def test_help_names_every_command(run):
    text = ok(run("--help"))
    assert all(first in text for first, *_ in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(run, command):
    text = ok(run(*command, "--help"))
    assert f"Example: textvae {' '.join(command)}" in text


def test_versions(run):
    from importlib.metadata import version

    assert ok(run("--version")).strip() == f"textvae {version('textvae')}"
    assert "torch" in ok(run("version"))
    assert json.loads(ok(run("version", "--json")))["textvae"] == version("textvae")


def test_help_does_not_wait_for_torch():
    code = "import sys, textvae.cli; assert not {'torch', 'numpy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_python_m_textvae():
    done = subprocess.run([sys.executable, "-m", "textvae", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout[:8], done.stderr) == (0, "textvae ", "")


@pytest.mark.parametrize("words", [["nonsense"], ["train"], ["sample"], ["sample", "m", "-n", "0"]])
def test_wrong_usage_exits_with_2(run, words):
    assert run(*words).exit_code == 2


# ---------------------------------------------------------------------- train


def test_train_prints_json_alone_on_stdout(trained):
    result, folder = trained
    told = json.loads(result.stdout)
    assert told["model"] == str(folder)
    assert told["training"]["step"] == 40
    assert told["evaluation"].keys() >= FIGURES
    assert "300 texts" in result.stderr
    assert "vocabulary" in result.stderr


def test_train_writes_rows_of_figures(model):
    rows = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
    wanted = "step epoch seconds tokens loss reconstruction kl beta lr active_units"
    assert all(row.keys() >= set(wanted.split()) for row in rows)


def test_train_shows_figures_and_what_next(run, lines, small, tmp_path):
    text = ok(run("train", lines, "-o", tmp_path / "m", "--steps", 3, "--seed", 5, *small))
    assert "NLL" in text
    assert "textvae sample" in text
    assert json.loads((tmp_path / "m" / "config.json").read_text())["config"]["train"]["seed"] == 5


def test_train_reads_columns_validation_and_several_files(run, small, tmp_path):
    for name in ("a", "b", "held"):
        rows = [f"{name} text number {i},{i % 2}" for i in range(20)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["body,stars", *rows]))
    words = ["--text-column", "body", "--label-column", "stars", "--validation", tmp_path / "held.csv"]
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    told = json.loads(ok(run("train", *files, *words, "-o", tmp_path / "m", "--steps", 2, "--json", *small)))
    assert (told["data"]["n_train"], told["data"]["n_validation"]) == (40, 20)


def test_train_takes_a_built_in_corpus_a_config_and_stdin(run, small, tmp_path, lines):
    config = tmp_path / "my.toml"
    config.write_text("[text]\ntokenizer = 'char'\n")
    words = ["--config", config, "--steps", 1, "--json", *small]
    told = json.loads(ok(run("train", "-", "-o", tmp_path / "m", *words, stdin=lines.read_text())))
    assert told["data"]["tokenizer"] == "char"
    told = json.loads(ok(run("train", "grammar", "-o", tmp_path / "g", "--steps", 1, "--json", *small)))
    assert told["data"]["name"] == "grammar"


def test_split_sentences(run, small, tmp_path):
    file = tmp_path / "long.txt"
    file.write_text("\n".join(f"This is sentence {i}. That was number {i}." for i in range(10)))
    words = ["--split", "sentences", "--steps", 1, "--json", *small]
    told = json.loads(ok(run("train", file, "-o", tmp_path / "m", *words)))
    assert told["data"]["n_texts"] == 20


def test_overwrite_replaces(run, lines, small, tmp_path):
    for words in ([], ["--overwrite"]):
        ok(run("train", lines, "-o", tmp_path / "m", "--steps", 1 + len(words), *words, *small))
    assert json.loads((tmp_path / "m" / "metrics.json").read_text())["training"]["step"] == 2


def test_interrupted_training_leaves_a_usable_model(run, lines, small, tmp_path):
    folder = tmp_path / "m"
    words = [str(word) for word in ("train", lines, "-o", folder, "--steps", 10**6, *small)]
    with subprocess.Popen(
        [sys.executable, "-m", "textvae", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step 100 "):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert "Interrupted" in rest
    assert json.loads((folder / "metrics.json").read_text())["training"]["reason"] == "interrupted"
    assert len(json.loads(ok(run("sample", folder, "-n", 2, "--json")))) == 2


def test_time_budget_counts_from_the_start_of_the_process(lines, small, tmp_path, monkeypatch, capsys):
    words = ("textvae", "train", lines, "-o", tmp_path / "m", "--time-budget", "1h", *small)
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    monkeypatch.setattr(time, "process_time", lambda: 3600.0)  # what starting took
    with pytest.raises(SystemExit, match="1"):
        main()
    assert "The time of 3600 s was over before the first step" in capsys.readouterr().err


# ---------------------------------------------------------------------- figures


def test_evaluate(run, model, lines, tmp_path):
    figures = json.loads(ok(run("evaluate", model, lines, "--iw", 3, "--json")))
    assert figures.keys() >= FIGURES
    assert (figures["n_texts"], figures["iw_samples"]) == (300, 3)
    rows = tmp_path / "figures.jsonl"
    assert json.loads(ok(run("evaluate", model, lines, "--iw", 3, "--json", "-o", rows))) == figures
    nll = [json.loads(line)["nll"] for line in rows.read_text().splitlines()]
    assert np.mean(nll) == pytest.approx(figures["nll"])
    assert run("evaluate", model, lines, "-o", tmp_path / "figures.npy").exit_code == 2
    text = ok(run("evaluate", model, lines, "--iw", 3))
    assert f"{figures['nll']:.2f}" in text
    assert "importance weighting" in text


def test_doctor_on_the_model_alone_and_on_texts(run, model, lines):
    for words in ([], [lines]):
        found = json.loads(ok(run("doctor", model, *words, "--json")))["findings"]
        assert all(f.keys() == {"name", "severity", "evidence", "advice"} for f in found)
    text = ok(run("doctor", model))
    assert "try:" in text or "Nothing found" in text


def test_presets(run):
    assert "default" in ok(run("presets"))
    assert json.loads(ok(run("presets", "--json")))[0].keys() == {"name", "reads", "title", "source"}
    shown = ok(run("presets", "default"))
    assert json.loads(ok(run("presets", "default", "--json")))["config"]["latent_dim"] == 32
    import tomllib

    assert tomllib.loads(shown)["latent_dim"] == 32


# ---------------------------------------------------------------------- use


def test_encode_to_stdout_keeps_the_order(run, model, lines):
    texts = lines.read_text().splitlines()
    rows = json.loads(ok(run("encode", model, lines, "--json")))
    assert [row["text"] for row in rows] == texts
    one = json.loads(ok(run("encode", model, texts[3], "--json")))
    np.testing.assert_allclose(one[0]["z"], rows[3]["z"], atol=1e-6)
    from_stdin = ok(run("encode", model, "-", stdin=f"{texts[3]}\n{texts[0]}\n")).splitlines()
    assert [json.loads(line)["text"] for line in from_stdin] == [texts[3], texts[0]]


def test_encode_to_files(run, model, tmp_path):
    table = tmp_path / "rated.csv"
    table.write_text('text,stars\n"good, cheap food",5\nbad food,1\n')
    ok(run("encode", model, table, "--label-column", "stars", "-o", tmp_path / "z.npy"))
    z = np.load(tmp_path / "z.npy")
    assert (z.shape, z.dtype) == ((2, 4), np.float32)
    ok(run("encode", model, table, "--label-column", "stars", "-o", tmp_path / "z.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "z.jsonl").read_text().splitlines()]
    assert [row["stars"] for row in rows] == [5, 1]
    np.testing.assert_array_equal(np.array([row["z"] for row in rows], np.float32), z)
    told = json.loads(
        ok(run("encode", model, table, "--label-column", "stars", "-o", tmp_path / "z.csv", "--json"))
    )
    assert (told["n_texts"], told["latent_dim"]) == (2, 4)
    with (tmp_path / "z.csv").open(newline="") as file:
        header, *cells = csv.reader(file)
    assert header == ["index", "text", "stars", "z0", "z1", "z2", "z3"]
    np.testing.assert_array_equal(np.array([row[3:] for row in cells], np.float32), z)
    ok(run("encode", model, table, "--label-column", "stars", "-o", tmp_path / "z.parquet"))
    stored = pyarrow.parquet.read_table(tmp_path / "z.parquet").to_pydict()
    assert stored["stars"] == [5, 1]
    np.testing.assert_array_equal(np.array(stored["z"], np.float32), z)
    assert run("encode", model, table, "-o", tmp_path / "z.xls").exit_code == 2


def test_reconstruct(run, model):
    texts = ["The food was good.", "The waiter was rude."]
    pairs = json.loads(ok(run("reconstruct", model, *texts, "--json")))
    assert [pair["text"] for pair in pairs] == texts
    assert json.loads(ok(run("reconstruct", model, *texts, "--greedy", "--json"))) == pairs
    assert len(json.loads(ok(run("reconstruct", model, *texts, "--beam", 3, "--json")))) == 2
    assert texts[1] in ok(run("reconstruct", model, *texts))


def test_sample_is_a_function_of_the_seed(run, model):
    words = ["sample", model, "-n", 4, "--json"]
    first = json.loads(ok(run(*words, "--seed", 1)))
    assert len(first) == 4
    assert first == json.loads(ok(run(*words, "--seed", 1))) != json.loads(ok(run(*words, "--seed", 2)))
    for writing in (
        ["--greedy"],
        ["--beam", 2],
        ["--temperature", 0.5],
        ["--top-p", 0.9, "--temperature", 0.7],
    ):
        assert len(ok(run("sample", model, "-n", 2, *writing)).splitlines()) == 2
    assert run(*words, "--greedy", "--top-p", 0.9).exit_code == 2


def test_interpolate(run, model):
    words = ["interpolate", model, "The food was good.", "The bill was high.", "--steps", 5]
    rows = json.loads(ok(run(*words, "--json")))
    assert [row["t"] for row in rows] == [0, 0.25, 0.5, 0.75, 1]
    assert ok(run(*words)).splitlines() == [row["text"] for row in rows]
    assert len(ok(run(*words, "--spherical")).splitlines()) == 5


def test_neighbours(run, model, lines):
    query = lines.read_text().splitlines()[9]
    words = ["neighbours", model, query, "--corpus", lines, "-k", 3, "--euclidean"]
    (found,) = json.loads(ok(run(*words, "--json")))
    assert found["text"] == query
    assert len(found["neighbours"]) == 3
    assert found["neighbours"][0].keys() == {"index", "text", "distance"}
    assert query in [near["text"] for near in found["neighbours"]]
    assert len(ok(run(*words)).splitlines()) == 4


def test_a_closed_pipe_is_no_error(model):
    words = [sys.executable, "-m", "textvae", "sample", str(model), "-n", "300"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


# ---------------------------------------------------------------------- demo


def test_demo_from_texts_to_what_next(run, tmp_path, monkeypatch):
    from textvae.text import docstrings
    from textvae.text.grammar import grammar_corpus

    monkeypatch.setattr(docstrings, "docstrings_corpus", lambda: grammar_corpus(400))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # its own folder is overwritten without asking
        text = ok(run("demo", "--steps", 2))
    assert (tmp_path / "demo-model" / "model.safetensors").exists()
    for part in ("NLL", "reconstruction", "New texts", "On the way", "demo-model", "textvae train"):
        assert part in text
    told = json.loads(ok(run("demo", "--steps", 2, "--json", "-o", tmp_path / "other")))
    assert len(told["samples"]) == 5


def test_demo_leaves_other_folders_alone(refused, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    refused("demo", "--steps", 1, "-o", tmp_path, saying="other things than a model")
