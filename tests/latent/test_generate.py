import itertools
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from textvae.decoders.sequence import SequenceDecoder
from textvae.errors import TextVAEError
from textvae.latent import generate as generation
from textvae.latent.generate import draw
from textvae.text.batch import Dataset
from textvae.types import BOS, EOS, PAD, UNK

generate = partial(generation.generate, precision="fp32")  # the same on every machine

METHODS: list[dict[str, Any]] = [
    {"method": "greedy"},
    {"method": "sample"},
    {"method": "sample", "temperature": 0.7, "top_p": 0.9},
    {"method": "sample", "top_k": 4, "top_p": 0.8},
    {"method": "beam", "beam_size": 3},
    {"method": "beam", "beam_size": 3, "length_penalty": 1.0},
]


def lists(texts: list[np.ndarray]) -> list[list[int]]:
    return [text.tolist() for text in texts]


@torch.no_grad()
def log_p(decoder: SequenceDecoder, z: torch.Tensor, texts: list[list[int]]) -> np.ndarray:
    """log p(text|z) of whole texts, each with its row of z."""
    dataset = Dataset([np.array([BOS, *ids]) for ids in texts])
    batch = dataset.batch(range(len(texts)))
    return decoder.eval()(z, batch).log_prob(batch).numpy()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("options", METHODS, ids=str)
def test_a_text_depends_on_its_own_row_only(
    decoder: SequenceDecoder, z: torch.Tensor, options: dict, precision: str
):
    options = options | {"precision": precision}
    with torch.no_grad():
        decoder.output.bias[EOS] += 1.0  # so that texts end at different steps
    whole = generate(decoder, z, max_length=7, **options)
    assert len({len(text) for text in whole.ids}) > 1
    parts = generate(decoder, z, max_length=7, batch_size=4, **options)
    assert lists(parts.ids) == lists(whole.ids)
    np.testing.assert_allclose(parts.log_probs, whole.log_probs, atol=1e-4)
    first = generate(decoder, z[:3], max_length=7, **options)
    assert lists(first.ids) == lists(whole.ids[:3])


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_each_text_may_have_a_longest_length_of_its_own(
    decoder: SequenceDecoder, z: torch.Tensor, options: dict
):
    with torch.no_grad():
        decoder.output.bias[EOS] += 1.0
    longest = np.arange(len(z)) % 5 + 1
    own = generate(decoder, z, max_length=longest, batch_size=6, **options)
    for most in range(1, 6):
        rows = np.flatnonzero(longest == most)
        alike = generate(decoder, z, max_length=most, **options)
        assert lists([own.ids[i] for i in rows]) == lists([alike.ids[i] for i in rows])
        np.testing.assert_allclose(own.log_probs[rows], alike.log_probs[rows], atol=1e-4)
    with pytest.raises(TextVAEError, match="one for each"):
        generate(decoder, z, max_length=longest[1:], **options)


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_log_prob_is_that_of_the_text(decoder: SequenceDecoder, z: torch.Tensor, options: dict):
    texts, log_probs = generate(decoder, z, max_length=6, **options)
    assert any(len(text) == 6 for text in texts)
    assert all(text.dtype == np.int32 for text in texts)
    whole = [text.tolist() if len(text) == 6 else [*text.tolist(), EOS] for text in texts]
    np.testing.assert_allclose(log_probs, log_p(decoder, z, whole), atol=1e-4)


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_bf16_is_near_float32(decoder: SequenceDecoder, z: torch.Tensor, options: dict):
    texts, log_probs = generate(decoder, z, max_length=3, precision="bf16", **options)
    whole = [text.tolist() if len(text) == 3 else [*text.tolist(), EOS] for text in texts]
    difference = log_probs - log_p(decoder, z, whole)
    assert 0 < np.abs(difference).max() < 0.2
    assert abs(difference.mean()) < 0.05


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_specials_are_never_written(decoder: SequenceDecoder, z: torch.Tensor, options: dict):
    with torch.no_grad():
        decoder.output.bias[[PAD, BOS, UNK]] = 5.0  # even by a decoder that proposes them
    allowed = generate(decoder, z, max_length=8, **options).ids
    banned = generate(decoder, z, max_length=8, allow_unknown=False, **options).ids
    assert not {PAD, BOS, EOS} & set(np.concatenate(allowed).tolist())
    assert UNK in np.concatenate(allowed)
    assert not {PAD, BOS, EOS, UNK} & set(np.concatenate(banned).tolist())


