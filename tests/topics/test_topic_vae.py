"""TopicVAE: that it finds planted topics, keeps what it learned, and says what it can't use."""

import warnings
from typing import Any, cast

import numpy as np
import pytest
import scipy.sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from planted_topics import WORDS, K, V, copy_of, small, texts_of
from textvae import Corpus, MatrixVAE, TextVAEError, TextVAEWarning, TopicVAE, WordCounter
from textvae.metrics.cooccurrence import in_windows
from textvae.metrics.topics import align, npmi, top_words
from textvae.rowfile import RowFile

# ---------------------------------------------------------------------- what it learns


def test_it_finds_the_planted_topics_and_shares(planted, model, places):
    alike = align(planted.topics, model.components_)[1]
    assert alike.min() > 0.85  # of unrelated topics: about 0.3
    theta = model.transform(planted.test)
    np.testing.assert_allclose(theta.sum(1), 1, atol=1e-5)
    truth = planted.theta[700:]
    for topic in range(K):
        assert np.corrcoef(theta[:, places[topic]], truth[:, topic])[0, 1] > 0.9
    # the first words of each are the planted ones
    found = [set(words) for words in model.topic_words(5)]
    for topic, ids in enumerate(top_words(planted.topics, 5)):
        assert len({WORDS[i] for i in ids} & found[places[topic]]) >= 4


def test_its_figures_beat_the_corpus_and_near_the_truth(planted, model):
    figures = model.evaluate(planted.test, planted.theta[700:].argmax(1))
    share = np.asarray(planted.train.sum(0)).ravel() + 0.5
    lengths = np.asarray(planted.test.sum(1)).ravel()
    unigram = np.exp(-(planted.test @ np.log(share / share.sum())).sum() / lengths.sum())
    # no likelihood beats the planted shares' and topics' by much; the bound pays for z besides
    truth = planted.test.multiply(np.log(planted.theta[700:] @ planted.topics + 1e-30))
    best = np.exp(-truth.sum() / lengths.sum())
    assert best < figures["completion_perplexity"] < 0.8 * unigram
    assert best < figures["perplexity"]["per_corpus"] < 0.85 * unigram
    assert model.perplexity(planted.test) == pytest.approx(figures["perplexity"]["per_corpus"])
    assert model.perplexity(planted.test, per="document") == figures["perplexity"]["per_document"]
    tighter = [model.perplexity(planted.test, bound="importance", samples=n) for n in (20, 200)]
    assert tighter[1] < tighter[0] < model.perplexity(planted.test)
    assert model.score(planted.test) == pytest.approx(
        -np.log(figures["perplexity"]["per_corpus"]) * lengths.mean(), rel=0.01
    )
    assert figures["purity"] > 0.85
    assert figures["nmi"] > 0.6
    assert figures["diversity"] > 0.6
    assert figures["reference"] == "documents"


def test_coherence_of_texts_is_taken_in_windows_of_their_words(planted):
    texts = texts_of(planted.train[:150])
    model = small().fit(texts)
    figures = model.evaluate(texts)
    ids = np.array([[WORDS.index(word) for word in words] for words in model.topic_words()])
    tokens = [np.array([WORDS.index(word) for word in text.split()]) for text in texts]
    assert figures["npmi"] == pytest.approx(npmi(ids, in_windows(tokens, ids, 10)).mean())
    assert figures["reference"].startswith("windows of 10")


def test_it_tells_about_topics_and_documents(planted, model):
    info = model.get_topic_info(3)
    assert [row["topic"] for row in info] == list(range(K))
    np.testing.assert_allclose(
        [row["prevalence"] for row in info], model.transform(planted.train).mean(0), atol=1e-5
    )
    words, p = zip(*model.get_topic(1, 3), strict=True)
    assert list(words) == info[1]["words"]
    np.testing.assert_allclose(p, np.sort(model.components_[1])[::-1][:3], rtol=1e-5)
    theta = model.transform(planted.test)
    rows = model.get_document_info(planted.test)
    assert [row["topic"] for row in rows] == theta.argmax(1).tolist()
    assert rows[0]["known_words"] == planted.test[[0]].sum()
    best = model.representative_documents(planted.test, 2)
    for topic, documents in enumerate(best):
        assert documents[0]["document"] == theta[:, topic].argmax()
        assert documents[0]["share"] >= documents[1]["share"] > 0.5
    octis = model.to_octis(planted.test)
    assert octis["topics"] == model.topic_words()
    assert octis["topic-word-matrix"].shape == (K, V)
    np.testing.assert_array_equal(octis["topic-document-matrix"], theta.T)


