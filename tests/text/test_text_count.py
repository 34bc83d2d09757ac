"""Counts of words: what a word is, which stay, and that streams and stored vectorisers count the same."""

import json
from typing import Any, cast

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from textvae.errors import TextVAEError
from textvae.text import formats
from textvae.text.count import WordCounter
from textvae.text.vectorizers import vectorizer_from, vectorizer_state, vocabulary_of

TEXTS = [
    "The cats don't chase mice in 2024.",
    "Mice eat cheese; cats eat mice!",
    "",
    "Cheese and cheese, please",
    "A dog eats a cheese",
]


def test_words_and_counts_by_hand():
    counter = WordCounter(min_df=1, max_df=1.0)
    counts = counter.fit_transform(TEXTS)
    words = ["cats", "chase", "cheese", "dog", "eat", "eats", "mice"]
    assert counter.get_feature_names_out().tolist() == words  # 'please' is a stop word of scikit-learn's
    assert counts.toarray().tolist() == [
        [1, 1, 0, 0, 0, 0, 1],
        [1, 0, 1, 0, 2, 0, 2],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 2, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 1, 0],
    ]
    assert counter.transform(["cats of cats", "elephants"]).toarray().tolist() == [
        [2, 0, 0, 0, 0, 0, 0],
        [0] * 7,
    ]


def test_what_stays_is_what_scikit_learn_keeps(monkeypatch):
    rng = np.random.default_rng(0)
    names = np.array([f"w{i:03d}" for i in range(300)])
    texts = [" ".join(rng.choice(names, 20, p=rng.dirichlet(np.full(300, 0.1)))) for _ in range(200)]
    options: Any = {"min_df": 3, "max_df": 0.4, "max_features": 100, "ngram_range": (1, 2)}
    theirs = CountVectorizer(token_pattern=r"\w+", **options)
    expected: Any = theirs.fit_transform(texts)
    monkeypatch.setattr(formats, "ROWS", 7)  # many blocks
    ours = WordCounter(stop_words=None, **options)
    counts: Any = ours.fit_transform(iter(texts))
    # equally frequent words at the limit may be others: their total is the same
    shared = [w for w in ours.vocabulary_ if w in theirs.vocabulary_]
    assert len(shared) > 90
    columns = [[v.vocabulary_[w] for w in shared] for v in (ours, theirs)]
    np.testing.assert_array_equal(counts[:, columns[0]].toarray(), expected[:, columns[1]].toarray())
    assert np.sort(counts.sum(0)).tolist() == np.sort(np.asarray(expected.sum(0)).ravel()).tolist()
    np.testing.assert_array_equal(ours.transform(iter(texts)).toarray(), counts.toarray())


def test_chinese_words_are_the_segmenters_without_stop_words():
    counter = WordCounter(min_df=1, max_df=1.0)
    counts = counter.fit_transform(["送餐很快，但是我们等了两个小时", "味道不错，送餐慢"])
    assert counter.language_ == "chinese"
    words = counter.get_feature_names_out().tolist()
    assert {"送餐", "味道", "小时"} <= set(words)
    assert not {"但是", "我们", "两个", "，", "慢"} & set(words)
    assert counts.sum() == len(words) + 1  # 送餐 is in both


def test_a_given_vocabulary_is_counted_as_it_is():
    counter = WordCounter(vocabulary=["The", "new york", "2024"], ngram_range=(1, 2))
    assert counter.fit_transform(["The new york of 2024 is new york", ""]).toarray().tolist() == [
        [1, 2, 1],
        [0, 0, 0],
    ]


@pytest.mark.parametrize(
    "vectorizer",
    [
        WordCounter(min_df=1, max_df=1.0, ngram_range=(1, 2), stop_words=["cats"]),
        WordCounter(vocabulary=["cats", "2024", "mice"]),
        CountVectorizer(stop_words="english", binary=True),
        CountVectorizer(analyzer="char", ngram_range=(2, 3)),
    ],
)
def test_a_stored_vectoriser_counts_the_same(vectorizer):
    fitted: Any = clone(vectorizer)
    fitted.fit(TEXTS)
    state = json.loads(json.dumps(vectorizer_state(fitted)))
    again = vectorizer_from(state, vocabulary_of(fitted))
    texts = [*TEXTS, "something else with cats", ""]
    np.testing.assert_array_equal(again.transform(texts).toarray(), fitted.transform(texts).toarray())
    assert vocabulary_of(again) == vocabulary_of(fitted)
    assert vectorizer_state(again) == state


def test_what_can_t_be_counted_or_kept():
    with pytest.raises(TextVAEError, match=r"No word of the 7 is left: 5 documents, and min_df=4"):
        WordCounter(min_df=4, max_df=1.0).fit(TEXTS)
    with pytest.raises(TextVAEError, match="this is one text"):
        WordCounter().fit("a text")
    with pytest.raises(TextVAEError, match="Text 1 is a int"):
        WordCounter().fit(["a", 3])  # pyright: ignore[reportArgumentType]
    with pytest.raises(TextVAEError, match="more than once"):
        WordCounter(vocabulary=["a", "a"]).fit(TEXTS)
    with pytest.raises(TextVAEError, match="no language 'klingon'"):
        WordCounter(language="klingon").fit(TEXTS)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TextVAEError, match="no stop words 'klingon'"):
        WordCounter(stop_words="klingon").fit(TEXTS)
    with pytest.raises(TextVAEError, match="HashingVectorizer has no vocabulary"):
        vocabulary_of(HashingVectorizer().fit(TEXTS))
    with pytest.raises(TextVAEError, match="TfidfVectorizer can't be saved"):
        vectorizer_state(TfidfVectorizer().fit(TEXTS))
    with pytest.raises(TextVAEError, match="tokenizer of your own can't be saved"):
        vectorizer_state(CountVectorizer(tokenizer=str.split, token_pattern=cast(Any, None)).fit(TEXTS))
