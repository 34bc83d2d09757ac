"""The API does what the Python API does, tells mistakes in one sentence, and no text breaks it."""

import numpy as np
import pytest

from textvae.explore.limits import BATCH, BODY_BYTES, TEXT_CHARACTERS
from textvae.explore.operations import OPERATIONS
from textvae.explore.space import Space

HOSTILE = [
    "",
    " ",
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "NUL \x00 bell \x07 escape \x1b[31m line\nbreak \u2028",
    "\u202eright to left \u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea e\u0301\u0302\u0303" + "\u0300" * 50,
    "{{7*7}} ${x} %s '; DROP TABLE texts; --",
    "一二三，这家饭店很好吃。",
    "a" * TEXT_CHARACTERS,
    "word " * (TEXT_CHARACTERS // 5),
    "<unk> <pad> <s> </s>",
]


# ---------------------------------------------------------------------- what it does


def test_it_describes_the_model(client, space):
    told = client.get("/api/model").json()
    assert (told["name"], told["latent_dim"], told["texts"]) == ("reviews", 4, 200)
    kinds = [handle["kind"] for handle in told["handles"]]
    assert kinds == sorted(kinds, key=["direction", "dimension", "component"].index)
    assert {"sentiment=positive", "sentiment=negative"} <= {handle["name"] for handle in told["handles"]}
    assert {handle["meaning"] for handle in told["handles"] if handle["name"] == "0"} == {"tense"}
    for handle in told["handles"]:
        assert np.linalg.norm(handle["vector"]) == pytest.approx(1, abs=1e-3)
        along = space.shown.z @ np.array(handle["vector"])
        assert handle["low"] < np.quantile(along, 0.02) < np.quantile(along, 0.98) < handle["high"]


def test_the_map_has_every_text_and_its_labels(client, space, corpus):
    told = client.get("/api/map").json()
    assert told["text"] == corpus.texts
    assert told["labels"]["sentiment"] == corpus.labels["sentiment"].tolist()
    assert np.allclose(told["place"], space.shown.plane.project(space.shown.z), atol=1e-3)
    assert np.allclose(told["z"], space.shown.z, atol=0.01)


def test_what_it_encodes_and_decodes_is_the_models(ask, space, corpus):
    texts = corpus.texts[:5]
    encoded = ask("encode", texts=texts)["items"]
    z = space.vae.encode(texts)
    assert np.allclose([item["z"] for item in encoded], z, atol=1e-4)
    assert [item["text"] for item in encoded] == texts
    decoded = ask("decode", z=z.tolist())["items"]
    assert [item["text"] for item in decoded] == space.vae.decode(z, allow_unknown=False)
    assert [item["place"] for item in decoded] == [item["place"] for item in encoded]


def test_tokens_say_whether_they_are_known(ask):
    (item,) = ask("encode", texts=["The food was qwertyish."])["items"]
    assert [(token["text"], token["known"]) for token in item["tokens"]][-2:] == [
        ("qwertyish", False),
        (".", True),
    ]


def test_an_interpolation_goes_from_one_end_to_the_other(ask, space, corpus):
    a, b = corpus.texts[:2]
    path = ask("interpolate", a=a, b=space.vae.encode(b).tolist(), steps=5)["items"]
    assert [step["t"] for step in path] == [0, 0.25, 0.5, 0.75, 1]
    assert [step["text"] for step in path] == space.vae.interpolate(a, b, 5, allow_unknown=False)


def test_an_analogy_and_an_edit_are_the_models(ask, space, corpus):
    a, b, c = corpus.texts[:3]
    (answer,) = ask("analogy", a=a, b=b, c=c)["items"]
    assert answer["text"] == space.vae.analogy(a, b, c, allow_unknown=False)
    edited = ask("edit", text=a, toward="positive", strength=2, candidates=2)["items"]
    assert edited == [found._asdict() for found in space.vae.edit(a, "positive", strength=2, candidates=2)]


def test_a_text_is_its_own_nearest(ask, corpus):
    rows = ask("neighbours", of=corpus.texts[3:5], k=3)["items"]
    assert [row[0]["text"] for row in rows] == corpus.texts[3:5]
    for row in rows:
        assert [near["distance"] for near in row] == sorted(near["distance"] for near in row)


def test_search_finds_words_in_any_case(ask, corpus):
    found = ask("search", query="FOOD", k=BATCH)["items"]
    wanted = [text for text in corpus.texts if "food" in text.casefold()]
    assert [item["text"] for item in found] == wanted[:BATCH]
    assert wanted
    assert ask("search", query="xyzzy")["items"] == []


def test_texts_come_whole_by_their_numbers(ask, client, corpus):
    found = ask("texts", index=[3, 0, 3])["items"]
    assert [item["text"] for item in found] == [corpus.texts[i] for i in (3, 0, 3)]
    assert client.post("/api/texts", json={"index": [200]}).status_code == 422


def test_samples_at_a_place_lie_there_and_are_drawn_by_their_seed(ask):
    def draw(**asked):
        return ask("sample", n=4, **asked)["items"]

    there = draw(at=[0.5, -0.25])
    assert np.allclose([item["place"] for item in there], [[0.5, -0.25]] * 4, atol=1e-3)
    assert len({tuple(item["z"]) for item in there}) == 4
    assert draw(at=[0.5, -0.25]) == there
    anywhere = draw(writing={"method": "sample", "seed": 1})
    assert anywhere != draw(writing={"method": "sample", "seed": 2})
    assert len({tuple(item["place"]) for item in anywhere}) == 4


def test_without_texts_the_model_writes_some(space):
    own = Space(space.vae)
    assert own.written
    assert len(own.shown.texts) == len(own.shown.z) == 1000
    assert own.shown.texts[:3] == space.vae.decode(own.shown.z[:3])


# ---------------------------------------------------------------------- what it withstands


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_a_text(ask, text):
    (item,) = ask("encode", texts=[text])["items"]
    assert "".join(token["text"] for token in item["tokens"]).replace(" ", "") == "".join(
        item["text"].split()
    )
    assert np.isfinite(item["z"]).all()
    ask("interpolate", a=text, b="The food was good.", steps=3)
    ask("neighbours", of=[text], k=2)


@pytest.mark.parametrize(
    ("status", "code", "body"),
    [
        (400, "json", b""),
        (400, "json", b"{"),
        (400, "json", b'{"texts": ["\xff"]}'),
        (400, "json", b'{"texts": ["\\ud800"]}'),
        (400, "json", b"[" * 10_000),
        (422, "invalid", b"[]"),
        (422, "invalid", b'{"texts": []}'),
        (422, "invalid", b'{"texts": "a text"}'),
        (422, "invalid", b'{"texts": ["a"], "more": 1}'),
        (422, "invalid", b'{"texts": ["%s"]}' % (b"a" * (TEXT_CHARACTERS + 1))),
        (422, "invalid", b'{"texts": [%s"a"]}' % (b'"a",' * BATCH)),
        (413, "too_large", b" " * (BODY_BYTES + 1)),
    ],
)
def test_what_cannot_be_read_is_told(client, status, code, body):
    answer = client.post("/api/encode", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("decode", {"z": [[1, 2]]}),
        ("interpolate", {"a": [0.0], "b": "a text"}),
        ("neighbours", {"of": [[0, 0, 0, 0, 0]]}),
        ("edit", {"text": "a text", "toward": "nowhere"}),
    ],
)
def test_what_the_model_refuses_is_told(client, operation, body):
    answer = client.post(f"/api/{operation}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "refused")


def test_a_refusal_is_in_the_language_of_its_request(client):
    def told(language: str) -> str:
        answer = client.post("/api/decode", json={"z": [[1, 2]]}, headers={"Accept-Language": language})
        return answer.json()["error"]["message"]

    assert told("zh-CN,zh;q=0.9,en;q=0.8") == "这个模型的隐向量有 4 个数，不能是 2 个。"
    assert (
        told("en-GB,en;q=0.5") == "A latent of this model has 4 numbers, not 2."
    )  # the one before left no trace
    assert told("*") == told("en")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1e30"])
def test_numbers_are_finite(client, number):
    body = f'{{"z": [[0, 0, 0, {number}]]}}'
    answer = client.post("/api/decode", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def test_other_addresses_methods_and_types_are_refused(client):
    assert client.get("/api/nothing").status_code == 404
    assert client.get("/api/encode").status_code == 405
    assert client.post("/api/encode", content=b'{"texts": ["a"]}').status_code == 415
    assert client.get("/../server.py").status_code == 404
    assert client.get("/%2e%2e/server.py").status_code == 404


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_answer_is_as_the_document_says(conforms, space, operation):
    conforms(space, operation)
