"""What each decoder promises beyond its family's promises."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from models import VOCAB, part_options, random_batch, small_config, small_model
from textvae.decoders.adaptive import AdaptiveSoftmax, class_sizes
from textvae.model import build, build_objective, evaluating
from textvae.text.batch import Dataset
from textvae.text.grammar import grammar_corpus
from textvae.text.tokenize import Tokenizer
from textvae.train.loop import Trainer
from textvae.train.tracking import Silent
from textvae.types import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

SMALL_CNN = {"name": "cnn", "embedding": 16, "hidden": 16, "filters": 8, "kernel": 2, "dilations": [1, 2]}


@torch.no_grad()
def step_by_step(decoder, z, inputs):
    """Log p of the token after each input, (B, T, V)."""
    state, rows = decoder.start(z), []
    for t in range(inputs.shape[1]):
        log_probs, state = decoder.step(inputs[:, t], state)
        rows.append(log_probs)
    return torch.stack(rows, 1)


def test_a_convolution_sees_just_so_far_back():
    decoder = small_model(decoder=SMALL_CNN).eval().decoder
    z, inputs = torch.randn(1, 4), torch.full((1, 12), UNK)
    usual = step_by_step(decoder, z, inputs)[0]
    inputs[0, 3] = UNK + 1
    changed = (step_by_step(decoder, z, inputs)[0] != usual).any(1)
    assert changed.nonzero()[:, 0].tolist() == [3, 4, 5, 6]  # 1 + (2 - 1)·(1 + 2) inputs, its own included


def test_a_convolutions_steps_give_the_likelihood_of_texts_longer_than_it_sees():
    model, batch = small_model(decoder=SMALL_CNN).eval(), random_batch((13, 11))
    z = torch.randn(2, 4)
    log_probs = step_by_step(model.decoder, z, batch.inputs).gather(2, batch.targets[..., None])[..., 0]
    expected = (log_probs * batch.mask).sum(1)
    torch.testing.assert_close(model.decode(z, batch).log_prob(batch), expected)


def nonautoregressive(vocab_size: int):
    config = small_config(decoder={"name": "nonautoregressive", "width": 16, "heads": 2, "layers": 1})
    model = build(config, vocab_size).eval()
    nn.init.normal_(model.decoder.embedding.weight)
    return model


def test_words_without_one_another_still_make_a_distribution_over_texts():
    model, longest = nonautoregressive(vocab_size=6), 4
    words = [i for i in range(6) if i not in (PAD, BOS, EOS)]
    texts = [text for n in range(longest) for text in itertools.product(words, repeat=n)]
    batch = Dataset([np.array([BOS, *text, EOS]) for text in texts]).batch(range(len(texts)))
    z = torch.randn(4)
    with torch.no_grad():
        total = model.decode(z.expand(len(texts), 4), batch).log_prob(batch).exp().sum()
    ends = step_by_step(model.decoder, z[None], torch.full((1, longest), BOS))[0, :, EOS].exp()
    assert 0.2 < total < 0.999
    torch.testing.assert_close(total, 1 - (1 - ends).prod())


def test_words_know_of_one_another_by_z_alone():
    decoder = nonautoregressive(VOCAB).decoder
    z = torch.randn(3, 4)
    ours, others = (step_by_step(decoder, z, torch.randint(UNK, VOCAB, (3, 5))) for _ in range(2))
    assert torch.equal(ours, others)
    assert not torch.allclose(ours[0], ours[1], atol=0.1)  # but each z has its own
    assert not torch.allclose(ours[:, 0], ours[:, 1], atol=0.1)  # and each place


@pytest.mark.parametrize("vocab_size", [5, 6, 30, 1000, 10_002, 50_000])
def test_classes_hold_every_id_once_and_the_head_the_special_ones(vocab_size):
    head, *classes = class_sizes(vocab_size)
    assert head >= len(SPECIAL_TOKENS)
    assert head + sum(classes) == vocab_size
    assert min(classes) > 0


def adaptive(rarest: int = VOCAB - 1) -> tuple[AdaptiveSoftmax, torch.Tensor, torch.Tensor]:
    layer = AdaptiveSoftmax(8, VOCAB)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.classes.bias)
    return layer, torch.randn(200, 8, requires_grad=True), torch.randint(EOS, rarest + 1, (200,))


@pytest.mark.parametrize("rarest", [UNK, VOCAB // 3, VOCAB - 1])  # of the head, of each class
def test_an_adaptive_softmax_gives_probabilities_and_their_likelihood(rarest):
    layer, hidden, target = adaptive(rarest)
    nn.init.normal_(layer.bias[EOS:])
    log_probs = layer.log_probs(hidden)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(200))
    assert log_probs[:, [PAD, BOS]].exp().max() == 0
    expected = -log_probs.gather(1, target[:, None])[:, 0]
    weight = torch.rand(200)
    nll = layer.nll(hidden, target)
    torch.testing.assert_close(nll, expected)
    inputs = [hidden, *layer.parameters()]
    wanted = torch.autograd.grad((expected * weight).sum(), inputs)
    for got, gradient in zip(torch.autograd.grad((nll * weight).sum(), inputs), wanted, strict=True):
        torch.testing.assert_close(got, gradient, atol=1e-4, rtol=1e-4)


def test_an_adaptive_softmax_is_that_of_torch():
    layer, hidden, target = adaptive()
    head, *classes = layer.sizes
    cutoffs = torch.tensor(layer.sizes).cumsum(0)[:-1].tolist()
    theirs = nn.AdaptiveLogSoftmaxWithLoss(8, VOCAB, cutoffs, div_value=1.0, head_bias=True)
    with torch.no_grad():
        theirs.head.weight.copy_(torch.cat([layer.weight[:head], layer.classes.weight]))
        theirs.head.bias.copy_(torch.cat([layer.bias[:head], layer.classes.bias]))
        for (narrow, wide), weight in zip(theirs.tail, layer.weight[head:].split(classes), strict=True):  # pyright: ignore
            nn.init.eye_(narrow.weight)
            wide.weight.copy_(weight)
    torch.testing.assert_close(layer.nll(hidden, target), -theirs(hidden, target).output)
    torch.testing.assert_close(layer.log_probs(hidden), theirs.log_prob(hidden))


def test_an_adaptive_softmax_starts_at_the_word_frequencies():
    layer, counts = AdaptiveSoftmax(8, VOCAB), torch.randint(0, 50, (VOCAB,))
    layer.set_unigram_bias(counts)
    expected = (counts + 1.0)[EOS:] / (counts + 1.0).sum()
    started = layer.log_probs(torch.zeros(1, 8))[0, EOS:].exp()
    torch.testing.assert_close(started, expected / expected.sum())


def test_every_parameter_of_an_adaptive_softmax_gets_a_gradient():
    model = small_model(decoder={"name": "lstm", "embedding": 16, "hidden": 16, "output": "adaptive"})
    batch = random_batch((20, 20, 20))
    model(batch).log_px.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.decoder.output.parameters())


@pytest.fixture(scope="module")
def grammar() -> tuple[Tokenizer, Dataset, Dataset]:
    texts = grammar_corpus(1200).texts
    tokenizer = Tokenizer.train(texts[:1000])
    return tokenizer, Dataset(tokenizer.encode(texts[:1000])), Dataset(tokenizer.encode(texts[1000:]))


# decoder, output layer, and the share of a unigram model's NLL below which the -ELBO has to come
LEARNERS = [
    *((name, "full", 0.65) for name in ("cnn", "gru", "lstm", "transformer")),
    ("lstm", "adaptive", 0.65),
    ("nonautoregressive", "full", 0.85),
]


@pytest.mark.parametrize(("name", "output", "share"), LEARNERS)
def test_a_decoder_learns_a_grammar(grammar, name, output, share):
    tokenizer, train, test = grammar
    config = small_config(
        encoder={"name": "bow", "hidden": 32},
        decoder=part_options("decoder", name) | {"output": output},
        train={"steps": 100, "batch_tokens": 500, "lr": 1e-2, "validations": 1},
    )
    frequencies = torch.as_tensor(tokenizer.frequencies)
    model = build(config, tokenizer.vocab_size, frequencies)
    objective = build_objective(config, tokenizer.vocab_size)
    Trainer(model, objective, train, test, config.train, folder=None, watcher=Silent(), device="cpu").run()
    unigram = ((frequencies + 1.0) / (frequencies + 1.0).sum()).log()
    batch = test.batch(range(len(test)))
    with evaluating(model):
        terms = model(batch)
    assert (terms.kl - terms.log_px[0]).sum() < share * -unigram[batch.targets[batch.mask]].sum()