# ---------------------------------------------------------------------- how it behaves


def test_texts_counts_and_any_vectoriser_are_the_same_documents(planted):
    counts = planted.train[:60]
    texts = texts_of(counts)
    expected = small(epochs=1).fit(counts).transform(counts)
    assert expected.shape == (60, K)
    given = [
        (small(epochs=1), texts),
        (small(epochs=1), Corpus(texts)),
        (small(epochs=1), (text for text in texts)),
        (small(epochs=1), counts.toarray()),
        (small(epochs=1, vocabulary=None, vectorizer=WordCounter(vocabulary=WORDS)), texts),
        (small(epochs=1, vocabulary=None, vectorizer=CountVectorizer(vocabulary=WORDS)), texts),
    ]
    for model, documents in given:
        np.testing.assert_allclose(model.fit_transform(documents), expected, atol=1e-6)
    model, _ = given[0]
    np.testing.assert_allclose(model.transform(texts), expected, atol=1e-6)
    np.testing.assert_allclose(model.transform(counts), expected, atol=1e-6)
    np.testing.assert_allclose(model.transform(texts[:1]), expected[:1], atol=1e-5)


def test_shares_chunk_by_chunk_are_those_of_all_at_once(planted, tmp_path):
    texts = [*texts_of(planted.train[:60]), "no word of these"]
    model = small(epochs=1).fit(texts[:60])
    labels = np.arange(len(texts))
    chunks = [
        Corpus(texts[start : start + 25], {"n": labels[start : start + 25]}) for start in range(0, 61, 25)
    ]
    rows = list(model.transform_chunks(chunks))
    assert [len(columns["text"]) for columns in rows] == [25, 25, 11]
    theta, topic, fits, index, n = (
        np.concatenate([np.asarray(columns[name]) for columns in rows])
        for name in ("theta", "topic", "fits", "index", "n")
    )
    np.testing.assert_allclose(theta, model.transform(texts), atol=1e-5)
    np.testing.assert_array_equal(topic, theta.argmax(1))
    np.testing.assert_array_equal(fits, model.fits(texts))
    assert not fits[-1]
    np.testing.assert_array_equal(index, labels)
    np.testing.assert_array_equal(n, labels)
    with RowFile(tmp_path / "shares.npy", "k") as file:
        list(model.transform_chunks(chunks, file=file))
        file.finish()
    np.testing.assert_array_equal(np.load(tmp_path / "shares.npy"), theta)


def test_same_seed_same_topics(planted):
    counts = planted.train[:200]
    first = small().fit(counts)
    again = copy_of(first).fit(counts)
    np.testing.assert_array_equal(first.components_, again.components_)
    assert not np.array_equal(first.components_, small(random_state=1).fit(counts).components_)
    drawn = small(random_state=np.random.RandomState(3)).fit(counts)
    assert drawn.metrics_["training"]["seed"] > 1


def test_it_follows_the_conventions_of_scikit_learn(planted, model):
    assert model.get_params()["n_topics"] == K
    assert (
        copy_of(model)
        .set_params(n_topics=7, vectorizer=WordCounter())
        .set_params(vectorizer__min_df=9)
        .vectorizer.min_df
        == 9
    )
    assert model.get_feature_names_out().tolist() == [f"topicvae{k}" for k in range(K)]
    labels = planted.theta.argmax(1)
    pipeline = make_pipeline(copy_of(model).set_params(epochs=10), LogisticRegression())
    pipeline.fit(planted.train, labels[:700])
    assert pipeline.score(planted.test, labels[700:]) > 0.75
    assert model.n_features_in_ == V


