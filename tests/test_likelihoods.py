"""The fused cross-entropy against its definition."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from models import random_batch, small_model
from textvae import likelihoods
from textvae.likelihoods import linear_cross_entropy


def operands(rows=50, dim=8, vocab=40):
    generator = torch.Generator().manual_seed(1)
    draw = lambda *shape: torch.randn(*shape, generator=generator).requires_grad_()  # noqa: E731
    target = torch.randint(0, vocab, (rows,), generator=generator)
    return draw(rows, dim), draw(vocab, dim), draw(vocab), target


@pytest.mark.parametrize("chunk", [1, 7 * 40, 10**9])
@pytest.mark.parametrize("uniform", [True, False])
def test_values_and_gradients_equal_the_definition(chunk, uniform, monkeypatch):
    monkeypatch.setattr(likelihoods, "_CHUNK_ELEMENTS", chunk)
    hidden, weight, bias, target = operands()
    row_weight = torch.full((50,), 0.3) if uniform else torch.rand(50)
    expected = F.cross_entropy(hidden @ weight.T + bias, target, reduction="none")
    wanted = torch.autograd.grad((expected * row_weight).sum(), (hidden, weight, bias))
    nll = linear_cross_entropy(hidden, weight, bias, target)
    got = torch.autograd.grad((nll * row_weight).sum(), (hidden, weight, bias))
    torch.testing.assert_close(nll, expected)
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_bf16_stays_within_its_rounding():
    hidden, weight, bias, target = operands(rows=400)
    expected = F.cross_entropy(hidden @ weight.T + bias, target, reduction="none")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        nll = linear_cross_entropy(hidden, weight, bias, target)
    assert nll.dtype == torch.float32
    assert (nll - expected).abs().max() < 0.1
    assert abs(float((nll - expected).detach().mean())) < 0.01


def test_no_gradient_is_computed_where_none_is_wanted(monkeypatch):
    asked = []
    sweep = likelihoods._sweep

    def spy(*args, gradients, **kwargs):
        asked.append(gradients)
        return sweep(*args, gradients=gradients, **kwargs)

    monkeypatch.setattr(likelihoods, "_sweep", spy)
    hidden, weight, bias, target = operands()
    linear_cross_entropy(hidden, weight, bias, target)
    with torch.no_grad():
        nll = linear_cross_entropy(hidden, weight, bias, target)
    linear_cross_entropy(hidden.detach(), weight.detach(), bias.detach(), target)
    assert asked == [True, False, False]
    assert not nll.requires_grad
    torch.testing.assert_close(nll, F.cross_entropy(hidden @ weight.T + bias, target, reduction="none"))


def test_the_tokens_of_a_text_add_up_to_it():
    model, batch = small_model().eval(), random_batch((5, 9, 3, 1))
    p: Any = model.decode(torch.randn(2, 4, 4), batch)
    each = p.token_log_prob(batch)
    assert each.shape == (2, 4, 9)
    torch.testing.assert_close(each.sum(-1), p.log_prob(batch))
    assert each[:, ~batch.mask].abs().max() == 0
