"""Rewriting: what the decoder keeps of a source, and how candidates are judged."""

from typing import Any

import numpy as np
import pytest
import torch

from textvae.latent.directions import learn_directions
from textvae.latent.edit import Keeping, edit, overlap
from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.text.batch import Dataset
from textvae.types import BOS, EOS

SOURCES = [[4, 5, 6], [8, 7], [5, 4, 3, 7], []]


def texts() -> list[np.ndarray]:
    return [np.array(words, np.int32) for words in SOURCES]


def dataset() -> Dataset:
    return Dataset([np.array([BOS, *words, EOS], np.int32) for words in SOURCES])


def keeping(decoder, keep: float, releases: int = 0) -> Keeping:
    """Each source without its first ``releases`` words."""
    targets = dataset().batch(range(4)).targets
    kept = (torch.arange(targets.shape[1]) >= releases) & (targets > EOS) | (targets == EOS)
    return Keeping(decoder, targets, kept, torch.full((4,), keep))


def written(decoder: Any, z, **options) -> list[list[int]]:
    rows = np.column_stack([z, np.arange(len(z))]) if hasattr(decoder, "sources") else z
    return [ids.tolist() for ids in generate(decoder, rows, max_length=8, **options).ids]


@pytest.mark.parametrize("options", [{}, {"method": "beam", "beam_size": 3}, {"method": "sample"}])
def test_keeping_nothing_is_the_decoder_itself(decoder, z, options):
    assert written(keeping(decoder, 0.0), z[:4], **options) == written(decoder, z[:4], **options)


@pytest.mark.parametrize("options", [{}, {"method": "beam", "beam_size": 3}])
def test_keeping_everything_writes_the_source(decoder, z, options):
    assert written(keeping(decoder, 1e3), z[:4], **options) == SOURCES
    without_first = [words[1:] for words in SOURCES]
    assert written(keeping(decoder, 1e3, releases=1), z[:4], **options) == without_first


def test_the_next_kept_word_is_raised_until_it_is_written(decoder, z):
    decode = keeping(decoder.eval(), 2.0, releases=1)
    state = decode.start(torch.cat([z[:1], torch.zeros(1, 1)], 1))
    plain = decoder.start(z[:1])
    for token, raised in [(BOS, 5), (7, 5), (6, 5), (5, 6), (5, 6), (6, EOS)]:  # of 4, 5, 6, the 4 released
        expected, plain = decoder.step(torch.tensor([token]), plain)
        scores, state = decode.step(torch.tensor([token]), state)
        expected[0, raised] += 2.0
        torch.testing.assert_close(scores, expected)


def direction(model):
    rng = np.random.default_rng(0)
    ids = [np.array([BOS, *rng.integers(3, 9, rng.integers(1, 6)), EOS], np.int32) for _ in range(60)]
    z = encode(model, Dataset(ids)).mode
    return learn_directions(z, z[:, 0] > np.median(z[:, 0]))[1]


def test_candidates_are_sorted_differ_and_say_what_they_are(model):
    found = edit(model, dataset(), direction(model), max_length=8)
    for source, row in zip(texts(), found, strict=True):
        assert len({c.ids.tobytes() for c in row}) == len(row) > 0
        assert [c.score for c in row] == sorted((c.score for c in row), reverse=True)
        for c in row:
            assert c.score == pytest.approx(c.reach * c.content * c.fluency)
            assert c.content == overlap(c.ids, source)
            assert 0 <= min(c.reach, c.content, c.fluency) <= max(c.reach, c.content, c.fluency) <= 1


def test_reach_is_the_probe_on_what_was_written(model):
    towards = direction(model)
    best = [row[0] for row in edit(model, dataset(), towards, max_length=8)]
    again = encode(model, Dataset([np.array([BOS, *c.ids, EOS], np.int32) for c in best])).mode
    np.testing.assert_allclose([c.reach for c in best], towards.probability(again), atol=1e-5)


@pytest.mark.parametrize("back", [False, True])
def test_an_edit_does_not_depend_on_the_texts_beside_it(model, back):
    towards = direction(model)
    towards = towards.opposite("back") if back else towards
    together = edit(model, dataset(), towards, max_length=8)
    for i, row in enumerate(together):
        (alone,) = edit(model, dataset().subset([i]), towards, max_length=8)
        assert [c.ids.tolist() for c in alone] == [c.ids.tolist() for c in row]
        np.testing.assert_allclose([c.score for c in alone], [c.score for c in row], rtol=1e-4)


def test_overlap_counts_words_and_pairs_of_them():
    a, b = np.array([4, 5, 6]), np.array([4, 5, 7])
    # words: 2 of 3 on both sides; pairs with the ends: (<s> 4), (4 5) of 4
    assert overlap(a, b) == overlap(b, a) == pytest.approx((2 / 3 + 2 / 4) / 2)
    assert overlap(a, a) == 1
    assert overlap(a, np.array([8])) == 0
