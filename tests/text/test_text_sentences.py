"""Sentences: where texts are cut, and that nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.text.sentences import split_into_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith paid $3.50 for it.", 'He said "Wow!" and left.', '"Really?" she asked.', "I do."],
        ["他来了。", "你呢？", "好！", "“走吧。”", "他说……"],
        ["It was 5 p.m.", "We left for the U.S. in May.", "See e.g. Fig. 3.", "OK"],
        ["Wait... what?", "No...", "Yes!!!", "Fine :) ok.", "3.5 is it"],
        ["1. First item.", "2. Second one.", "J. S. Bach etc. are good."],
        ["我用Python。", "It works."],
    ],
)
def test_sentences(sentences):
    space = "" if sentences[0] == "他来了。" else " "
    assert split_into_sentences(space.join(sentences)) == sentences


@given(text=st.text('aB1. !?。！”"…\n', max_size=40))
def test_nothing_is_lost(text):
    assert "".join("".join(split_into_sentences(text)).split()) == "".join(text.split())
