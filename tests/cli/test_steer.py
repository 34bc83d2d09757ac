"""``textvae directions``, ``edit`` and ``analogy``."""

import json
import shutil

import pytest

from textvae.text.grammar import grammar_corpus


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A CSV file of texts with a label."""
    corpus = grammar_corpus(200)
    path = tmp_path_factory.mktemp("texts") / "reviews.csv"
    rows = [f'"{text}",{label}' for text, label in zip(corpus.texts, corpus.labels["tense"], strict=True)]
    path.write_text("\n".join(["text,tense", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def steered(run, trained, table, tmp_path_factory):
    """A trained model that has directions."""
    copy = shutil.copytree(trained[1], tmp_path_factory.mktemp("steered") / "model")
    result = run("directions", copy, table, "--label-column", "tense", "--json")
    assert result.exit_code == 0, result.output
    names = [direction["name"] for direction in json.loads(result.stdout)]
    assert names == ["tense=past", "tense=present"]
    return copy


def test_directions_are_listed(run, steered, model):
    result = run("directions", steered)
    assert result.exit_code == 0, result.output
    assert "tense=present" in result.stdout
    assert "labels shuffled" in result.stdout
    assert "no directions yet" in run("directions", model).stdout


def test_directions_from_two_files(run, steered, tmp_path):
    corpus = grammar_corpus(100)
    for value in ("past", "present"):
        texts = corpus.select(corpus.labels["tense"] == value).texts
        (tmp_path / f"{value}.txt").write_text("\n".join(texts))
    files = [tmp_path / "past.txt", tmp_path / "present.txt"]
    result = run("directions", steered, *files, "--name", "time", "--json")
    assert result.exit_code == 0, result.output
    assert [d["name"] for d in json.loads(result.stdout)][2:] == ["time=past", "time=present"]
    assert run("directions", steered, files[0]).exit_code == 2  # one set has no other side


def test_edit_gives_candidates_with_their_figures(run, steered):
    text = "The soup is tasty."
    command = ("edit", steered, text, "--toward", "tense=past", "--strength", 1, "--strength", 2, "-n", 2)
    (found,) = json.loads(run(*command, "--json").stdout)
    assert found["text"] == text
    assert 1 <= len(found["edits"]) <= 2
    assert found["edits"][0].keys() == {"text", "strength", "reach", "content", "fluency", "score"}
    shown = run(*command)
    assert found["edits"][0]["text"] in shown.stdout
    assert "reach" in shown.stdout


def test_analogy(run, model):
    result = run("analogy", model, "a soup", "a soup", "the staff", "--json")
    again = run("reconstruct", model, "the staff", "--json")
    assert json.loads(result.stdout)["text"] == json.loads(again.stdout)[0]["reconstruction"]


def test_what_cannot_be_is_refused(refused, steered, model, table):
    refused("edit", steered, "a text", "--toward", "joy", saying="There is no direction toward joy")
    refused("edit", model, "a text", "--toward", "joy", saying="This model has no directions yet")
    refused("directions", steered, table, "--label-column", "mood", saying="has no column 'mood'")
    refused("sample", model, "--label", "past", saying="This model was trained without labels")
