"""Every registered part, one parametrised test per promise of its family."""

import pytest
import torch

from models import (
    VOCAB,
    one,
    padded,
    part_options,
    parts,
    random_batch,
    random_rows,
    small_config,
    small_model,
    small_rows_model,
)
from textvae.errors import TextVAEError
from textvae.registry import find, names
from textvae.store import load_tensors, read_tensors, tensors, write_tensors
from textvae.types import BOS, PAD, Rows

ENCODERS, DECODERS = parts("encoder"), parts("decoder")
POOLINGS = [
    ("lstm", "last"),
    ("lstm", "mean"),
    ("lstm", "max"),
    ("transformer", "mean"),
    ("transformer", "max"),
]
OUTPUTS = [{}, {"z_to_output": True}, {"output": "adaptive"}]
VECTORS = [{"likelihood": "bernoulli"}, *({"variance": v} for v in ("shared", "column", "predicted"))]
# every encoder and decoder with data that it takes: kind, name, a small model of it, a batch
EVERY = [
    (kind, name, data)
    for data in ("tokens", "rows")
    for kind in ("encoder", "decoder")
    for name in parts(kind, data)
]


def model_with(kind: str, name: str, data: str = "tokens", **extra):
    model = small_model if data == "tokens" else small_rows_model
    return model(**{kind: part_options(kind, name) | extra}).eval()


@pytest.mark.parametrize(
    ("name", "extra"), [(n, {}) for n in ENCODERS] + [(n, {"pooling": way}) for n, way in POOLINGS]
)
def test_encoder_ignores_pads_and_company(name, extra):
    model, batch = model_with("encoder", name, **extra), random_batch()
    mean = model.encode(batch).mean
    assert mean.shape == (4, 4)
    torch.testing.assert_close(model.encode(padded(batch, 7)).mean, mean, atol=1e-5, rtol=1e-5)
    alone = torch.cat([model.encode(one(batch, i)).mean for i in range(4)])
    torch.testing.assert_close(alone, mean, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", parts("encoder", "rows"))
def test_encoder_of_rows_ignores_company(name):
    model, batch = model_with("encoder", name, "rows"), random_rows()
    alone = torch.cat([model.encode(batch.only(i)).mean for i in range(4)])
    torch.testing.assert_close(alone, model.encode(batch).mean)


@pytest.mark.parametrize("counts", ["log", "share"])
def test_a_bag_of_words_is_the_same_from_texts_and_from_counts(counts):
    batch = random_batch((5, 9, 3, 30))
    rows = torch.stack([text[text != PAD].bincount(minlength=VOCAB) for text in batch.targets]).float()
    encoder = model_with("encoder", "bow", counts=counts).encoder
    torch.testing.assert_close(encoder(Rows(rows, batch.index)), encoder(batch))


def test_a_bag_of_words_of_negative_numbers_is_refused():
    with pytest.raises(TextVAEError, match="Encoder bow reads counts"):
        model_with("encoder", "bow", "rows").encode(Rows(-torch.ones(2, VOCAB), torch.arange(2)))


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("extra", OUTPUTS, ids=str)
def test_decoder_ignores_pads_and_company(name, extra):
    model, batch = model_with("decoder", name, **extra), random_batch()
    z = torch.randn(3, 4, 4)
    log_px = model.decode(z, batch).log_prob(batch)
    assert log_px.shape == (3, 4)
    torch.testing.assert_close(model.decode(z, padded(batch, 5)).log_prob(padded(batch, 5)), log_px)
    for i in range(4):
        text = one(batch, i)
        torch.testing.assert_close(model.decode(z[:, i : i + 1], text).log_prob(text), log_px[:, i : i + 1])


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("extra", OUTPUTS, ids=str)
def test_decoder_steps_give_the_likelihood(name, extra):
    model, batch = model_with("decoder", name, **extra), random_batch()
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


@pytest.mark.parametrize("extra", VECTORS, ids=str)
def test_vector_decoder_ignores_company_and_gives_densities(extra):
    model, batch = model_with("decoder", "vector", "rows", **extra), random_rows()
    z = torch.randn(3, 4, 4)
    p = model.decoder(z, batch)
    log_px = p.log_prob(batch)
    assert log_px.shape == (3, 4)
    for i in range(4):
        row = batch.only(i)
        torch.testing.assert_close(model.decode(z[:, i : i + 1], row).log_prob(row), log_px[:, i : i + 1])
    assert p.mean.shape == p.sample().shape == (3, 4, VOCAB)
    drawn = torch.stack([p.sample() for _ in range(2000)]).mean(0)
    torch.testing.assert_close(drawn, p.mean, atol=0.12, rtol=0)


@pytest.mark.parametrize("extra", VECTORS, ids=str)
def test_vector_decoder_starts_at_the_columns_own_distribution(extra):
    decoder, rows = model_with("decoder", "vector", "rows", **extra).decoder, random_rows(500)
    torch.nn.init.zeros_(decoder.output.weight)
    mean, variance = rows.values.mean(0), rows.values.var(0)
    decoder.set_marginal(mean, variance)
    p = decoder(torch.randn(500, 4))
    torch.testing.assert_close(p.mean, mean.expand(500, -1))
    if "variance" in extra:
        wanted = variance.mean() if extra["variance"] == "shared" else variance
        torch.testing.assert_close(p.base.variance, wanted.expand(500, VOCAB), rtol=1e-3, atol=0)


@pytest.mark.parametrize("extra", VECTORS, ids=str)
def test_vector_decoder_reset_forgets_everything_but_the_columns_means(extra):
    decoder = model_with("decoder", "vector", "rows", **extra).decoder
    before = {n: t.clone() for n, t in decoder.named_parameters()}
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter)
    bias = decoder.output.bias.clone()
    decoder.reset()
    assert torch.equal(decoder.output.bias, bias)
    assert not torch.equal(decoder.output.weight, before["output.weight"])
    for name, parameter in decoder.named_parameters():
        if name.startswith("log_variance"):
            assert torch.equal(parameter, before[name])


