"""A trained model turned, saved and attributed: what strings see of rotations and attributions."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from textvae import TextVAE, TextVAEError


@pytest.fixture
def copy(vae, tmp_path):
    """The trained model, to be changed."""
    vae.save_pretrained(tmp_path / "copy")
    return TextVAE.from_pretrained(tmp_path / "copy")


@pytest.mark.parametrize("method", ["varimax", "ica", "labels"])
def test_a_rotated_model_is_the_same_model_in_other_coordinates(vae, copy, corpus, method, tmp_path):
    report = copy.rotate(corpus, method)
    assert report["elbo_after"] == pytest.approx(report["elbo_before"], abs=1e-4)
    some = corpus.texts[:20]
    before, after = vae.encode(some), copy.encode(some)
    assert not np.allclose(before, after, atol=0.1)
    np.testing.assert_allclose(after @ after.T, before @ before.T, atol=1e-4)
    assert copy.decode(after) == vae.decode(before)
    assert copy.interpolate(some[0], some[1]) == vae.interpolate(some[0], some[1])
    copy.save_pretrained(tmp_path / "turned")
    again = TextVAE.from_pretrained(tmp_path / "turned")
    np.testing.assert_array_equal(again.encode(some), after)
    assert again.sample(3, seed=2) == copy.sample(3, seed=2)
    assert again.metrics_["rotation"] == report


def test_the_axis_of_a_label_is_named_by_it(copy, corpus):
    labels = {"mood": corpus.labels["mood"]}
    report = copy.rotate(type(corpus)(corpus.texts, labels), "labels")
    assert report["labels"] == {"mood": 0}
    z, up = copy.encode(corpus.texts), corpus.labels["mood"] == "up"
    alone = LogisticRegression().fit(z[:, :1], up).score(z[:, :1], up)
    assert alone > LogisticRegression().fit(z, up).score(z, up) - 0.05
    assert copy.explain(corpus)[0]["name"].startswith("mood: ")


def test_directions_turn_along(copy, corpus):
    (before, _) = copy.directions(corpus.texts, corpus.labels["mood"], name="mood")
    places = before.coordinate(copy.encode(corpus.texts[:50]))
    copy.rotate(corpus, "varimax")
    after = copy.directions_[before.name]
    np.testing.assert_allclose(after.coordinate(copy.encode(corpus.texts[:50])), places, atol=1e-4)


def test_a_prior_can_be_fitted_to_a_rotated_model_which_then_has_axes_of_its_own(copy, corpus, tmp_path):
    copy.rotate(corpus, "ica")
    z = copy.encode(corpus.texts[:5])
    copy.fit_prior(corpus.texts, "mixture", options={"components": 2}, iw_samples=2)
    copy.save_pretrained(tmp_path / "fitted")
    np.testing.assert_array_equal(TextVAE.from_pretrained(tmp_path / "fitted").encode(corpus.texts[:5]), z)
    with pytest.raises(TextVAEError, match="prior standard"):
        copy.rotate(corpus, "ica")


def test_an_unknown_rotation_is_refused(copy, corpus):
    with pytest.raises(TextVAEError, match="there are: varimax, ica, labels"):
        copy.rotate(corpus, "quartimax")


@pytest.mark.parametrize("turned", [False, True])
def test_attributions_add_up_and_agree_with_occlusion(copy, corpus, turned):
    if turned:
        copy.rotate(corpus, "varimax")
    some = list(dict.fromkeys(corpus.texts))[:8]
    found = copy.attribute(some, 1)
    positions = copy.encode(some)[:, 1]
    for each, position in zip(found, positions, strict=True):
        assert each["position"] == pytest.approx(position, abs=1e-4)
        total = each["baseline"] + sum(token["gradient"] for token in each["tokens"])
        assert total + each["gap"] == pytest.approx(each["position"], abs=1e-4)
        assert abs(each["gap"]) < 0.05 * abs(each["position"] - each["baseline"]) + 0.02
        assert each["tokens"][-1] == {"token": "</s>", "gradient": 0.0, "occlusion": 0.0}
    assert np.mean([each["agreement"] for each in found]) > 0.5


def test_the_words_of_a_label_put_a_text_on_its_direction(copy, corpus):
    copy.directions(corpus.texts, corpus.labels["mood"], name="mood")
    found = copy.attribute("we were happy and danced outside .", "mood=up")
    parts = {token["token"]: token["gradient"] for token in found["tokens"]}
    assert {word for word, part in parts.items() if part >= sorted(parts.values())[-2]} == {"happy", "danced"}


@pytest.mark.parametrize(("dimension", "saying"), [(4, "from 0 to 3"), (np.zeros(4), "4 numbers")])
def test_what_is_no_direction_is_refused(vae, dimension, saying):
    with pytest.raises(TextVAEError, match=saying):
        vae.attribute("we were sad .", dimension)