@pytest.mark.parametrize("as_texts", [True, False])
def test_a_saved_model_is_the_same_model(planted, tmp_path, as_texts):
    documents = texts_of(planted.train[:200]) if as_texts else planted.train[:200]
    vectorizer = WordCounter(max_df=1.0, stop_words=["w003"]) if as_texts else None
    model = small(vocabulary=None if as_texts else WORDS, vectorizer=vectorizer)
    frequent = [WORDS[i] for i in np.argsort(-np.asarray(planted.train.sum(0)).ravel())[:2]]
    model.set_params(seed_words={1: frequent}).fit(documents)
    model.save_pretrained(tmp_path / "m")
    loaded = TopicVAE.from_pretrained(tmp_path / "m")
    others = texts_of(planted.test) if as_texts else planted.test
    np.testing.assert_array_equal(loaded.transform(others), model.transform(others))
    np.testing.assert_array_equal(loaded.fits(others), model.fits(others))
    for ours, theirs in zip(loaded.intervals(others), model.intervals(others), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert loaded.get_topic_info() == model.get_topic_info()
    assert loaded.evaluate(others) == model.evaluate(others)
    assert copy_of(loaded).fit(documents).n_topics_ == K
    with pytest.raises(TextVAEError, match=r"use textvae\.TopicVAE"):
        MatrixVAE.from_pretrained(tmp_path / "m")
    if as_texts:
        assert "w003" not in loaded.words_


def test_code_of_the_users_own_is_not_saved(planted, tmp_path):
    texts = texts_of(planted.train[:60])
    model = small(vocabulary=None, vectorizer=CountVectorizer(analyzer=cast(Any, str.split))).fit(texts)
    with pytest.raises(TextVAEError, match="can't be saved, as code is not kept"):
        model.save_pretrained(tmp_path / "m")
    assert not (tmp_path / "m" / "config.json").exists()


def test_partial_fit_goes_on_with_the_same_model(planted):
    model = small()
    parts = [planted.train[start : start + 200] for start in (0, 200, 400, 500, 300, 100)]
    for part in parts:
        model.partial_fit(part)
    assert model.word_counts_.sum() == sum(part.sum() for part in parts)
    model.partial_fit(planted.train[:2])  # few will do once there is a model
    with pytest.raises(TextVAEError, match="4 topics need at least 4 documents"):
        small().partial_fit(planted.train[:2])
    once = small().partial_fit(planted.train[:200])
    alike = [align(planted.topics, m.components_)[1].mean() for m in (once, model)]
    assert alike[1] > alike[0] + 0.02


def test_seed_words_hold_their_topics(planted):
    first = [[WORDS[i] for i in ids] for ids in top_words(planted.topics, 3)]
    model = small(epochs=8, seed_words={3: first[0], 0: first[1]}).fit(planted.train)
    places = align(planted.topics, model.components_)[0]
    assert places[0] == 3
    assert places[1] == 0
    report = {row["topic"]: row for row in model.metrics_["topics"]["seeds"]}
    assert report.keys() == {0, 3}
    for row in report.values():
        assert row["held"]
        assert row["kept"] == 1
        assert 0 < row["moved"] < 1
    assert model.get_topic_info()[3]["seeds"]["words"].keys() == set(first[0])


# ---------------------------------------------------------------------- what it refuses, and what it warns of


def test_documents_without_words_are_left_out_of_training_and_told(planted):
    texts = [*texts_of(planted.train[:60]), "", "unknown words"]
    with pytest.warns(TextVAEWarning, match="2 of 62 documents have no word"):
        model = small().fit(texts)
    assert model.dropped_ == 2
    theta = model.transform(["", *texts[:2]])
    assert theta.shape == (3, K)
    np.testing.assert_allclose(theta[0].sum(), 1, atol=1e-5)
    assert not model.fits([""])[0]
    assert np.isfinite(model.perplexity(["", *texts[:2]]))
    with pytest.raises(TextVAEError, match="No document has a word"):
        model.perplexity([""])


@pytest.mark.parametrize(
    ("documents", "options", "sentence"),
    [
        (["", " "], {}, "No document has a word of the vocabulary"),
        (["a b", "b c"], {"vocabulary": ["b"]}, "A vocabulary of 1 word has no topics"),
        (["w001 w002"] * 3, {}, r"4 topics need at least 4 documents with words, and there are 3"),
        (np.array([[1.0, np.nan]] * 9), {"vocabulary": ["a", "b"]}, "missing or infinite"),
        (np.array([[1.0, -2.0]] * 9), {"vocabulary": ["a", "b"]}, "negative numbers"),
        (np.ones((9, 3)), {"vocabulary": ["a", "b"]}, "3 columns, and the vocabulary names 2"),
        (np.ones((9, 2)), {"vocabulary": ["a", "a"]}, "more than once"),
        (np.array([["a", "b"]] * 9), {"vocabulary": ["a", "b"]}, "not <U1"),
        ("one text", {}, "this is one text"),
        (["w001", 3], {}, "Text 1 is a int"),
        (["w001 w002"] * 9, {"seed_words": {0: ["zebra"]}}, "None of the seed words of topic 0 .*: zebra"),
        (["w001 w002"] * 9, {"seed_words": {9: ["w001"]}}, "There is no topic 9 to seed"),
        (["w001 w002"] * 9, {"seed_words": {0: "w001"}}, "given as {topic number"),
        (["w001 w002"] * 9, {"seed_words": {0: ["w001"], 1: ["w001"]}}, "seed word of topics 0 and 1"),
        (["w001 w002"] * 9, {"vectorizer": WordCounter()}, "vectorizer= or vocabulary=, not both"),
        (["w001 w002"] * 9, {"vocabulary": None, "vectorizer": HashingVectorizer()}, "has no vocabulary"),
    ],
)
def test_what_can_t_be_trained_on(documents, options, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        small(**options).fit(documents)


def test_models_of_other_data_are_not_of_topics(planted):
    with pytest.raises(TextVAEError, match=r"not of topics: use textvae\.TextVAE"):
        TopicVAE(preset="default").fit(planted.train)
    with pytest.raises(TextVAEError, match=r"use textvae\.TopicVAE"):
        MatrixVAE(preset="topics").fit(planted.train)


def test_a_seed_word_outside_the_vocabulary_is_named(planted):
    with pytest.warns(TextVAEWarning, match="Not in the vocabulary, so no seed words: zebra"):
        small(seed_words={0: ["w001", "zebra"]}).fit(planted.train[:60])


def test_weights_of_words_can_be_used_but_not_parted(planted):
    texts = texts_of(planted.train[:60])
    model = small(vocabulary=None, vectorizer=TfidfVectorizer()).fit(texts)
    assert model.transform(texts).shape == (60, K)
    with pytest.raises(TextVAEError, match="whole numbers"):
        model.evaluate(texts)


def test_what_a_trained_model_can_t_do(planted, model):
    with pytest.raises(TextVAEError, match="trained on a matrix of counts"):
        model.transform(["a text"])
    with pytest.raises(TextVAEError, match="vocabulary of 100 words, and the matrix 5 columns"):
        model.transform(planted.test[:, :5])
    with pytest.raises(TextVAEError, match="no topic 4"):
        model.get_topic(4)
    with pytest.raises(TextVAEError, match="At least 1 word"):
        model.topic_words(0)
    with pytest.raises(TextVAEError, match="between 0 and 1"):
        model.intervals(planted.test, level=1.5)
    with pytest.raises(TextVAEError, match="reads no vectors"):
        model.transform(planted.test, vectors=np.ones((200, 3)))
    with pytest.raises(TextVAEError, match="3 labels"):
        model.evaluate(planted.test, [1, 2, 3])
    with pytest.raises(TextVAEError, match="There are no documents"):
        model.transform(planted.test[:0])


def test_no_warning_without_a_reason(planted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small().fit(scipy.sparse.coo_array(planted.train[:60]))
