"""A small model's explorer, asked without a network."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
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


@pytest.fixture(scope="session")
def conforms():
    """``conforms(space, operation)``: whatever is asked, sense or nonsense, the answer is one of those described."""

    def check(space, operation):
        here = {"Host": "localhost"}
        described = schemathesis.openapi.from_asgi("/openapi.json", application(space), headers=here)
        method = described[f"/api/{operation.name}"]["POST" if operation.request else "GET"]

        for mode in GenerationMode if operation.request else [GenerationMode.POSITIVE]:

            @seed(0)
            @settings(
                max_examples=8,
                deadline=None,
                database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            )
            @given(method.as_strategy(generation_mode=mode))
            def ask(case):
                # what isn't there, a direction or a text, is refused though the document allows to ask for it
                case.call_and_validate(headers=here, excluded_checks=[positive_data_acceptance])

            ask()

    return check
