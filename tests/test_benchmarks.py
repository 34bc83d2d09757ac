"""The benchmark: that both sides have the same model, and that it counts what it says it counts."""

import json
import sys
from collections.abc import Iterator

import model_cases
import numpy as np
import process_cases
import pytest
import speed
import topic_cases
import torch
from classifiers import Classifier, Labelled, Tuning
from contest import Result, Timing, interleave
from flops import flops
from quality import reference_nll
from reference import ReferenceVAE, Sizes
from texts import Texts, zipf
from torch.utils.flop_counter import FlopCounterMode
from training import Shuffled, configuration, new_model, of_one_length, shuffled, train_textvae

from textvae.latent.generate import generate
from textvae.matrix import RowsDataset
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import VAE, build
from textvae.text.grammar import grammar_corpus
from textvae.types import EOS, Batch

SIZES = Sizes(vocab=34, embedding=12, hidden=12, latent=3)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def texts() -> Texts:
    return zipf(SIZES.vocab - 4, texts=400)


@pytest.fixture
def models(texts) -> tuple[ReferenceVAE, VAE]:
    """The same weights on both sides, wide enough to matter; no dropout."""
    model = new_model(configuration(SIZES, dropout=0.0), texts)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    reference = ReferenceVAE(SIZES, dropout=0.0)
    reference.copy_weights(model)
    return reference, model


