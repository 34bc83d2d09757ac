"""Documents that an LDA made, whose topics and shares are known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import clone

from textvae import TopicVAE

K, V, N = 4, 100, 900
WORDS = [f"w{i:03d}" for i in range(V)]


@dataclass(frozen=True)
class Planted:
    topics: np.ndarray  # (K, V)
    theta: np.ndarray  # (N, K)
    counts: Any  # (N, V)

    @property
    def train(self):
        return self.counts[:700]

    @property
    def test(self):
        return self.counts[700:]


def plant(seed: int = 0) -> Planted:
    rng = np.random.default_rng(seed)
    topics = rng.dirichlet(np.full(V, 0.05), size=K)
    theta = rng.dirichlet(np.full(K, 0.3), size=N)
    counts = np.array([rng.multinomial(rng.integers(20, 100), shares @ topics) for shares in theta])
    return Planted(topics, theta, scipy.sparse.csr_array(counts))


def small(n_topics: int = K, epochs: float = 2, set=None, **options) -> TopicVAE:
    """A model whose topics are mixed as in the LDA."""
    mixture = {"decoder.words": "mixture", "train.batch_tokens": 50, "train.lr": 0.01}
    options = {"vocabulary": WORDS, **options}
    return TopicVAE(n_topics, epochs=epochs, set={**mixture, **(set or {})}, **options)


def copy_of(model: TopicVAE) -> TopicVAE:
    """A new one with the same options."""
    copied = clone(model)
    assert isinstance(copied, TopicVAE)
    return copied


def texts_of(counts) -> list[str]:
    """Texts with these counts."""
    return [" ".join(WORDS[i] for i in np.repeat(np.arange(V), row)) for row in counts.toarray()]
