"""Names composed of what was found."""

import pytest

from textvae.explain.naming import UNEXPLAINED, compose


def _attribute(name, mi, share, is_label=False, is_foremost=True):
    found = {"name": name, "mi": mi, "share": share, "low": "a", "high": "b"}
    return found | {"is_label": is_label, "is_foremost": is_foremost}


def _words(*pairs):
    return [{"word": word, "effect": effect} for word, effect in pairs]


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ([_attribute("tense", 0.5, 0.7)], "tense: a → b"),
        # as many nats of something that has many more to tell
        ([_attribute("first word", 0.5, 0.2), _attribute("comma", 0.4, 0.6)], "comma: a → b"),
        # a label that tells nearly as much as what is read off the texts
        ([_attribute("tense", 0.5, 0.7), _attribute("when", 0.45, 0.65, True)], "when: a → b"),
        ([_attribute("tense", 0.5, 0.7), _attribute("when", 0.1, 0.14, True)], "tense: a → b"),
        # two labels that lie on one axis
        ([_attribute("x", 0.6, 0.9, True), _attribute("y", 0.6, 0.8, True)], "x: a → b, y: a → b"),
        # of which another dimension tells one better
        ([_attribute("x", 0.6, 0.9, True, False), _attribute("y", 0.6, 0.8, True)], "y: a → b, x: a → b"),
        ([_attribute("length", 0.05, 0.03)], "sad → happy"),
    ],
)
def test_the_attribute_that_is_told_best_names_a_dimension_else_words(attributes, name):
    assert compose(attributes, _words(("sad", -1.0)), _words(("happy", 1.0))) == name


def test_words_that_hardly_change_and_special_tokens_give_way():
    up = _words(("<unk>", 2.0), ("the", 0.1), ("shares", 1.0), ("stock", 0.9))
    assert compose([], [], up) == "… → shares, stock"
    assert compose([], [], _words(("the", 0.1))) == "… → the"
    assert compose([], [], []) == UNEXPLAINED