def test_both_sides_have_the_same_loss_and_gradients(models, texts):
    reference, model = models
    batch = texts.train.batch(range(8))
    assert len(set(batch.lengths.tolist())) > 1  # some texts are padded
    terms = model(batch, noise=False)
    mean, _ = reference.encode(batch)
    error = reference.reconstruction_error(batch, mean[:, None])[:, 0]
    _, _, kl = reference.loss(batch)
    torch.testing.assert_close(error, -terms.log_px[0], atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(kl, terms.kl, atol=1e-4, rtol=1e-5)

    (error + kl).mean().backward()
    (terms.kl - terms.log_px[0]).mean().backward()
    ours, theirs = model.get_parameter, reference.get_parameter
    for name, same in [
        ("encoder.embedding.weight", "encoder_embedding.weight"),
        ("encoder.rnn.weight_hh_l0", "encoder_rnn.weight_hh_l0"),
        ("decoder.first_state.weight", "first_state.weight"),
        ("decoder.rnn.weight_ih_l0", "decoder_rnn.weight_ih_l0"),
        ("decoder.output.bias", "output.bias"),
    ]:
        torch.testing.assert_close(theirs(same).grad, ours(name).grad, atol=1e-4, rtol=1e-4, msg=name)
    # the one difference: the decoder's two matrices are tied here and not there
    untied = theirs("decoder_embedding.weight").grad + theirs("output.weight").grad  # pyright: ignore
    torch.testing.assert_close(untied, ours("decoder.embedding.weight").grad, atol=1e-4, rtol=1e-4)


def test_both_sides_estimate_the_same_likelihood_from_the_same_noise(models, texts):
    reference, model = models
    found = evaluate_likelihood(model, texts.validation, iw_samples=7, precision="fp32")
    np.testing.assert_allclose(reference_nll(reference, texts.validation, 7), found.iw_nll, rtol=1e-5)


def test_samples_at_once_do_not_change_the_reference_s_likelihood(models, texts):
    reference, _ = models
    batch, noise = texts.train.batch(range(4)), torch.randn(10, 4, SIZES.latent)
    parts = reference.iw_nll(batch, 10, at_once=3, noise=noise)
    torch.testing.assert_close(parts, reference.iw_nll(batch, 10, noise=noise))


def test_both_sides_write_the_same_texts_where_the_likeliest_word_is_all_but_certain(models):
    reference, model = models
    z = torch.randn(20, SIZES.latent)
    greedy = [ids.tolist() for ids in generate(model.decoder, z, max_length=12, precision="fp32").ids]
    with torch.no_grad():
        reference.output.weight.mul_(1e4)
        reference.output.bias.mul_(1e4)
    written = reference.sample(z, 12)
    until_end = [row[: row.index(EOS)] if EOS in row else row for row in written.tolist()]
    assert until_end == greedy
    assert len(set(map(tuple, greedy))) > 5
    assert model_cases.count_tokens(written) == sum(min(len(ids) + 1, 12) for ids in greedy)


@pytest.fixture
def no_onednn() -> Iterator[None]:
    """In oneDNN an LSTM is one operation; outside of it torch sees every product."""
    torch.backends.mkldnn.set_flags(False)
    yield
    torch.backends.mkldnn.set_flags(True)


@pytest.mark.usefixtures("no_onednn")
def test_operations_are_those_that_torch_counts():
    reference, length = ReferenceVAE(SIZES), 30
    tokens = torch.randint(4, SIZES.vocab, (5, length + 1))
    batch = Batch(tokens, torch.arange(5))
    with FlopCounterMode(display=False) as forward:
        loss, _, _ = reference.loss(batch)
    with FlopCounterMode(display=False) as backward:
        loss.mean().backward()
    once_a_text = 2 * 5 * (SIZES.hidden * 2 * SIZES.latent + SIZES.latent * 2 * SIZES.hidden)
    counted = flops(SIZES)
    assert forward.get_total_flops() == 5 * length * sum(counted) + once_a_text
    total = forward.get_total_flops() + backward.get_total_flops()
    assert total == pytest.approx(5 * length * counted.training, rel=0.02)


def test_the_stopwatch_counts_the_tokens_of_its_steps(texts):
    config = configuration(SIZES, steps=9, batch_tokens=200)
    timing, outcome = train_textvae(new_model(config, texts), config, texts, CPU, order=Shuffled, warm=4)
    lengths = texts.train.lengths
    assert outcome.step == 9
    assert timing.amount == sum(lengths[batch].sum() for batch in shuffled(lengths, 0)[4:9])
    assert 0 < timing.seconds < outcome.seconds


@pytest.mark.parametrize("order", [shuffled, of_one_length])
def test_each_epoch_has_every_text_once_in_batches_of_32(order):
    lengths = np.random.default_rng(0).integers(2, 6, 300)
    batches = order(lengths, 1)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert max(map(len, batches)) == 32
    assert any((a != b).any() for a, b in zip(batches, order(lengths, 2), strict=True) if len(a) == len(b))
    if order is of_one_length:
        assert all(len(set(lengths[batch])) == 1 for batch in batches)


def test_contestants_take_turns_and_the_first_round_does_not_count():
    turns = []

    def contestant(name: str, rate: float):
        def run() -> Timing:
            turns.append(name)
            return Timing(rate * len(turns), 2.0)

        return run

    figures = interleave({"a": contestant("a", 1.0), "b": contestant("b", 3.0)}, rounds=2)
    assert turns == ["a", "b"] * 3
    assert figures == {"a": [1.5, 2.5], "b": [6.0, 9.0]}
    assert Result("case", "unit", figures).ratios == {"b": [4.0, 3.6]}


def test_a_run_of_all_model_cases_fills_the_report(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(model_cases, "Sizes", lambda vocab: SIZES._replace(vocab=vocab))
    monkeypatch.setattr(model_cases, "_TRAINED", 5)
    (tmp_path / "texts.txt").write_text("\n".join(grammar_corpus(300).texts))
    cases = ["train", "likelihood", "encode", "sample"]
    files = ["--data", str(tmp_path / "texts.txt"), "--json", str(tmp_path / "speed.json")]
    options = ["--cases", ",".join([*cases, "quality"]), "--scale", ".1", "--rounds", "2", "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", ["speed.py", *files, *options, "--device", "cpu"])
    speed.main()
    report = json.loads((tmp_path / "speed.json").read_text())
    *by_turns, nll, seconds = report["results"]
    assert [result["case"] for result in by_turns] == cases
    for result in by_turns:
        assert all(len(rates) == 2 and min(rates) > 0 for rates in result["figures"].values())
        assert set(result["utilisation"]) == set(result["figures"])
    assert set(nll["figures"]) == set(seconds["figures"])
    assert all(0 < figure < 200 for (figure,) in nll["figures"].values())
    assert report["peaks"]["fp32"] > 1e8
    assert "× the first" in capsys.readouterr().out


def test_both_topic_models_have_the_same_loss():
    """With one's weights in the other, without noise and dropout: what is timed is the same work."""
    config = topic_cases.prodlda(1)
    torch.manual_seed(0)
    model, reference = build(config, topic_cases.VOCAB).eval(), topic_cases.PlainProdLDA().eval()
    reference.copy_weights(model)
    counts = topic_cases.documents(20)
    rows = RowsDataset(counts).batch(np.arange(20))
    terms = model(rows, noise=False)
    found = reference(torch.from_numpy(counts.toarray()), noise=False)
    torch.testing.assert_close(found, terms.kl - terms.log_px[0])
    assert terms.kl.mean() > 0.1


def test_loading_is_timed_and_its_memory_taken(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"line number {i}\n" for i in range(50)))
    found = process_cases.loaded(str(path))
    assert found["lines"] == found["encoded"] == 50
    assert found["peak"] >= found["start"] > 1e6
    assert found["seconds"] > 0
    assert found["encoding_seconds"] > 0


def test_the_classifiers_learn_what_labelled_texts_say():
    corpus = grammar_corpus(400)
    labelled = Labelled(corpus.texts, (corpus.labels["tense"] == "past").astype(int))
    train, held = labelled.first(200), labelled.at(np.arange(200, 400))
    for encoder in ("cnn", "lstm"):
        classifier = Classifier(encoder, train, held.first(50), Tuning(4e-3, 0.3), seed=0, epochs=4)
        assert classifier.accuracy(held) > 0.8
        again = Classifier(encoder, train, held.first(50), Tuning(4e-3, 0.3), seed=0, epochs=4)
        np.testing.assert_array_equal(again.positive(held.texts), classifier.positive(held.texts))
