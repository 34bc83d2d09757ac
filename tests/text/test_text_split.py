"""What is held out: seeded, no text on both sides, both sides filled, whatever the number of texts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.errors import TextVAEError
from textvae.text.corpus import Corpus
from textvae.text.split import HeldOut, split_texts


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=60).filter(lambda t: len(set(t)) > 1),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 20),
)
@pytest.mark.parametrize("most", [2, 20_000])
def test_no_text_is_on_both_sides_and_none_is_lost(most, texts, share, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textvae.text.split.MOST_HELD_OUT", most)
        train, held = split_texts(texts, share, seed)
    assert train
    assert held
    assert not set(train) & set(held)
    assert Counter(train + held) == Counter(texts)


def test_split_is_seeded_and_of_the_size_asked():
    texts = [f"text {i}" for i in range(1000)]
    one, same, other = (split_texts(texts, 0.1, seed)[1] for seed in (0, 0, 1))
    assert one == same != other
    assert len(one) == len(other) == 100
    # by chance alone: of the second choice a tenth is in the first
    assert len(set(one) & set(other)) < 25


def test_the_split_does_not_depend_on_the_order_or_on_chunks(monkeypatch):
    monkeypatch.setattr("textvae.text.split.MOST_HELD_OUT", 50)
    texts = [f"text {i % 900}" for i in range(2000)]
    held_out = HeldOut(0.1, seed=3)
    shuffled = [texts[i] for i in np.random.default_rng(0).permutation(2000)]
    sifted = [text for start in range(0, 2000, 7) for text in held_out.sift(shuffled[start : start + 7])]
    rest, held = held_out.settle()
    train, same = split_texts(texts, 0.1, 3)
    assert sorted(held) == sorted(same)
    assert Counter(sifted + rest) == Counter(train)


def test_order_is_kept_where_all_texts_are_candidates():
    texts = [f"text {i}" for i in range(100)]
    train, held = split_texts(texts, 0.2)
    assert (len(train), len(held)) == (80, 20)
    assert [text for text in texts if text in set(held)] == held
    assert [text for text in texts if text in set(train)] == train


def test_what_is_held_out_is_capped_and_so_is_what_is_remembered(monkeypatch):
    monkeypatch.setattr("textvae.text.split.MOST_HELD_OUT", 100)
    held_out = HeldOut(0.5, seed=0)
    waiting = [i + 1 - len(train) for i, train in enumerate(_growing(held_out, 5000))]
    assert max(waiting) == 100
    rest, held = held_out.settle()
    assert (len(rest), len(held)) == (0, 100)


def _growing(held_out: HeldOut, count: int):
    train: list[str] = []
    for i in range(count):
        train += held_out.sift([f"text {i}"])
        yield train


def test_a_text_repeated_most_of_the_time_goes_to_training():
    for seed in range(10):
        train, held = split_texts(["x"] * 90 + list("abcdefghij"), 0.05, seed)
        assert "x" in train
        assert len(held) == 5


@pytest.mark.parametrize(("texts", "why"), [([], "no text"), (["a"], "only one"), (["a", "a"], "only one")])
def test_too_few_texts_are_refused(texts, why):
    with pytest.raises(TextVAEError, match=why):
        split_texts(texts, 0.1)


def test_a_share_outside_its_range_is_refused():
    with pytest.raises(TextVAEError, match="between 0 and 1"):
        split_texts(["a", "b"], 1.0)


def test_select_and_label_lengths():
    corpus = Corpus(["a", "b", "c"], {"place": np.arange(3)}, "some")
    assert corpus.select([2, 0]).texts == ["c", "a"]
    assert corpus.select(np.array([True, False, True])).labels["place"].tolist() == [0, 2]
    assert len(corpus.select([])) == 0
    with pytest.raises(TextVAEError, match="has 2 values for 1 texts"):
        Corpus(["a"], {"x": np.arange(2)})
