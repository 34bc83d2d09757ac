"""The scripts in examples/ run, on built-in texts, and what they measure shows that there was something to learn."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from textvae import TextVAE, TextVAEError, load_corpus

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SMALL = {
    "encoder.embedding": 32,
    "encoder.hidden": 64,
    "decoder.embedding": 32,
    "decoder.hidden": 64,
    "decoder.dropout": 0.1,
    "decoder.dropout_in": 0.1,
    "objective.pretrain": 0.3,
    "objective.free_bits": 12.0,
    "train.lr": 1e-2,
}


@pytest.fixture
def load(monkeypatch):
    """``load("search")``: the script as a module."""
    monkeypatch.syspath_prepend(str(EXAMPLES))

    def script(name: str):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield script
    sys.modules.pop("common", None)


@pytest.fixture
def example(load):
    """``example("search", …)``: what its ``main`` returns."""
    return lambda name, *words: load(name).main([str(word) for word in words])


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A small model of 1,200 of the built-in reviews."""
    folder = tmp_path_factory.mktemp("examples") / "reviews"
    TextVAE(latent_dim=8, steps=500, set=SMALL).fit(load_corpus("grammar").texts[:1200], output=folder)
    return folder


def test_reviews(example, model, capsys):
    figures = example("reviews", "--model", model, "--most", 1000)
    assert figures["mi"] > 1
    assert len([line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]) == 16


def test_headlines(example, model):
    shares = example("headlines", "--model", model, "--most", 1000)
    assert shares["chance"] == pytest.approx(0.25, abs=0.02)
    assert shares["same"] > 1.5 * shares["chance"]


def test_headlines_need_sections(example, model, tmp_path):
    (tmp_path / "plain.txt").write_text("\n".join(f"headline number {i}" for i in range(30)))
    with pytest.raises(TextVAEError, match="--label-column"):
        example("headlines", tmp_path / "plain.txt", "--model", model)


def test_search_and_clusters(example, model):
    result = example("search", "--model", model, "--most", 1000, "--clusters", 6)
    assert len(result["near"]) == 5
    assert set(result["clusters"]) == set(range(6))
    assert result["nmi_aspect"] > 0.05


def test_anomalies(example, model, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("\n".join(f"Return the {i}th matrix of the module." for i in range(50)))
    found = example("anomalies", "--model", model, "--most", 1000, "--other", other)
    assert min(found["shuffled"], found["other"]) > 0.9


def test_augmentation(example, model):
    scores = example("augmentation", "--model", model, "--most", 1000, "--labels", 6, "--runs", 3)
    assert {len(each) for each in scores.values()} == {3}
    assert np.mean(scores["labelled alone"]) > 0.4
    assert np.mean(scores["with new texts"]) > 0.4
    assert np.mean(scores["latents"]) > 0.35


def test_couplets(load, tmp_path):
    couplets = load("couplets")
    made = couplets.made_up(1500, seed=0)
    assert all(couplets.is_regular(text) and len(set(text)) == 12 for text in made.texts)
    TextVAE(latent_dim=8, steps=300, set=SMALL).fit(made).save_pretrained(tmp_path / "m")
    shares = couplets.main(["--model", str(tmp_path / "m"), "--most", "500"])
    assert shares["train"] == 1
    assert shares["new"] > 0.8


def test_bertopic(example, model):
    pytest.importorskip("bertopic", reason="the example for BERTopic runs where it is installed")
    assert len(example("bertopic_embeddings", "--model", model, "--most", 600).get_topics()) > 1


def test_every_example_is_on_its_page_and_says_how_it_is_run():
    page = (EXAMPLES.parent / "docs" / "how-to" / "examples.md").read_text(encoding="utf-8")
    for script in EXAMPLES.glob("*.py"):
        if script.name != "common.py":
            assert f"examples/{script.name}" in page
            assert f"python examples/{script.name}" in script.read_text(encoding="utf-8")
