"""Every registered part, one parametrised test per promise of its family."""

import pytest
import torch
from torch.distributions import kl_divergence

from models import one, padded, part_options, random_batch, small_config, small_model
from textvae.errors import TextVAEError
from textvae.registry import find, names
from textvae.store import load_tensors, read_tensors, tensors, write_tensors
from textvae.types import BOS, PAD

ENCODERS, DECODERS = names("encoder"), names("decoder")


def model_with(kind: str, name: str, **extra):
    return small_model(**{kind: part_options(kind, name) | extra}).eval()


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_ignores_pads_and_company(name):
    model, batch = model_with("encoder", name), random_batch()
    mean = model.encode(batch).mean
    assert mean.shape == (4, 4)
    torch.testing.assert_close(model.encode(padded(batch, 7)).mean, mean, atol=1e-5, rtol=1e-5)
    alone = torch.cat([model.encode(one(batch, i)).mean for i in range(4)])
    torch.testing.assert_close(alone, mean, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("z_to_output", [False, True])
def test_decoder_ignores_pads_and_company(name, z_to_output):
    model, batch = model_with("decoder", name, z_to_output=z_to_output), random_batch()
    z = torch.randn(3, 4, 4)
    log_px = model.decode(z, batch).log_prob(batch)
    assert log_px.shape == (3, 4)
    torch.testing.assert_close(model.decode(z, padded(batch, 5)).log_prob(padded(batch, 5)), log_px)
    for i in range(4):
        text = one(batch, i)
        torch.testing.assert_close(model.decode(z[:, i : i + 1], text).log_prob(text), log_px[:, i : i + 1])


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("z_to_output", [False, True])
def test_decoder_steps_give_the_likelihood(name, z_to_output):
    model, batch = model_with("decoder", name, z_to_output=z_to_output), random_batch()
    z = torch.randn(4, 4)
    state, total = model.decoder.start(z), torch.zeros(4)
    for t in range(batch.inputs.shape[1]):
        log_probs, state = model.decoder.step(batch.inputs[:, t], state)
        assert all(len(part) == 4 for part in state)
        torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(4))
        total += log_probs.gather(1, batch.targets[:, t, None])[:, 0] * batch.mask[:, t]
    torch.testing.assert_close(total, model.decode(z, batch).log_prob(batch))


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_never_writes_pads_or_starts(name):
    model = model_with("decoder", name)
    log_probs, _ = model.decoder.step(torch.full((2,), BOS), model.decoder.start(torch.randn(2, 4)))
    assert log_probs[:, [PAD, BOS]].exp().max() == 0


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_reset_forgets_everything_but_word_frequencies(name):
    decoder = model_with("decoder", name).decoder
    before = {n: t.clone() for n, t in decoder.named_parameters()}
    decoder.reset()
    after = dict(decoder.named_parameters())
    assert torch.equal(before["output.bias"], after["output.bias"])
    assert not torch.equal(before["embedding.weight"], after["embedding.weight"])
    assert decoder.output.weight is decoder.embedding.weight


@pytest.mark.parametrize("name", names("posterior"))
def test_posterior_kl_matches_monte_carlo(name):
    model = model_with("posterior", name) if name != "gaussian" else small_model().eval()
    for parameter in model.posterior.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    q, p = model.encode(random_batch()), model.prior()
    z = q.rsample((200_000,))
    sampled = (q.log_prob(z) - p.log_prob(z)).mean(0)
    torch.testing.assert_close(sampled, kl_divergence(q, p), rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("kind", "name"), [("encoder", n) for n in ENCODERS] + [("decoder", n) for n in DECODERS]
)
def test_every_parameter_gets_a_finite_gradient(kind, name):
    model = small_model(**{kind: part_options(kind, name)})
    terms = model(random_batch((5, 9, 3, 6, 7, 4)))
    (terms.kl - terms.log_px[0]).mean().backward()
    for label, parameter in model.named_parameters():
        assert parameter.grad is not None, label
        assert torch.isfinite(parameter.grad).all(), label
        assert parameter.grad.abs().sum() > 0, label


@pytest.mark.parametrize(
    ("kind", "name"), [("encoder", n) for n in ENCODERS] + [("decoder", n) for n in DECODERS]
)
def test_saved_weights_give_equal_encodings_and_likelihoods(kind, name, tmp_path):
    first, second = (small_model(**{kind: part_options(kind, name)}).eval() for _ in range(2))
    path = tmp_path / "weights.safetensors"
    write_tensors(path, tensors(first))
    load_tensors(second, read_tensors(path), path)
    batch = random_batch()
    a, b = (m(batch, noise=False) for m in (first, second))
    assert torch.equal(a.z, b.z)
    assert torch.equal(a.log_px, b.log_px)


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k in ("encoder", "decoder") for n in names(k)])
def test_encoders_say_what_they_read_and_decoders_what_they_score(kind, name):
    entry = find(kind, name)
    assert (entry.provides if kind == "encoder" else entry.requires) & {"tokens", "rows"}


def test_unknown_part_is_refused_by_name():
    with pytest.raises(TextVAEError, match=r"no encoder called 'cnm'; there are: .*lstm"):
        small_config(encoder="cnm")
    assert find("encoder", "lstm").name == "lstm"
