"""``textvae prior``: a better model beside the old one, or in its place."""

import json
import shutil

import pytest


@pytest.fixture
def copy(model, tmp_path):
    """A trained model that may be changed."""
    return shutil.copytree(model, tmp_path / "model")


def test_it_writes_the_new_model_beside_the_old_one(run, model, lines, tmp_path):
    better = tmp_path / "better"
    result = run("prior", model, lines, "--fit", "mixture", "--set", "components=4", "-o", better, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["prior"], report["replaced"], report["model"]) == ("mixture", "standard", str(better))
    assert report["after"]["elbo"] > report["before"]["elbo"]
    for folder, prior in ((better, {"name": "mixture", "components": 4}), (model, {"name": "standard"})):
        assert json.loads((folder / "config.json").read_text())["config"]["prior"] == prior
    assert run("sample", better, "-n", 2).exit_code == 0


def test_it_shows_before_and_after_and_replaces_the_model_unless_told_where(run, copy, lines):
    result = run("prior", copy, lines, "--fit", "flow", "--iw", 5, "--set", "layers=2", "--set", "hidden=8")
    assert result.exit_code == 0, result.output
    assert "Prior flow instead of standard" in result.stdout
    assert "reverse perplexity" in result.stdout
    assert json.loads((copy / "config.json").read_text())["config"]["prior"]["layers"] == 2
    assert json.loads((copy / "metrics.json").read_text())["prior"]["prior"] == "flow"


def test_what_cannot_be_is_told_before_texts_are_read(refused, model, copy):
    nothing = "missing.txt"
    refused("prior", model, nothing, "--fit", "standard", saying="Prior standard has nothing to fit")
    refused("prior", model, nothing, "--fit", "flow", "--set", "layer=2", saying="no option 'prior.layer'")
    refused("prior", model, nothing, "--fit", "flow", "-o", copy, saying="already holds a model")
