"""The explorer of a topic model whose topics are known."""

import pytest
from starlette.testclient import TestClient

from planted_topics import K, plant, small, texts_of
from textvae import TextVAEError
from textvae.explore.server import application
from textvae.explore.topics import TOPIC_OPERATIONS, TopicSpace, _pieces
from textvae.metrics.topics import align
from textvae.text.corpus import Corpus


@pytest.fixture(scope="module")
def planted():
    return plant()


@pytest.fixture(scope="module")
def space(planted):
    texts = texts_of(planted.train)
    foremost = planted.theta[:700].argmax(1).astype(str)
    return TopicSpace(small(epochs=10).fit(texts), Corpus(texts, {"planted": foremost}), name="planted")


@pytest.fixture(scope="module")
def ask(space):
    with TestClient(application(space), base_url="http://localhost") as client:

        def request(operation, **body):
            answer = client.post(f"/api/{operation}", json=body) if body else client.get(f"/api/{operation}")
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield request


def test_it_describes_the_model_and_maps_the_documents(ask, space):
    told = ask("model")
    assert (told["kind"], told["topics"], told["texts"]) == ("topics", K, 700)
    chart = ask("map")
    assert set(chart["labels"]) == {"topic", "planted"}
    assert [int(label.split(":")[0]) for label in chart["labels"]["topic"]] == space.theta.argmax(1).tolist()


def test_topics_have_the_models_words_and_their_documents(ask, space):
    items = ask("topics")["items"]
    assert sum(item["share"] for item in items) == pytest.approx(1, abs=1e-3)
    for topic, item in enumerate(items):
        assert [word["text"] for word in item["words"]] == space.vae.topic_words(12)[topic]
        assert item["documents"][0]["index"] == space.theta[:, topic].argmax()


def test_words_of_a_document_have_the_topics_that_made_them(ask, space, planted):
    place = align(planted.topics, space.vae.components_)[0]  # the model's number of each planted topic
    texts = texts_of(planted.test)[:20]
    items = ask("shares", texts=texts)["items"]
    right = total = 0
    for text, item, theta in zip(texts, items, planted.theta[700:], strict=False):
        assert "".join(piece["text"] for piece in item["words"]) == text
        by_bayes = (theta[:, None] * planted.topics).argmax(0)
        for piece in item["words"]:
            if piece["topic"] is not None:
                right += piece["topic"] == place[by_bayes[int(piece["text"][1:])]]
                total += 1
    assert right / total > 0.8


def test_shares_lie_in_their_intervals_and_add_up(ask, planted):
    for item in ask("shares", texts=texts_of(planted.test)[:20])["items"]:
        assert sum(row["share"] for row in item["shares"]) == pytest.approx(1, abs=1e-3)
        assert all(0 <= row["lower"] <= row["share"] <= row["upper"] <= 1 for row in item["shares"])


def test_documents_are_found_by_words_and_by_shares(ask, space):
    assert ask("neighbours", texts=[space.shown.texts[7]], k=3)["items"][0][0]["distance"] < 1e-3
    assert [item["index"] for item in ask("search", query="W0", k=2)["items"]] == [0, 1]
    assert ask("texts", index=[5])["items"][0]["text"] == space.shown.texts[5]


def test_without_documents_there_is_nothing_to_show(space):
    with pytest.raises(TextVAEError, match="give a file"):
        TopicSpace(space.vae)


@pytest.mark.parametrize(
    "text",
    ["", "A dog's life, 100%!", "<b>\x00\u202e\U0001f600</b>", "这家饭店 很好吃，very good！", "\n \t"],
)
def test_pieces_leave_nothing_out(text):
    assert "".join(_pieces(text)) == text


@pytest.mark.parametrize("operation", TOPIC_OPERATIONS, ids=lambda operation: operation.name)
def test_every_answer_is_as_the_document_says(conforms, space, operation):
    conforms(space, operation)
