"""``textvae explain``, ``rotate``, ``attribute`` and ``certainty``."""

import json

import pytest


@pytest.fixture(scope="module")
def active(run, lines, small, tmp_path_factory):
    """The folder of a model whose dimensions are in use."""
    folder = tmp_path_factory.mktemp("models") / "active"
    result = run("train", lines, "-o", folder, "--steps", 120, "--set", "train.lr=0.02", *small)
    assert result.exit_code == 0, result.output
    return folder


def test_it_shows_each_dimension_or_gives_json(run, model, lines):
    shown = run("explain", model, lines)
    assert shown.exit_code == 0, shown.output
    assert "active dimensions explained by" in shown.stdout
    given = run("explain", model, lines, "--json")
    assert [each["dimension"] for each in json.loads(given.stdout)] == [0, 1, 2, 3]


def test_what_cannot_be_explained_is_refused(refused, model, tmp_path):
    few = tmp_path / "few.txt"
    few.write_text("one\ntwo\n", encoding="utf-8")
    refused("explain", model, few, saying="at least 40 texts")


def test_rotate_writes_a_model_beside_the_old_one_with_the_same_likelihood(run, active, lines, tmp_path):
    turned = tmp_path / "turned"
    result = run("rotate", active, lines, "-o", turned, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert abs(report["elbo_before"] - report["elbo_after"]) < 1e-4
    before, after = (json.loads(run("encode", m, "It was good.", "--json").stdout) for m in (active, turned))
    assert before[0]["z"] != after[0]["z"]
    say = [run("reconstruct", m, "It was good.").stdout for m in (active, turned)]
    assert say[0] == say[1]


def test_rotate_refuses_what_cannot_be(refused, active, lines, tmp_path):
    refused("rotate", active, lines, "--method", "labels", "-o", tmp_path / "o", saying="at least one label")
    refused(
        "rotate", active, lines, "--method", "oblimin", "-o", tmp_path / "o", saying="There is no rotation"
    )


def test_attribute_and_certainty_say_it_of_each_text(run, refused, model, lines):
    given = run("attribute", model, "It was good.", "-d", 2, "--json")
    (found,) = json.loads(given.stdout)
    assert [token["token"] for token in found["tokens"]][-1] == "</s>"
    assert "occlusion" in run("attribute", model, "It was good.", "-d", 2).stdout
    refused("attribute", model, "It was good.", "-d", 9, saying="There is no dimension 9")
    given = run("certainty", model, "It was good.", "--reference", lines, "--json")
    assert json.loads(given.stdout)["n_reference"] == 300
    shown = run("certainty", model, "It was good.", "It is.", "--reference", lines)
    assert "surprise" in shown.stdout
    assert "should hold z for 90%" in shown.stdout
