"""What topic models read beside words: vectors of documents, covariates, labels."""

import numpy as np
import pytest

from planted_topics import WORDS, K
from textvae import TextVAEError, TopicVAE
from textvae.metrics.topics import nmi


def contextual(preset: str, **options) -> TopicVAE:
    sizes = {"encoder.hidden": [32], "encoder.context": 8}
    return TopicVAE(K, preset, vocabulary=WORDS, set=sizes, **{"epochs": 3, **options})


@pytest.mark.parametrize("preset", ["combinedtm2021", "zeroshot2021"])
def test_vectors_are_those_of_lsa_unless_given(planted, preset, tmp_path):
    model = contextual(preset).fit(planted.train)
    assert model.config_.encoder.options.context == model.context_.columns == 8
    theta = model.transform(planted.test)
    model.save_pretrained(tmp_path / "m")
    np.testing.assert_array_equal(TopicVAE.from_pretrained(tmp_path / "m").transform(planted.test), theta)
    with pytest.raises(TextVAEError, match="reads no vectors"):
        model.transform(planted.test, vectors=planted.theta[700:])


def test_given_vectors_are_read(planted):
    rng = np.random.default_rng(0)
    # vectors that tell the topics, and nothing else does: the encoder reads them alone
    vectors = np.log(planted.theta + 1e-2) @ rng.normal(size=(K, 6))
    model = contextual("zeroshot2021", epochs=30).fit(planted.train, vectors=vectors[:700])
    assert model.config_.encoder.options.context == 6
    truth = planted.theta[700:].argmax(1)
    found = model.transform(planted.test, vectors=vectors[700:]).argmax(1)
    shuffled = model.transform(planted.test, vectors=rng.permutation(vectors[700:])).argmax(1)
    assert nmi(found, truth) > 0.4 > nmi(shuffled, truth) + 0.3
    np.testing.assert_allclose(
        contextual("zeroshot2021").fit_transform(planted.train, vectors=vectors[:700]).sum(1), 1, atol=1e-5
    )
    with pytest.raises(TextVAEError, match="reads vectors beside the documents: give vectors="):
        model.transform(planted.test)
    with pytest.raises(TextVAEError, match="200 rows of 6, not one of shape"):
        model.transform(planted.test, vectors=vectors)


def test_labels_and_covariates_are_learned_from(planted, tmp_path):
    labels = np.array([f"t{k}" for k in planted.theta.argmax(1)])
    covariates = np.eye(2)[np.arange(len(labels)) % 2]
    model = contextual("scholar2018").fit(planted.train, labels[:700], covariates=covariates[:700])
    assert model.context_.classes == sorted(set(labels))
    assert model.config_.encoder.options.context == K + 2
    theta = model.transform(planted.test, covariates=covariates[700:])
    model.save_pretrained(tmp_path / "m")
    loaded = TopicVAE.from_pretrained(tmp_path / "m")
    np.testing.assert_array_equal(loaded.transform(planted.test, covariates=covariates[700:]), theta)
    assert contextual("scholar2018").fit(planted.train, labels[:700]).context_.given == ""
    with pytest.raises(TextVAEError, match="learns from covariates or labels"):
        contextual("scholar2018").fit(planted.train)
    with pytest.raises(TextVAEError, match="700 documents, and 3 labels"):
        contextual("scholar2018").fit(planted.train, labels[:3])
