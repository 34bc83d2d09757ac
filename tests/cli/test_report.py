"""``textvae report``, ``textvae train --report`` and ``vae.report``."""

import csv
import json

import pytest

from textvae import TextVAE


@pytest.fixture
def labelled(lines, tmp_path):
    """The texts as a table with two labels."""
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["review", "stars", "town"])
        for i, text in enumerate(lines.read_text(encoding="utf-8").splitlines()[:60]):
            rows.writerow([text, i % 5, "york" if i % 2 else "bath"])
    return path


def test_it_writes_the_page_and_prints_what_is_on_it(run, model, labelled, tmp_path):
    page = tmp_path / "page.html"
    columns = ["--text-column", "review", "--label-column", "stars", "--label-column", "town"]
    result = run("report", model, labelled, *columns, "-o", page, "--iw", 2, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["report"] == str(page)
    assert told["texts"]["n_texts"] == 60
    labels = [c["name"] for c in told["atlas"]["colourings"] if c["source"] == "label"]
    assert labels == ["stars", "town"]
    again = run("evaluate", model, labelled, "--text-column", "review", "--iw", 2, "--json")
    assert told["evaluation"] == json.loads(again.stdout)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_training_writes_one_too_and_another_training_takes_it_away(run, lines, small, tmp_path):
    folder = tmp_path / "m"
    words = ["train", lines, "-o", folder, "--steps", 3, *small]
    assert "report.html" in run(*words, "--report").output
    assert "<title>m · textvae report</title>" in (folder / "report.html").read_text(encoding="utf-8")
    assert run(*words, "--overwrite").exit_code == 0
    assert not (folder / "report.html").exists()


def test_it_speaks_chinese(run, model, tmp_path):
    page = tmp_path / "page.html"
    result = run("report", model, "-o", page, "--lang", "zh")
    assert result.exit_code == 0, result.output
    assert '<html lang="zh-Hans">' in page.read_text(encoding="utf-8")


def test_python_does_the_same(run, model, labelled, tmp_path):
    words = ["report", model, labelled, "--text-column", "review", "-o", tmp_path / "a.html", "--iw", 2]
    assert run(*words).exit_code == 0
    vae = TextVAE.from_pretrained(model)
    texts = [row["review"] for row in csv.DictReader(labelled.read_text(encoding="utf-8").splitlines())]
    path = vae.report(texts, tmp_path / "b.html", name=model.name, iw_samples=2)
    here, there = ((tmp_path / name).read_text(encoding="utf-8") for name in ("a.html", "b.html"))
    assert path == tmp_path / "b.html"
    assert here == there.replace("about 60 texts.", "about the 60 texts of <bdi>reviews.csv</bdi>.")


def test_what_can_not_be_written_is_told(refused, model, lines, tmp_path):
    (tmp_path / "file").write_text("")
    refused("report", model, "-o", tmp_path / "file" / "page.html", saying="Could not write")
    refused("report", model, tmp_path / "none.txt", saying="none.txt")
