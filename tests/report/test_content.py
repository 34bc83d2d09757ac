"""What a report says is what the model's own figures say."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from textvae import Corpus, TextVAEError
from textvae.report import content as content_module
from textvae.report.atlas import atlas
from textvae.report.content import gather
from textvae.report.history import history
from textvae.report.passages import compare, unlikely


def test_figures_are_those_of_evaluate(content, vae, corpus):
    assert content.evaluation == vae.evaluate(corpus, iw_samples=3)
    assert content.findings == vae.diagnose(corpus)


def test_the_map_holds_every_text_with_its_own_likelihood(content, corpus):
    by_name = {(c.source, c.name): c for c in content.atlas.colourings}
    nll = np.array(by_name["likelihood", "nll"].values)
    assert content.atlas.texts == corpus.texts
    assert nll.mean() == pytest.approx(content.evaluation["nll"])
    tokens = np.array(by_name["likelihood", "tokens"].values)
    assert tokens.sum() == content.evaluation["n_tokens"]
    np.testing.assert_allclose(by_name["likelihood", "nll_per_token"].values, nll / tokens)


def test_labels_colour_the_map(content, corpus):
    colouring = next(c for c in content.atlas.colourings if c.name == "aspect")
    assert [colouring.names[int(v)] for v in colouring.values] == corpus.labels["aspect"].tolist()


def test_a_label_of_many_values_keeps_the_frequent_ones():
    values = np.array([f"rare{i}" for i in range(20)] + ["often"] * 30)
    drawn: Any = atlas(
        [str(i) for i in range(50)],
        np.random.default_rng(0).normal(size=(50, 2)),
        {"y": values},
        {},
        {},
        seed=0,
    )
    names, places = drawn.colourings[0].names, drawn.colourings[0].values
    assert names[0] == "often"
    assert len(names) == 8
    assert places.count(0) == 30
    assert places.count(7) == 20 - 6  # all that have no colour of their own


def test_numbers_that_are_missing_have_no_colour():
    values = np.arange(40.0)
    values[3] = np.nan
    drawn: Any = atlas(
        [str(i) for i in range(40)],
        np.random.default_rng(0).normal(size=(40, 2)),
        {"y": values},
        {},
        {},
        seed=0,
    )
    assert drawn.colourings[0].values[2:5] == [2.0, None, 4.0]


def test_least_likely_texts_come_first_and_once():
    rows = unlikely(["a", "b", "a", "c"], np.array([9.0, 8.0, 9.0, 1.0]), np.array([3, 2, 3, 1]))
    assert [(r.text, r.nll_per_token) for r in rows] == [("b", 4.0), ("a", 3.0), ("c", 1.0)]


def test_of_many_texts_evenly_spaced_ones_are_shown(vae, corpus, monkeypatch):
    monkeypatch.setattr(content_module, "MOST_TEXTS", 30)
    few: Any = gather(vae, corpus, iw_samples=1)
    assert (few.texts.n_texts, few.texts.n_shown, few.evaluation["n_texts"]) == (120, 30, 30)
    assert few.atlas.texts == corpus.texts[::4]
    assert few.dimensions == []  # too few to explain by


def test_the_same_seed_gives_the_same_report(vae, corpus):
    few = corpus.select(range(60))
    reports = [asdict(gather(vae, few, iw_samples=1, seed=seed)) for seed in (4, 4)]
    assert reports[0] == reports[1]
    assert reports[0]["samples"] != asdict(gather(vae, seed=5))["samples"]


def test_without_texts_there_is_what_training_left(vae):
    content: Any = gather(vae)
    assert content.evaluation == vae.metrics_["evaluation"]
    assert (content.texts, content.atlas, content.unlikely) == (None, None, [])
    assert len(content.samples) == 12


def test_texts_that_are_none_are_refused(vae):
    with pytest.raises(TextVAEError, match="no texts"):
        gather(vae, Corpus([]))


def test_all_of_it_is_json(content):
    told = json.loads(json.dumps(asdict(content), allow_nan=False))
    assert told["atlas"]["texts"] == content.atlas.texts
    assert [d["dimension"] for d in told["dimensions"]] == [d["dimension"] for d in content.dimensions]


def test_reconstructions_are_ranked(content, vae):
    kinds = content.reconstructions
    shares = [r.common for kind in ("best", "typical", "worst") for r in kinds[kind]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]
    best = kinds["best"][0]
    assert vae.reconstruct(best.text) == best.reconstruction


@pytest.mark.parametrize(
    ("text", "written", "common", "pieces"),
    [
        ("a b c d", "a x c d", 0.75, [("a", True), (" ", True), ("x", False), (" c d", True)]),
        ("很好吃", "很难吃", 2 / 3, [("很", True), ("难", False), ("吃", True)]),
        ("a b", "", 0.0, []),
    ],
)
def test_words_in_common(text, written, common, pieces):
    found = compare(text, written)
    assert found.common == pytest.approx(common)
    assert found.pieces == pieces
    assert "".join(piece for piece, _ in found.pieces) == written


def test_loss_is_reconstruction_and_kl_whatever_the_weight():
    rows = [
        {"step": i, "reconstruction": 100.0 - i, "kl": 2.0, "loss": -1.0, "active_units": 3}
        for i in range(1, 1001)
    ]
    rows[500] |= {"validation_loss": 7.0, "validation_kl": 1.0}
    curves: Any = history(rows)
    assert len(curves.loss.steps) == 100
    assert np.mean(curves.loss.values) == pytest.approx(np.mean([102.0 - i for i in range(1, 1001)]))
    assert (curves.validation_loss.steps, curves.validation_loss.values) == ([501], [7.0])
    assert history([]) is None


def test_what_is_no_number_is_left_out_of_a_curve():
    rows = [
        {"step": 1, "reconstruction": float("nan"), "kl": 1.0},
        {"step": 2, "reconstruction": 4.0, "kl": 1.0},
    ]
    curves: Any = history(rows)
    assert curves.loss.steps == [2]
