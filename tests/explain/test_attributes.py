"""What is read off texts."""

import numpy as np
import pytest

from textvae.explain.attributes import attributes_of

_PAIRS = {
    "tense": [
        ("The prices rose and he was glad.", "past"),
        ("He looked at it", "past"),
        ("She is here", "present"),
        ("it 's fine", "present"),
        ("We'll see", "future"),
        ("菜上得很慢，等了一个小时", "past"),
        ("Nice!", "none"),
    ],
    "negation": [("It was n't bad", "yes"), ("I don’t know", "yes"), ("a knot", "no"), ("不好吃", "yes")],
    "person": [
        ("My food is cold", "I"),
        ("they told us", "they"),
        ("我们都喜欢", "we"),
        ("他们来了", "they"),
        ("Cold", "none"),
    ],
    "sentiment words": [
        ("good food, bad staff", "neutral"),
        ("the worst", "negative"),
        ("好棒", "positive"),
    ],
    "question": [("why?", "yes"), ("为什么？", "yes"), ("so.", "no")],
    "first word": [("Food was", "food"), ("外卖很快", "外"), ("“Well”", "“")],
}


@pytest.mark.parametrize("name", _PAIRS)
def test_what_is_read_off_a_text(name):
    texts = [text for text, _ in _PAIRS[name]] * 20
    found = {a.name: a for a in attributes_of(texts, np.full(len(texts), 5))}[name]
    read = [found.values[code] for code in found.codes]
    assert read == [value for _, value in _PAIRS[name]] * 20


def test_labels_come_first_and_take_the_place_of_ours():
    texts = ["it is", "it was"] * 20
    found = attributes_of(texts, np.arange(40), {"tense": np.array(["a", "b"] * 20), "same": np.ones(40)})
    assert [(a.name, a.is_label) for a in found][:2] == [("tense", True), ("length", False)]
    assert "same" not in [a.name for a in found]


def test_numbers_are_binned_and_rare_names_put_together():
    texts = [f"w{i}" for i in range(300)]
    found = {a.name: a for a in attributes_of(texts, np.arange(300) % 60)}
    assert found["length"].values[0] == "0–9"
    assert len(np.bincount(found["length"].codes)) == 6
    assert found["first word"].values[-1] == "other"
    assert len(found["first word"].values) == 21
