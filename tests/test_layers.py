"""Layers that encoders and decoders share."""

import pytest
import torch

from models import random_batch, small_model
from textvae.layers import WeightDropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_weight_dropout_drops_its_share_and_keeps_the_mean(p):
    layer, weight = WeightDropout(p), torch.full((301, 203), 2.0)
    dropped = layer(weight)
    assert float((dropped == 0).float().mean()) == pytest.approx(p, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(2, rel=0.02)
    assert not torch.equal(layer(weight), dropped)
    assert torch.equal(layer.eval()(weight), weight)


def test_weights_are_dropped_in_training_only():
    model, batch = small_model(decoder={"weight_dropout": 0.5}), random_batch()
    z = torch.zeros(4, 4)
    noisy = {model.decode(z, batch).log_prob(batch).sum().item() for _ in range(3)}
    assert len(noisy) == 3
    plain = small_model()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(
        model.eval().decode(z, batch).log_prob(batch), plain.eval().decode(z, batch).log_prob(batch)
    )
