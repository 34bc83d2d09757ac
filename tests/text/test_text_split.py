"""Splits: seeded, no text on both sides, both sides filled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.errors import TextVAEError
from textvae.text.corpus import Corpus
from textvae.text.split import MOST_VALIDATION_TEXTS, split_corpus


def corpus_of(texts: list[str]) -> Corpus:
    return Corpus(texts, {"place": np.arange(len(texts))}, "some")


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=60).filter(lambda t: len(set(t)) > 1),
    share=st.floats(0.01, 0.9),
    seed=st.integers(0, 20),
)
def test_no_text_is_on_both_sides_and_none_is_lost(texts, share, seed):
    train, validation = split_corpus(corpus_of(texts), share, seed)
    assert train.texts
    assert validation.texts
    assert not set(train.texts) & set(validation.texts)
    places = [*train.labels["place"], *validation.labels["place"]]
    assert sorted(places) == list(range(len(texts)))
    for side in (train, validation):
        assert [texts[i] for i in side.labels["place"]] == side.texts
        assert (np.diff(side.labels["place"]) > 0).all()


def test_split_is_seeded_and_of_the_size_asked():
    corpus = corpus_of([f"text {i}" for i in range(1000)])
    one, same, other = (split_corpus(corpus, 0.1, seed)[1].texts for seed in (0, 0, 1))
    assert one == same != other
    assert len(one) == len(other) == 100


def test_validation_is_capped():
    _, validation = split_corpus(corpus_of(list(map(str, range(20_000)))), 0.5)
    assert len(validation) == MOST_VALIDATION_TEXTS


def test_a_text_repeated_most_of_the_time_goes_to_training():
    for seed in range(10):
        train, validation = split_corpus(corpus_of(["x"] * 90 + list("abcdefghij")), 0.05, seed)
        assert "x" in train.texts
        assert len(validation) == 5


@pytest.mark.parametrize(("texts", "why"), [([], "no text"), (["a"], "only one"), (["a", "a"], "only one")])
def test_too_few_texts_are_refused(texts, why):
    with pytest.raises(TextVAEError, match=why):
        split_corpus(corpus_of(texts))


def test_a_share_outside_its_range_is_refused():
    with pytest.raises(TextVAEError, match="between 0 and 1"):
        split_corpus(corpus_of(["a", "b"]), 1.0)


def test_select_and_label_lengths():
    corpus = corpus_of(["a", "b", "c"])
    assert corpus.select([2, 0]).texts == ["c", "a"]
    assert corpus.select(np.array([True, False, True])).labels["place"].tolist() == [0, 2]
    assert len(corpus.select([])) == 0
    with pytest.raises(TextVAEError, match="has 2 values for 1 texts"):
        Corpus(["a"], {"x": np.arange(2)})