def test_greedy_takes_the_likeliest_id(decoder: SequenceDecoder, z: torch.Tensor):
    text = generate(decoder, z, max_length=9).ids[3].tolist()
    decoder.eval()
    state, token = decoder.start(z[3:4]), BOS
    for following in [*text, EOS][:9]:
        scores, state = decoder.step(torch.tensor([token]), state)
        assert int(scores.argmax()) == following
        token = following


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_beam_of_one_is_greedy(decoder: SequenceDecoder, z: torch.Tensor, penalty: float):
    greedy = generate(decoder, z, max_length=9)
    beam = generate(decoder, z, method="beam", beam_size=1, length_penalty=penalty, max_length=9)
    assert lists(beam.ids) == lists(greedy.ids)
    np.testing.assert_allclose(beam.log_probs, greedy.log_probs, atol=1e-4)


def test_a_wide_beam_finds_the_likeliest_text(decoder: SequenceDecoder, z: torch.Tensor):
    words = range(UNK, decoder.vocab_size)
    every = [[*text, EOS] for n in range(4) for text in itertools.product(words, repeat=n)]
    every += map(list, itertools.product(words, repeat=4))
    texts, log_probs = generate(decoder, z[:5], method="beam", beam_size=300, max_length=4)
    for latent, text, score in zip(z, texts, log_probs, strict=False):
        scores = log_p(decoder, latent.expand(len(every), -1), every)
        assert text.tolist() == [i for i in every[scores.argmax()] if i != EOS]
        assert score == pytest.approx(scores.max(), abs=1e-4)
    assert len({len(text) for text in texts}) > 1


def test_a_beam_finds_texts_at_least_as_probable_as_greedy(decoder: SequenceDecoder, z: torch.Tensor):
    greedy = generate(decoder, z, max_length=9)
    beam = generate(decoder, z, method="beam", beam_size=8, max_length=9)
    assert (beam.log_probs >= greedy.log_probs - 1e-4).all()
    assert beam.log_probs.mean() > greedy.log_probs.mean()


@pytest.mark.parametrize("decoder", ["gru"], indirect=True)
def test_a_length_penalty_favours_longer_texts(decoder: SequenceDecoder, z: torch.Tensor):
    short = generate(decoder, z, method="beam", max_length=9).ids
    long = generate(decoder, z, method="beam", length_penalty=2.0, max_length=9).ids
    assert sum(map(len, long)) > sum(map(len, short))


@pytest.mark.parametrize("decoder", ["gru"], indirect=True)
def test_sampled_texts_have_the_models_probabilities(decoder: SequenceDecoder, z: torch.Tensor):
    draws = 4000
    texts = generate(decoder, z[:1].expand(draws, -1), method="sample", max_length=2, batch_size=draws).ids
    words = range(UNK, decoder.vocab_size)
    support = [(), *((a,) for a in words), *itertools.product(words, words)]
    whole = [[*ids, EOS] if len(ids) < 2 else list(ids) for ids in support]
    expected = np.exp(log_p(decoder, z[:1].expand(len(whole), -1), whole).astype(float))
    assert expected.sum() == pytest.approx(1, abs=1e-3)  # pads and start symbols have the rest
    counts = {ids: 0 for ids in support}
    for text in texts:
        counts[tuple(text.tolist())] += 1
    often = expected * draws > 5
    observed = np.array(list(counts.values()))
    binned = np.append(observed[often], observed[~often].sum())
    wanted = np.append(expected[often], expected[~often].sum()) / expected.sum() * draws
    assert stats.chisquare(binned, wanted).pvalue > 1e-3


