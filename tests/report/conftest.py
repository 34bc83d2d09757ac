"""A small trained model, and what a report says of it."""

import pytest

from planted_topics import plant, small, texts_of
from textvae import TextVAE
from textvae.metrics.topics import align
from textvae.report.content import gather
from textvae.text.grammar import grammar_corpus

_SIZES = ("encoder.embedding", "encoder.hidden", "decoder.embedding", "decoder.hidden")


@pytest.fixture(scope="session")
def corpus():
    return grammar_corpus(120, seed=7)


@pytest.fixture(scope="session")
def vae():
    small = dict.fromkeys(_SIZES, 40) | {"train.precision": "fp32", "train.lr": 8e-3}
    return TextVAE(latent_dim=3, steps=120, set=small).fit(grammar_corpus(400).texts)


@pytest.fixture(scope="session")
def content(vae, corpus):
    return gather(vae, corpus, name="reviews", iw_samples=3)


@pytest.fixture(scope="session")
def planted():
    return plant()


@pytest.fixture(scope="session")
def topic_model(planted):
    return small(epochs=15).fit(texts_of(planted.train))


@pytest.fixture(scope="session")
def topic_places(planted, topic_model):
    """(K,) the model's number of each planted topic."""
    return align(planted.topics, topic_model.components_)[0]
