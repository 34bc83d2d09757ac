"""The built-in corpora: known factors are known, docstrings are read without running anything."""

import sys
from itertools import combinations, pairwise

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score

from textvae.errors import TextVAEError
from textvae.text.docstrings import docstrings_corpus, prose_sentences
from textvae.text.grammar import FACTORS, grammar_corpus


@pytest.fixture(scope="module")
def grammar():
    return grammar_corpus()


def test_grammar_is_a_pure_function_of_its_seed(grammar):
    assert grammar_corpus().texts == grammar.texts
    assert grammar_corpus(100, seed=1).texts != grammar.texts[:100]
    assert len(set(grammar.texts)) > 9_500


def test_grammar_factors_are_uniform_and_independent(grammar):
    for name, values in FACTORS.items():
        counts = np.unique(grammar.labels[name], return_counts=True)[1]
        assert len(counts) == len(values)
        assert counts.max() - counts.min() <= 20
    for one, other in combinations(FACTORS, 2):
        assert mutual_info_score(grammar.labels[one], grammar.labels[other]) < 1e-4


@pytest.mark.parametrize("factor", FACTORS)
def test_grammar_factors_are_legible_in_the_words(factor, grammar):
    texts, labels = grammar.texts[:8000], grammar.labels[factor][:8000]
    words = CountVectorizer(ngram_range=(1, 2), token_pattern=r"[\w']+").fit_transform(texts)
    model = LogisticRegression(max_iter=500).fit(words[:7000], labels[:7000])
    assert model.score(words[7000:], labels[7000:]) > 0.98


def test_grammar_negation_turns_the_sentiment(grammar):
    for text, sentiment in zip(grammar.texts, grammar.labels["sentiment"], strict=True):
        if " not bad" in text or "n't rude" in text or "never high" in text:
            assert sentiment == "positive"
        if " not good" in text or "n't polite" in text or "never fair" in text:
            assert sentiment == "negative"


def test_grammar_verbs_agree(grammar):
    for text in grammar.texts:
        words = text.replace(",", "").rstrip(".").split()
        for subject, verb in pairwise(words):
            if subject in ("She", "she") and not verb.endswith("ed"):
                assert (
                    verb in ("thought", "felt", "said", "told", "wrote", "came", "went", "ate")
                    or verb[-1] == "s"
                )
            if subject in ("I", "We", "we", "They", "they"):
                assert verb not in ("thinks", "says", "feels", "believes", "likes", "is", "was")


def test_grammar_of_no_texts_is_refused():
    with pytest.raises(TextVAEError, match="at least one text, not 0"):
        grammar_corpus(0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


def test_docstrings_of_the_standard_library(cache):
    before = set(sys.modules)
    corpus = docstrings_corpus(("python",))
    assert set(sys.modules) == before
    assert len(corpus) > 2_000
    assert len(set(map(str.lower, corpus.texts))) == len(corpus)
    assert all(3 <= len(text.split()) <= 25 and text[0].isupper() for text in corpus.texts)
    assert set(corpus.labels["package"]) == {"python"}

    (kept,) = cache.glob("textvae/*")
    assert docstrings_corpus(("python",)).texts == corpus.texts  # from the cache
    kept.write_bytes(b"damaged")
    assert docstrings_corpus(("python",)).texts == corpus.texts  # read again, in the same order


def test_docstrings_without_a_place_for_the_cache(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(docstrings_corpus(("jinja2",))) > 10


def test_docstrings_of_an_unknown_package_are_refused():
    with pytest.raises(TextVAEError, match="no docstrings of 'pandas'"):
        docstrings_corpus(("pandas",))


@pytest.mark.parametrize(
    ("docstring", "sentences"),
    [
        ("Return the :class:`~x.y.Thing` of ``name``", ["Return the Thing of name."]),
        ("See the `user guide <http://x.y>`_ for more [1]_.", ["See the user guide for more."]),
        ("First line\ngoes further. Then *another* one.", ["First line goes further.", "Then another one."]),
        ("A summary is here.\n\nParameters\n----------\nx : The input is this.", ["A summary is here."]),
        ("A summary is here.\n\n>>> f(1)\n\nNot this one here.", ["A summary is here."]),
        ("A summary is here.\n\nArgs:\n    x: The value of it.", ["A summary is here."]),
        ("Call foo() with x=3 and be done.", []),
        ("Compute a.b.c of someThing for all.", []),
        ("The algorithm is based on [1]_.", []),
        ("Too short.", []),
        ("lower case does not begin sentences.", []),
    ],
)
def test_prose_of_docstrings(docstring, sentences):
    assert prose_sentences(docstring) == sentences
