"""``textvae topics``: the same powers as ``TopicVAE``."""

import csv
import json

import numpy as np
import pyarrow.parquet
import pytest

from planted_topics import WORDS, K, plant, texts_of
from textvae import TopicVAE

COUNT = ("--min-df", 1, "--max-df", 1)
QUICK = ("--epochs", 2, "--set", "train.batch_tokens=50", "-k", K)


def rows_of(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Texts with their planted topic and a date."""
    planted = plant()
    path = tmp_path_factory.mktemp("texts") / "texts.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "topic", "date"])
        texts = texts_of(planted.counts[:120])
        for i, (text, shares) in enumerate(zip(texts, planted.theta, strict=False)):
            writer.writerow([text, f"t{shares.argmax()}", f"202{i % 2}-06-01"])
    return path


@pytest.fixture(scope="module")
def topics(run, file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "topics"
    frequent = WORDS[int(np.asarray(plant().counts.sum(0)).argmax())]
    seeds = ("--seed-words", f"1={frequent},zebra")
    result = run(
        "topics", "train", file, "--text-column", "text", "-o", folder, "--json", *seeds, *COUNT, *QUICK
    )
    assert result.exit_code == 0, result.output
    assert "no seed words: zebra" in result.stderr
    report = json.loads(result.stdout)
    assert report["topics"]["seeds"][0]["words"].keys() == {frequent}
    assert len(report["info"]) == K
    return folder


def test_training_shows_topics_and_runs(run, file, tmp_path):
    words = (
        "topics",
        "train",
        file,
        "--text-column",
        "text",
        "-o",
        tmp_path / "m",
        "--runs",
        2,
        *COUNT,
        *QUICK,
    )
    result = run(*words, "--seed", 3)
    assert result.exit_code == 0, result.output
    assert f"{K} topics of " in result.stdout
    assert "found again" in result.stdout
    model = TopicVAE.from_pretrained(tmp_path / "m")
    assert model.metrics_["topics"]["runs"]["seeds"] == [3, 4]
    assert run(*words).exit_code == 1  # there is a model already


def test_show_is_get_topic_info(run, topics):
    result = run("topics", "show", topics, "-n", 3, "--by-number", "--json")
    assert json.loads(result.stdout) == TopicVAE.from_pretrained(topics).get_topic_info(3)
    shown = run("topics", "show", topics)
    assert f"{K} topics of " in shown.stdout


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".jsonl", ".csv"])
def test_transform_writes_shares(run, topics, file, tmp_path, suffix):
    output = tmp_path / f"shares{suffix}"
    options = ("--text-column", "text", "--label-column", "topic", "-o", output, "--json")
    result = run("topics", "transform", topics, file, *options)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["n_documents"] == 120
    model = TopicVAE.from_pretrained(topics)
    texts = [row["text"] for row in rows_of(file)]
    expected = model.transform(texts)
    if suffix == ".npy":
        np.testing.assert_allclose(np.load(output), expected, atol=1e-6)
    if suffix == ".parquet":
        table = pyarrow.parquet.read_table(output).to_pydict()
        np.testing.assert_allclose(np.array(table["theta"]), expected, atol=1e-6)
        assert table["topic"] == expected.argmax(1).tolist()
        assert table["fits"] == model.fits(texts).tolist()
    if suffix == ".jsonl":
        assert len(output.read_text().splitlines()) == 120
    if suffix == ".csv":
        assert rows_of(output)[0].keys() >= {"index", "text", "fits"}


def test_transform_of_texts_as_such(run, topics):
    result = run("topics", "transform", topics, f"{WORDS[3]} {WORDS[5]}", "something else", "--json")
    rows = json.loads(result.stdout)
    assert [row["text"] for row in rows] == [f"{WORDS[3]} {WORDS[5]}", "something else"]
    assert not rows[1]["fits"]
    assert sum(rows[0]["theta"]) == pytest.approx(1, abs=1e-4)


def test_evaluate_is_evaluate(run, topics, file):
    options = ("--text-column", "text", "--label-column", "topic")
    figures = json.loads(run("topics", "evaluate", topics, file, *options, "--json").stdout)
    rows = rows_of(file)
    model = TopicVAE.from_pretrained(topics)
    expected = model.evaluate([row["text"] for row in rows], [row["topic"] for row in rows])
    assert figures == expected
    shown = run("topics", "evaluate", topics, file, *options)
    assert all(name in shown.stdout for name in ("NPMI", "C_V", "purity", "completion"))


def test_prevalence_over_time_and_its_words(run, topics, file):
    by = ("--text-column", "text", "--by", "date", "--period", "year")
    found = json.loads(run("topics", "prevalence", topics, file, *by, "--json").stdout)
    assert found["groups"] == ["2020", "2021"]
    assert found["documents"] == [60, 60]
    assert np.shape(found["share"]) == (2, K)
    assert "2020: 60 documents" in run("topics", "prevalence", topics, file, *by).stdout
    changes = json.loads(run("topics", "prevalence", topics, file, *by, "--topic", 1, "--json").stdout)
    assert [row["group"] for row in changes] == ["2020", "2021"]
    assert "topic 1 has more of" in run("topics", "prevalence", topics, file, *by, "--topic", 1).stdout


def test_a_sweep_shows_numbers_side_by_side(run, file):
    options = ("--text-column", "text", "--candidates", "2,3", "--set", "train.epochs=2", *COUNT)
    result = run("topics", "sweep", file, *options, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row["n_topics"] for row in found["rows"]] == [2, 3]
    assert found["suggested"] in (2, 3)
    assert "3 topics: completion perplexity" in result.stderr


def test_what_cannot_be(refused, topics, file, model, tmp_path):
    refused("topics", "train", "missing.txt", "-o", topics, saying="already holds a model")
    refused(
        "topics", "train", file, "-o", tmp_path / "m", "--seed-words", "goal", saying="not of the form K=WORD"
    )
    refused("topics", "sweep", file, "--candidates", "ten", saying="takes numbers such as 10,20,40")
    refused("topics", "show", model, saying="use textvae.TextVAE")
    refused("topics", "show", tmp_path / "nowhere", saying="There is no model")
