"""Attributions to tokens, by any encoder that embeds them."""

import numpy as np
import pytest
import torch

from models import part_options, parts, random_ids, small_model
from textvae import TextVAEError
from textvae.explain.attribution import attribute
from textvae.text.batch import Dataset
from textvae.types import EOS, UNK

_COUNTING = {"bow", "none"}


@pytest.fixture
def text():
    return Dataset(random_ids([9], seed=2)).batch([0])


@pytest.mark.parametrize("encoder", sorted(set(parts("encoder")) - _COUNTING))
def test_the_parts_add_up_to_the_whole(encoder, text):
    model = small_model(encoder=part_options("encoder", encoder))
    with torch.no_grad():
        for parameter in [*model.encoder.parameters(), *model.posterior.parameters()]:
            parameter.add_(0.2 * torch.randn(parameter.shape))
    found = attribute(model, text, np.eye(4)[1])
    assert found.position == pytest.approx(float(model.eval().encode(text).mean[0, 1].detach()), abs=1e-5)
    assert abs(found.gap) < 0.03 * np.abs(found.gradients).sum() + 1e-3
    own = text.targets[0].numpy()
    assert not found.gradients[(own == EOS) | (own == UNK)].any()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_an_encoder_that_counts_words_is_refused(text):
    with pytest.raises(TextVAEError, match="counts of words"):
        attribute(small_model(encoder=part_options("encoder", "bow")), text, np.eye(4)[0])
