"""What ``textvae explore`` refuses, and what it hands to the server."""

import json

import pytest

from textvae.explore import server


@pytest.fixture
def served(monkeypatch):
    """What would be served, without serving it."""
    asked = []
    monkeypatch.setattr(server, "serve", lambda space, **options: asked.append((space, options)))
    return asked


def test_it_serves_the_model_with_texts_labels_and_names(run, model, tmp_path, served):
    (tmp_path / "texts.csv").write_text("text,stars\nThe food was good.,5\nThe staff were rude.,1\n,3\n")
    names = [{"dimension": each, "name": f"about {each}", "explained": each % 2 == 0} for each in range(64)]
    (tmp_path / "names.json").write_text(json.dumps(names))
    options = ["--label-column", "stars", "--explained", tmp_path / "names.json", "--port", 0]
    result = run("explore", model, tmp_path / "texts.csv", *options)
    assert result.exit_code == 0, result.output
    assert "1 empty" in result.stderr
    ((space, options),) = served
    assert (space.name, space.shown.texts) == ("reviews", ["The food was good.", "The staff were rude."])
    assert space.shown.labels == {"stars": ["5", "1"]}
    meanings = {int(each.name): each.meaning for each in space.handles if each.kind == "dimension"}
    assert meanings == {each: f"about {each}" if each % 2 == 0 else "" for each in meanings} != {}
    assert (options["host"], options["port"], options["token"]) == ("127.0.0.1", 0, None)


def test_an_address_that_others_reach_gets_a_token(run, model, served):
    for _ in range(2):
        assert run("explore", model, "--host", "0.0.0.0").exit_code == 0
    assert run("explore", model, "--host", "0.0.0.0", "--token", "mine").exit_code == 0
    first, second, mine = (options["token"] for _, options in served)
    assert mine == "mine"
    assert first != second
    assert len(first) >= 20


def test_what_cannot_be_served_is_told(refused, model, tmp_path):
    refused("explore", tmp_path / "none", saying="no model at")
    refused("explore", model, tmp_path / "none.txt", saying="none.txt")
    refused("explore", model, "--explained", tmp_path / "none.json", saying="none.json")
    (tmp_path / "other.json").write_text('[{"a": 1}]')
    refused("explore", model, "--explained", tmp_path / "other.json", saying="textvae explain --json")
    (tmp_path / "one.txt").write_text("one text\n")
    refused("explore", model, tmp_path / "one.txt", saying="A map needs two latents")