@pytest.mark.parametrize("decoder", ["gru"], indirect=True)
def test_the_seed_decides(decoder: SequenceDecoder, z: torch.Tensor):
    one, again, other = (
        generate(decoder, z, method="sample", seed=seed, max_length=9).ids for seed in (1, 1, 2)
    )
    assert lists(one) == lists(again) != lists(other)
    # equal latents in different rows differ
    same = generate(decoder, z[:1].expand(9, -1), method="sample", max_length=9).ids
    assert len({str(text) for text in lists(same)}) > 1


@pytest.mark.parametrize("decoder", ["gru"], indirect=True)
def test_a_cold_sample_is_greedy(decoder: SequenceDecoder, z: torch.Tensor):
    greedy = generate(decoder, z, max_length=9).ids
    cold: list[dict[str, Any]] = [{"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}]
    for options in cold:
        assert lists(generate(decoder, z, method="sample", max_length=9, **options).ids) == lists(greedy)


@pytest.mark.parametrize("decoder", ["gru"], indirect=True)
def test_modes_are_restored_and_nothing_is_learnt(decoder: SequenceDecoder, z: torch.Tensor):
    decoder.train()
    decoder.dropout.eval()
    generate(decoder, z.numpy(), max_length=3)
    assert decoder.training
    assert not decoder.dropout.training


@pytest.mark.parametrize("decoder", ["gru"], indirect=True)
def test_no_latents_no_texts(decoder: SequenceDecoder):
    texts, log_probs = generate(decoder, np.empty((0, 3)))
    assert texts == []
    assert log_probs.shape == (0,)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "best"},
        {"temperature": 0},
        {"top_p": 0},
        {"top_k": 0},
        {"beam_size": 0},
        {"length_penalty": -1},
        {"max_length": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("decoder", ["gru"], indirect=True)
def test_wrong_options_are_refused(decoder: SequenceDecoder, z: torch.Tensor, options: dict):
    with pytest.raises(TextVAEError):
        generate(decoder, z, **options)


P = torch.tensor([0.0, 0.4, 0.05, 0.3, 0.0, 0.15, 0.1, 0.0])


def frequencies(**options: Any) -> np.ndarray:
    uniform = (torch.arange(10_000) + 0.5) / 10_000
    drawn = draw(P.log().expand(10_000, -1), uniform, **options)
    return np.bincount(drawn.numpy(), minlength=len(P)) / 10_000


def test_draw_inverts_the_cdf():
    np.testing.assert_allclose(frequencies(), P, atol=2e-4)


def test_draw_inverts_the_cdf_of_many_ids():
    scores = torch.randn(1, 1000) * 3
    uniform = torch.rand(5000, dtype=torch.float64)
    cdf = scores[0].double().softmax(0).cumsum(0)
    expected = torch.searchsorted(cdf, (1 - uniform) * cdf[-1])
    assert torch.equal(draw(scores.expand(5000, -1), uniform), expected)


@pytest.mark.parametrize("possible", [[1], [3, 5], [127], [128], [0, 299], [130, 131, 255, 256]])
def test_draw_never_leaves_the_support(possible: list[int]):
    scores = torch.full((300,), -torch.inf)
    scores[possible] = torch.randn(len(possible))
    uniform = torch.tensor([0.0, 0.5, 1 - 2.0**-53], dtype=torch.float64)
    assert set(draw(scores.expand(3, -1), uniform).tolist()) <= set(possible)


@pytest.mark.parametrize(
    ("options", "support"),
    [
        ({"top_p": 0.3}, [1]),
        ({"top_p": 0.5}, [1, 3]),
        ({"top_p": 0.8}, [1, 3, 5]),
        ({"top_k": 2}, [1, 3]),
        ({"top_k": 3, "top_p": 0.8}, [1, 3]),  # of the three, two have 0.82
        ({"top_k": 99}, [1, 2, 3, 5, 6]),
    ],
    ids=str,
)
def test_truncation_restricts_the_support(options: dict, support: list[int]):
    kept = np.zeros(len(P))
    kept[support] = P[support]
    np.testing.assert_allclose(frequencies(**options), kept / kept.sum(), atol=2e-4)