@pytest.mark.parametrize("log_variance", [-1e6, 1e6])
def test_vector_decoder_keeps_its_variance_in_bounds(log_variance):
    decoder, rows = model_with("decoder", "vector", "rows").decoder, random_rows()
    torch.nn.init.constant_(decoder.log_variance.bias, log_variance)
    p = decoder(torch.randn(4, 4))
    assert p.base.stddev.log().abs().max() <= 6.01
    assert p.log_prob(rows).isfinite().all()


def test_bernoulli_of_numbers_outside_its_range_is_refused():
    model, rows = model_with("decoder", "vector", "rows", likelihood="bernoulli"), random_rows()
    with pytest.raises(TextVAEError, match=r"takes numbers in \[0, 1\]"):
        model(Rows(rows.values * 2, rows.index))


@pytest.mark.parametrize(
    ("encoder", "decoder", "sentence"),
    [
        (
            "precomputed",
            "lstm",
            "decoder lstm and encoder precomputed don't go together: lstm needs encoder bow, cnn",
        ),
        (
            "gru",
            "vector",
            "decoder vector and encoder gru don't go together: vector needs encoder bow, contextual",
        ),
    ],
)
def test_an_encoder_that_reads_what_the_decoder_does_not_score_is_refused(encoder, decoder, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        small_config(encoder=part_options("encoder", encoder), decoder=part_options("decoder", decoder))


def test_words_are_not_predicted_from_rows_that_have_none():
    with pytest.raises(TextVAEError, match="objective elbo and decoder vector don't go together"):
        small_rows_model(objective={"pretrain": 0.5, "pretrain_decoder": "bag_of_words"})
    small_rows_model(objective={"pretrain": 0.5})


@pytest.mark.parametrize(("kind", "name", "data"), EVERY)
def test_every_parameter_gets_a_finite_gradient(kind, name, data):
    model = model_with(kind, name, data).train()
    terms = model(random_batch((5, 9, 3, 6, 7, 4)) if data == "tokens" else random_rows(6))
    (terms.kl - terms.log_px[0]).mean().backward()
    for label, parameter in model.named_parameters():
        assert parameter.grad is not None, label
        assert torch.isfinite(parameter.grad).all(), label
        assert parameter.grad.abs().sum() > 0, label


@pytest.mark.parametrize(("kind", "name", "data"), EVERY)
def test_saved_weights_give_equal_encodings_and_likelihoods(kind, name, data, tmp_path):
    first, second = (model_with(kind, name, data) for _ in range(2))
    path = tmp_path / "weights.safetensors"
    write_tensors(path, tensors(first))
    load_tensors(second, read_tensors(path), path)
    batch = random_batch() if data == "tokens" else random_rows()
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
