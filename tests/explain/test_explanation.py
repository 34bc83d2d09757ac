"""Explanations of a trained model: what is planted in the texts is found, and what isn't is not."""

import json

import numpy as np
import pytest

from textvae import TextVAEError
from textvae.estimators import reading


@pytest.fixture(scope="module")
def found(vae, corpus):
    return vae.explain(corpus)


def test_every_dimension_has_all_that_is_promised(found):
    assert [each["dimension"] for each in found] == [0, 1, 2, 3]
    wanted = {"name", "kl", "words_up", "words_down", "attributes", "texts_low", "texts_high"}
    wanted |= {"auc", "auc_random", "explained", "traversal"}
    assert all(wanted <= each.keys() for each in found)
    assert json.loads(json.dumps(found)) == found


def test_dimensions_that_hold_the_texts_are_explained(found):
    assert all(each["active"] and each["explained"] for each in found)
    assert all(each["auc_interval"][0] > 0.8 > each["auc_random_interval"][1] for each in found)
    assert all(each["name"] != "unexplained" for each in found)
    assert all(0 < each["width"] < 1 and each["kl"] > 0.5 for each in found)


def test_a_label_that_the_texts_don_t_show_is_no_attribute(found):
    assert all(row["name"] != "noise" for each in found for row in each["attributes"])
    carried = [row["mi"] for each in found for row in each["attributes"] if row["name"] == "mood"]
    assert max(carried) > 0.2


def test_what_tells_most_of_an_attribute_is_foremost_for_it(found):
    rows = [row for each in found for row in each["attributes"] if row["name"] == "mood"]
    foremost = max(rows, key=lambda row: row["mi"])
    assert len(rows) > 1
    assert [row["is_foremost"] for row in rows] == [row is foremost for row in rows]


def test_the_direction_of_a_label_is_named_by_it(vae, corpus):
    z = vae.encode(corpus.texts)
    up = corpus.labels["mood"] == "up"
    direction = np.linalg.solve(np.cov(z.T), z[up].mean(0) - z[~up].mean(0))
    (mood,) = vae.explain(corpus, directions={"toward up": direction})
    assert mood["dimension"] == "toward up"
    assert mood["name"] == "mood: down → up"
    assert mood["attributes"][0]["means"]["up"] > 0 > mood["attributes"][0]["means"]["down"]
    happy = {"happy", "glad", "pleased", "smiled", "laughed", "danced"}
    sad = {"sad", "angry", "bored", "cried", "shouted", "left"}
    rising, falling = ({row["word"] for row in mood[key]} for key in ("words_up", "words_down"))
    assert len(happy & rising) >= 4
    assert len(sad & falling) >= 4
    assert not happy & falling
    assert not sad & rising
    assert all(happy & set(text.split()) for text in mood["texts_high"])


def test_the_same_seed_gives_the_same_and_the_model_can_do_without_texts(vae, corpus, monkeypatch):
    some = corpus.texts[:200]
    assert vae.explain(some, seed=3) == vae.explain(some, seed=3)
    monkeypatch.setattr(reading, "_WRITTEN", 150)
    assert vae.explain()[0]["n_texts"] < 150


@pytest.mark.parametrize(
    ("texts", "directions", "saying"),
    [
        (["a text"] * 60, None, "at least 40 texts"),
        (["one", "two"], None, "at least 40 texts"),
        ([f"text {i}" for i in range(99)], {"x": np.zeros(4)}, "points nowhere"),
        ([f"text {i}" for i in range(99)], {"x": np.ones(3)}, "4 numbers"),
    ],
)
def test_what_cannot_be_explained_is_refused(vae, texts, directions, saying):
    with pytest.raises(TextVAEError, match=saying):
        vae.explain(texts, directions=directions)
