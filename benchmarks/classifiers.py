"""Classifiers that know labelled texts and nothing else: what a latent space has to beat, and who judges edits.

The networks are textvae's own encoders with a linear layer on top: `cnn` is that of Kim 2014, `lstm` a recurrent net
with its states pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textvae.layers import WordDropout
from textvae.model import evaluating
from textvae.noise import seeded
from textvae.registry import find
from textvae.text.batch import Dataset, epoch_batches, token_batches
from textvae.text.read import load_corpus
from textvae.text.tokenize import Tokenizer
from textvae.types import UNK, Batch

_TOKENS = 600  # in a batch: about 60 texts of short_yelp
_PATIENCE = 4  # epochs without a better validation
_UNKNOWN = 0.05  # share of words taken for unknown in training, which is how unknown ones are learned


@dataclass(frozen=True)
class Labelled:
    """Texts with labels, 0 or 1."""

    texts: list[str]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, places: Sequence[int] | np.ndarray) -> Labelled:
        """The texts at these places."""
        return Labelled([self.texts[i] for i in places], self.labels[places])

    def first(self, n: int) -> Labelled:
        """The first ``n``."""
        return self.at(np.arange(min(n, len(self))))


def read(path: Path) -> Labelled:
    """A file of ``label<TAB>text``."""
    corpus = load_corpus(path, text_column=1, label_column=0)
    (labels,) = corpus.labels.values()
    return Labelled(corpus.texts, labels)


@dataclass(frozen=True)
class Tuning:
    """What is tried for each classifier: the best on the validation texts is taken."""

    lr: float
    dropout: float


GRID = [Tuning(lr, dropout) for lr, dropout in product((1e-3, 4e-3), (0.3, 0.6))]


class Network(nn.Module):
    """An encoder of textvae, dropout and a linear layer."""

    def __init__(self, encoder: str, vocab_size: int, dropout: float):
        super().__init__()
        entry = find("encoder", encoder)
        sizes = {"hidden": 128} if encoder == "lstm" else {"filters": 100}
        options = entry.config.model_validate({"embedding": 128, "dropout": dropout, **sizes})
        self.encoder = entry.cls(options, vocab_size)
        self.unknown = WordDropout(_UNKNOWN, UNK, keep_below=UNK)
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.encoder.out_features, 1))

    def forward(self, batch: Batch) -> Tensor:
        """(B,) the log odds of label 1."""
        return self.output(self.encoder(Batch(self.unknown(batch.tokens), batch.index)))[:, 0]


class Classifier:
    """A network trained on labelled texts until validation texts are told apart no better, its best weights kept."""

    def __init__(
        self, encoder: str, train: Labelled, validation: Labelled, tuning: Tuning, seed: int, epochs: int = 40
    ):
        self.tuning = tuning
        self.tokenizer = Tokenizer.train(train.texts, "word", 20_000)
        data = Dataset(self.tokenizer.encode(train.texts), labels=train.labels)
        self.validated = 0.0
        with seeded(torch.device("cpu"), seed):
            self.network = Network(encoder, self.tokenizer.vocab_size, tuning.dropout)
            optimiser = torch.optim.Adam(self.network.parameters(), lr=tuning.lr)
            best, since = self.network.state_dict(), 0
            for epoch in range(epochs):
                for places in epoch_batches(data.lengths, _TOKENS, seed=seed, epoch=epoch):
                    batch = data.batch(places)
                    assert batch.labels is not None
                    loss = F.binary_cross_entropy_with_logits(self.network(batch), batch.labels.float())
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                accuracy = self.accuracy(validation)
                since = 0 if accuracy > self.validated else since + 1
                if since == 0:
                    self.validated = accuracy
                    best = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
                if since >= _PATIENCE:
                    break
        self.network.load_state_dict(best)

    def positive(self, texts: Sequence[str]) -> np.ndarray:
        """(N,) P(label 1)."""
        data = Dataset(self.tokenizer.encode(texts))
        found = np.empty(len(data))
        with evaluating(self.network):
            for places in token_batches(data.lengths, 4096):
                found[places] = torch.sigmoid(self.network(data.batch(places))).numpy()
        return found

    def accuracy(self, texts: Labelled) -> float:
        """On these texts."""
        return float(((self.positive(texts.texts) > 0.5) == texts.labels).mean())


def tuned(encoder: str, train: Labelled, validation: Labelled, seed: int) -> Classifier:
    """The best of the grid on the validation texts."""
    trained = (Classifier(encoder, train, validation, tuning, seed) for tuning in GRID)
    return max(trained, key=lambda classifier: classifier.validated)
