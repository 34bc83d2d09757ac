"""``textvae explain``."""

import json


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
