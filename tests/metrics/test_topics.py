"""The figures of topics against gensim, against literal slow definitions, and by hand."""

import math
from itertools import combinations

import numpy as np
import pytest
import scipy.sparse
from gensim.corpora import Dictionary
from gensim.models.coherencemodel import CoherenceModel

from textvae.errors import TextVAEError
from textvae.metrics import cooccurrence
from textvae.metrics.cooccurrence import in_documents, in_windows
from textvae.metrics.topics import (
    CV_WINDOW,
    NPMI_WINDOW,
    align,
    c_v,
    nmi,
    npmi,
    perplexity,
    purity,
    top_words,
    topic_diversity,
)

V = 60


def corpus(repeats: bool) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    weights = [rng.dirichlet(np.full(V, 0.3)) if repeats else np.full(V, 1 / V) for _ in range(150)]
    texts = [rng.choice(V, rng.integers(0, 40), replace=repeats, p=p) for p in weights]
    return texts, np.array([rng.choice(V, 5, replace=False) for _ in range(6)])


def literal(texts, words, size):
    """Every window as a set."""
    windows = []
    for text in texts:
        if len(text):
            windows += [set(text[i : i + size]) for i in range(max(len(text) - size + 1, 1))]
    together = [[sum(a in w and b in w for w in windows) for b in words] for a in words]
    return np.array(together), len(windows)


@pytest.mark.parametrize("size", [1, 3, 10, 110])
def test_windows_are_counted_as_the_definition_says(size, monkeypatch):
    monkeypatch.setattr(cooccurrence, "_TOKENS_AT_ONCE", 200)  # several blocks
    texts, topics = corpus(repeats=True)
    found = in_windows(iter(texts), topics, size)
    together, windows = literal(texts, np.unique(topics), size)
    np.testing.assert_array_equal(found.together, together)
    assert found.windows == windows


def test_documents_are_the_widest_windows():
    texts, topics = corpus(repeats=True)
    texts = [text for text in texts if len(text)]
    counts = scipy.sparse.csr_array(np.array([np.bincount(text, minlength=V) for text in texts]))
    a, b = in_documents(counts, topics), in_windows(texts, topics, 1000)
    np.testing.assert_array_equal(a.together, b.together)
    assert a.windows == b.windows == len(texts)


@pytest.mark.parametrize(
    ("name", "figure", "window"), [("c_npmi", npmi, NPMI_WINDOW), ("c_v", c_v, CV_WINDOW)]
)
def test_coherence_is_gensims(name, figure, window):
    # gensim loses a repeated word once its first occurrence leaves the window: here none is repeated
    texts, topics = corpus(repeats=False)
    texts = [text for text in texts if len(text)]
    words = [[f"w{i}" for i in text] for text in texts]
    model = CoherenceModel(
        topics=[[f"w{i}" for i in topic] for topic in topics],
        texts=words,
        dictionary=Dictionary(words),
        coherence=name,
        window_size=window,
        processes=1,
    )
    ours = figure(topics, in_windows(texts, topics, window))
    np.testing.assert_allclose(ours, model.get_coherence_per_topic(), atol=1e-12)


def test_npmi_where_words_always_or_never_meet():
    counts = scipy.sparse.csr_array(np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]]))
    reference = in_documents(counts, [0, 1, 2, 3])
    together, apart, unknown = npmi([[0, 1], [0, 2], [0, 3]], reference)
    assert together == pytest.approx(1)
    assert apart == pytest.approx(math.log(1e-12 / 0.25) / -math.log(1e-12))
    assert unknown == 0
    assert np.isnan(npmi([[0]], reference)).all()
    with pytest.raises(TextVAEError, match="was not searched for"):
        npmi([[0, 7]], reference)


def test_likeliest_words_and_diversity():
    ids = top_words([[0.1, 0.4, 0.4, 0.1], [0.7, 0.1, 0.1, 0.1]], 2)
    assert ids.tolist() == [[1, 2], [0, 1]]
    assert topic_diversity(ids) == 3 / 4
    assert topic_diversity([[1, 2], [2, 1]]) == 1 / 2
    assert topic_diversity([[1, 2], [3, 4]]) == 1


def test_purity_and_nmi_by_hand():
    groups, labels = [0, 0, 0, 1, 1, 7], list("aabbbc")
    assert purity(groups, labels) == pytest.approx(5 / 6)
    p = np.array([[2, 1, 0], [0, 2, 0], [0, 0, 1]]) / 6

    def entropy(q):
        return -sum(x * math.log(x) for x in np.ravel(q) if x)

    mutual = entropy(p.sum(0)) + entropy(p.sum(1)) - entropy(p)
    assert nmi(groups, labels) == pytest.approx(2 * mutual / (entropy(p.sum(0)) + entropy(p.sum(1))))
    assert purity(labels, labels) == nmi(labels, labels) == 1


def test_both_perplexities_by_hand():
    figures = perplexity([math.log(4) * 2, math.log(16) * 6], [2, 6])
    assert figures["per_document"] == pytest.approx(8)
    assert figures["per_corpus"] == pytest.approx(4**0.25 * 16**0.75)


def test_topics_are_paired_with_the_most_alike():
    rng = np.random.default_rng(0)
    topics = rng.dirichlet(np.full(30, 0.1), size=6)
    order = rng.permutation(6)
    places, alike = align(topics[:4], topics[order])
    np.testing.assert_array_equal(order[places], np.arange(4))
    np.testing.assert_allclose(alike, 1)
    # no other pairing is better in all
    other = rng.dirichlet(np.full(30, 0.1), size=4)
    places, alike = align(topics[:3], other)
    sums = [
        sum(np.sqrt(topics[i] * other[j]).sum() for i, j in enumerate(chosen))
        for few in combinations(range(4), 3)
        for chosen in (few, few[::-1], (few[1], few[0], few[2]))
    ]
    assert alike.sum() >= max(sums) - 1e-12
    assert len(set(places.tolist())) == 3
