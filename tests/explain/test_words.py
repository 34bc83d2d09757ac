"""Words that rise and fall, in a decoder where it is known which do."""

import numpy as np
import pytest
import torch

from models import VOCAB, part_options, parts, random_ids, small_model
from textvae.explain.explanation import Material, explain
from textvae.explain.words import word_effects
from textvae.text.batch import Dataset

_UP, _DOWN = 7, 11


@pytest.fixture
def model():
    """z's first coordinate adds to one word's score and takes from another's, the same at every place."""
    model = small_model(decoder={"z_to_output": True})
    decoder = model.decoder
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
        decoder.output.bias[:2] = -1e4
        decoder.embedding.weight[_UP, 0], decoder.embedding.weight[_DOWN, 0] = 1.0, -1.0
        decoder.z_to_output.weight[0, 0] = 0.5
    return model


@pytest.fixture
def dataset():
    return Dataset(random_ids([5, 9, 3, 12, 7, 4, 6, 8] * 5))


def test_effects_are_the_change_of_log_probability(model, dataset):
    """Scores of ± z/2 around 0: ln p changes by 1 from one step down to one up, but for the normaliser."""
    (found,) = word_effects(model, dataset, np.eye(4, dtype=np.float32)[:1], np.ones(1))
    assert found.up[0].word == _UP
    assert found.down[0].word == _DOWN
    assert found.up[0].effect == pytest.approx(1, abs=0.1)
    assert found.down[0].effect == pytest.approx(-1, abs=0.1)
    assert found.up[0].interval[0] <= found.up[0].effect <= found.up[0].interval[1]
    assert found.up[0].probability == pytest.approx(1 / (VOCAB - 2), rel=0.3)


def test_a_direction_that_the_decoder_does_not_read_has_no_words(model, dataset):
    _, ignored = word_effects(model, dataset, np.eye(4, dtype=np.float32)[:2], np.ones(2))
    assert ignored == ([], [])


def test_the_other_way_round_what_rose_falls(model, dataset):
    axis = np.eye(4, dtype=np.float32)[:1]
    there, back = word_effects(model, dataset, np.concatenate([axis, -axis]), np.ones(2))
    assert [w.word for w in there.up] == [w.word for w in back.down]
    assert [w.effect for w in there.up] == pytest.approx([-w.effect for w in back.down], abs=1e-5)


@pytest.mark.parametrize("decoder", parts("decoder"))
def test_the_words_of_any_decoder_of_texts_can_be_compared(decoder, dataset):
    model = small_model(decoder=part_options("decoder", decoder))
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    (found,) = word_effects(model, dataset, np.eye(4, dtype=np.float32)[:1], np.full(1, 3.0))
    assert all(0 < word.effect < 10 for word in found.up)
    assert all(-10 < word.effect < 0 for word in found.down)
    assert all(word.interval[0] <= word.interval[1] for word in (*found.up, *found.down))
    # probabilities that rise and fall are of the same whole
    assert bool(found.up) == bool(found.down)


@pytest.mark.parametrize("posterior", ["vmf", "categorical", "flow", "full_gaussian"])
def test_a_space_of_any_shape_is_explained(posterior, dataset):
    model = small_model(posterior=part_options("posterior", posterior))
    texts = [" ".join(map(str, dataset[i])) for i in range(len(dataset))]
    material = Material(texts, dataset, [str(i) for i in range(VOCAB)], {})
    size = model.latent_dim
    found = explain(model, material, dict(enumerate(np.eye(size))), lambda z: ["a text"] * len(z))
    assert len(found) == size
    assert all((each["kl"] is None) == (posterior in ("vmf", "categorical")) for each in found)
    assert all(0 <= each["auc"] <= 1 and each["width"] >= 0 for each in found)
