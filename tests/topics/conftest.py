"""A model trained on documents whose topics are known."""

import numpy as np
import pytest

from planted_topics import Planted, plant, small
from textvae import TopicVAE
from textvae.metrics.topics import align


@pytest.fixture(scope="session")
def planted() -> Planted:
    return plant()


@pytest.fixture(scope="session")
def model(planted) -> TopicVAE:
    return small(epochs=40, set={"train.lr": 0.03}).fit(planted.train)


@pytest.fixture(scope="session")
def places(planted, model) -> np.ndarray:
    """(K,) the model's number of each planted topic."""
    return align(planted.topics, model.components_)[0]
