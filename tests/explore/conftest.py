"""A small model's explorer, asked without a network."""

import pytest
from starlette.testclient import TestClient

from textvae import TextVAE
from textvae.explore.server import application
from textvae.explore.space import Space
from textvae.text.grammar import grammar_corpus

SMALL = {"encoder.embedding": 16, "encoder.hidden": 24, "decoder.embedding": 16, "decoder.hidden": 32}


@pytest.fixture(scope="session")
def corpus():
    return grammar_corpus(200)


@pytest.fixture(scope="session")
def space(corpus):
    vae = TextVAE(latent_dim=4, steps=60, set={**SMALL, "train.batch_tokens": 800, "train.lr": 5e-3})
    vae.fit(corpus.texts)
    vae.directions(corpus.texts, corpus.labels["sentiment"], name="sentiment")
    return Space(vae, corpus, name="reviews", meanings={0: "tense"})


@pytest.fixture(scope="session")
def client(space):
    with TestClient(application(space), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="session")
def ask(client):
    """``ask("decode", z=[…])``: the answer's JSON, which has to be one."""

    def post(operation, **body):
        answer = client.post(f"/api/{operation}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post
