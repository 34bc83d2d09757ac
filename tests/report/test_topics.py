"""A topic model's report: its topics as they are, and its course over time as it was planted."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from markup import parsed, text_of
from planted_topics import small, texts_of
from textvae import Corpus, TextVAEError
from textvae.report.content import gather
from textvae.report.page import render
from textvae.report.topic_charts import apart


@pytest.fixture(scope="module")
def documents(planted):
    """Documents in the order of their share of the first topic, over three years, with their foremost topic."""
    order = np.argsort(planted.theta[:, 0])[::3]
    texts = texts_of(planted.counts[order])
    days = np.datetime64("2021-01-01") + np.linspace(0, 1090, len(order)).astype(int)
    labels = {"planted": planted.theta[order].argmax(1), "written": days.astype(str)}
    return Corpus(texts, labels, "documents")


@pytest.fixture(scope="module")
def topic_report(topic_model, documents):
    return gather(topic_model, documents, name="topics", dates="written")


def test_topics_are_those_of_the_model_with_the_largest_first(topic_model, documents, topic_report):
    topics = topic_report.topics.topics
    share = topic_model.transform(documents).mean(0)
    assert [each.topic for each in topics] == np.argsort(-share, kind="stable").tolist()
    assert sum(each.share for each in topics) == pytest.approx(1, abs=1e-4)
    for each in topics:
        assert each.words == topic_model.get_topic(each.topic)
        assert all(document["text"] in documents.texts for document in each.documents)
    assert (
        topic_report.topics.figures["purity"]
        == topic_model.evaluate(documents, documents.labels["planted"])["purity"]
    )


def test_topics_lie_as_their_words_differ(topic_model, topic_report):
    """With more than two other directions the plane can only shorten Hellinger's distance."""
    root = np.sqrt(topic_model.components_)
    topics = topic_report.topics.topics
    for a in topics:
        assert a.near[0][1] == max(likeness for _, likeness in a.near)
        for b, likeness in a.near:
            assert likeness == pytest.approx(float(root[a.topic] @ root[b]), rel=1e-5)
            other = next(each for each in topics if each.topic == b)
            drawn = np.hypot(a.place[0] - other.place[0], a.place[1] - other.place[1])
            assert drawn <= np.sqrt(2 - 2 * likeness) + 1e-4


def test_a_planted_course_is_found(planted, topic_places, topic_report):
    course = topic_report.topics.course
    assert course.periods[0] == "2021-01"
    assert len(course.periods) == 36
    share = np.array(course.share)[:, topic_places[0]]
    assert share[-6:].mean() > share[:6].mean() + 0.3
    assert (np.array(course.lower) <= np.array(course.share)).all()


def test_the_page_has_a_card_for_each_and_links_that_lead_somewhere(topic_report):
    tree = parsed(render(topic_report))
    ids = {node.get("id") for node in tree.iter()}
    links = {node.get("href") for node in tree.iter("a")}
    assert {link.removeprefix("#") for link in links} <= ids
    assert [node.get("id") for node in tree.iter("section")] == [
        "figures",
        "training",
        "topics",
        "map",
        "model",
    ]
    for topic in topic_report.topics.topics:
        card = next(node for node in tree.iter("article") if node.get("id") == f"topic-{topic.topic}")
        assert all(word in text_of(card) for word, _ in topic.words)
    json.dumps(asdict(topic_report), allow_nan=False)
    assert parsed(render(topic_report, "zh")).get("lang") == "zh-Hans"


def test_hostile_documents_and_words_are_texts():
    words = ["<b>bold</b>", "</script>", "goal", "match"]
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, (60, 4))
    texts = [" ".join(np.repeat(words, row)) for row in counts]
    counter = CountVectorizer(token_pattern=r"\S+", lowercase=False)
    page = render(gather(small(2, vocabulary=None, vectorizer=counter).fit(texts), Corpus(texts)))
    tree = parsed(page)
    assert not list(tree.iter("b"))
    said = [text_of(node) for node in tree.iter("bdi")]
    assert set(words) <= set(said)


def test_what_can_not_be_is_refused(topic_model, documents, vae, corpus):
    with pytest.raises(TextVAEError, match="needs documents"):
        gather(topic_model)
    with pytest.raises(TextVAEError, match="no dates 'when'"):
        gather(topic_model, documents, dates="when")
    with pytest.raises(TextVAEError, match="Dates are for topic models"):
        gather(vae, corpus, dates="aspect")


def test_discs_part_where_they_would_hide_each_other():
    places = apart(np.array([[5.0, 5.0], [5.0, 5.0], [9.0, 5.0], [300.0, 5.0]]))
    distances = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(4, 1)]
    assert distances.min() > 27
    np.testing.assert_allclose(places[3], [300, 5], atol=0.02)
