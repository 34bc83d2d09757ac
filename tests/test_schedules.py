"""The weight of the KL over training."""

import pytest
import torch

from textvae.schedules import TargetRate, beta_at


def test_shapes_of_beta():
    def at(p, shape):
        return beta_at(p, shape=shape, beta=2.0, warmup=0.5, cycles=4)

    assert [at(p, "constant") for p in (0, 0.5, 1)] == [2, 2, 2]
    assert [at(p, "linear") for p in (0, 0.25, 0.5, 1)] == [0, 1, 2, 2]
    # four cycles, each rising over its first half (Fu et al. 2019, figure 2)
    assert [at(p, "cyclical") for p in (0, 0.0625, 0.125, 0.2, 0.25, 0.3125, 1)] == [0, 1, 2, 2, 0, 1, 2]


def test_target_rate_finds_the_weight_that_holds_the_rate():
    # a rate–distortion curve KL(beta) = 12 / (1 + beta): the target of 5 nats lies at beta = 1.4
    rate = TargetRate(5.0)
    beta = torch.tensor(0.1)
    for _ in range(2000):
        beta = rate(12 / (1 + beta))
    assert float(beta) == pytest.approx(1.4, rel=0.02)


def test_it_is_the_rate_of_held_out_texts_that_is_held():
    # texts learnt by heart have half as much KL again, which grows late, as it does in an encoder; and batches differ,
    # as texts of like length share one
    rate = TargetRate(5.0)
    beta = torch.tensor(0.1)
    noise = torch.Generator().manual_seed(0)
    looks = []
    for step in range(6000):
        held_out = 12 / (1 + beta)
        batch = 0.4 + 1.2 * torch.rand((), generator=noise)
        beta = rate(held_out * batch * (1.5 if step > 1000 else 1.0))
        if step % 200 == 0:
            looks.append((float(held_out), rate.holds(float(held_out))))
    held_out, held = zip(*looks[10:], strict=True)
    assert sum(held_out) / len(held_out) == pytest.approx(5, rel=0.02)
    assert all(held)
    assert not rate.holds(5.6)


def test_a_collapsed_rate_is_no_measure_of_held_out_texts():
    rate = TargetRate(5.0)
    for _ in range(200):
        rate(torch.tensor(0.0))
    assert not rate.holds(0.01)
    beta = rate.beta
    assert rate(torch.tensor(0.0)) < beta


def test_target_rate_only_moves_in_training():
    rate = TargetRate(5.0).eval()
    assert float(rate(torch.tensor(50.0))) == float(rate(torch.tensor(0.0)))
