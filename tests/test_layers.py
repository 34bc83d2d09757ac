"""Layers that encoders and decoders share."""

import pytest
import torch

from models import random_batch, small_model
from textvae.layers import BatchNorm, WeightDropout


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


def test_batch_norm_standardises_a_batch_and_bears_one_text():
    norm, x = BatchNorm(3, 1e-5), 5 * torch.randn(200, 3) + 2
    y = norm(x)
    torch.testing.assert_close(y.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(0, correction=0), torch.ones(3))
    before = norm.running_mean.clone(), norm.running_variance.clone()
    assert not before[0].equal(torch.zeros(3))
    assert norm(x[:1]).abs().max() == 0
    norm.settled(x)
    assert norm.running_mean.equal(before[0])
    assert norm.running_variance.equal(before[1])
    torch.testing.assert_close(norm.eval()(x[:1]), (x[:1] - before[0]) / before[1].sqrt())
