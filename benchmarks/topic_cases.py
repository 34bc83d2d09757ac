"""Epochs of a topic model: textvae's ProdLDA beside the same model in plain PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse
import torch
from contest import Result, interleave, timed
from torch import Tensor, nn
from torch.nn import functional as F

from textvae.config import Config, read_config
from textvae.matrix import RowsDataset
from textvae.model import VAE, build, build_objective
from textvae.presets import load_preset
from textvae.train.loop import Trainer
from textvae.train.tracking import Silent

VOCAB, _WORDS, _TOPICS, _HIDDEN, _BATCH = 5000, 100, 50, 100, 200
_DROPOUT, _CONCENTRATION = 0.2, 1.0


class PlainProdLDA(nn.Module):
    """Srivastava & Sutton 2017 in the manner of research code: dense counts, all log probabilities, fp32."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(VOCAB, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT)
        )
        self.loc, self.log_variance = nn.Linear(_HIDDEN, _TOPICS, bias=False), nn.Linear(_HIDDEN, _TOPICS)
        self.loc_norm = nn.BatchNorm1d(_TOPICS, affine=False)
        self.dropout = nn.Dropout(_DROPOUT)
        self.topics = nn.Linear(_TOPICS, VOCAB, bias=False)
        self.words_norm = nn.BatchNorm1d(VOCAB, affine=False)
        self.prior_variance = (
            1 - 1 / _TOPICS
        ) / _CONCENTRATION  # of the Laplace approximation, whose mean is 0

    @torch.no_grad()
    def copy_weights(self, model: VAE) -> None:
        """Those of textvae's model, so that losses can be compared."""
        theirs = model.state_dict()
        parts = {"encoder.0": "encoder.net.0.0", "encoder.2": "encoder.net.1.0"}
        parts |= {name: f"posterior.{name}" for name in ("loc", "log_variance")}
        for name, parameter in self.named_parameters():
            part, _, kind = name.rpartition(".")
            parameter.copy_(
                theirs["decoder.weight"].t() if part == "topics" else theirs[f"{parts[part]}.{kind}"]
            )

    def forward(self, counts: Tensor, noise: bool = True) -> Tensor:
        """−ELBO (B,) in nats of the counts (B, V)."""
        hidden = self.encoder(counts.log1p())
        loc, log_variance = self.loc_norm(self.loc(hidden)), self.log_variance(hidden)
        z = loc + torch.randn_like(loc) * (0.5 * log_variance).exp() * noise
        scores = self.words_norm(self.topics(self.dropout(z.softmax(-1))))
        ratio = log_variance.exp() / self.prior_variance
        kl = 0.5 * (ratio + loc.square() / self.prior_variance - 1 - ratio.log()).sum(1)
        return kl - (counts * F.log_softmax(scores, -1)).sum(1)


def prodlda(epochs: int) -> Config:
    """textvae's options for the same model."""
    preset = load_preset("prodlda2017").config
    length = {"epochs": epochs, "validations": 1}
    return read_config({**preset, "latent_dim": _TOPICS, "train": {**preset["train"], **length}})


def topic_epoch(device: torch.device, rounds: int, scale: float) -> Result:
    """Documents a second in training, set-up included: 100 words each, of 5,000, 50 topics, 200 documents a batch."""
    counts = documents(round(4000 * scale))
    reference = PlainProdLDA().to(device).train()
    optimiser = torch.optim.Adam(reference.parameters(), lr=2e-3)
    config = prodlda(epochs=1)
    data, held_out = RowsDataset(counts), RowsDataset(counts[:_BATCH])
    model = build(config, VOCAB)

    def plain() -> float:
        for rows in _batches(len(data)):
            batch = torch.from_numpy(counts[rows].toarray()).to(device)
            loss = reference(batch).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()
        return len(data)

    def textvae() -> float:
        objective = build_objective(config, VOCAB)
        Trainer(
            model, objective, data, held_out, config.train, folder=None, watcher=Silent(), device=device.type
        ).run()
        return len(data)

    runs = {"reference": lambda: timed(plain, device), "textvae": lambda: timed(textvae, device)}
    return Result("topics", "documents/s", interleave(runs, rounds), facts={"documents": len(data)})


def documents(number: int) -> scipy.sparse.csr_array:
    """Counts (N, V) float32 of documents whose words are independent, with frequencies by Zipf's law."""
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(3, VOCAB + 3)
    words = rng.choice(VOCAB, (number, _WORDS), p=frequency / frequency.sum())
    rows = np.repeat(np.arange(number), _WORDS)
    ones = np.ones(words.size, np.float32)
    return scipy.sparse.csr_array(scipy.sparse.coo_array((ones, (rows, words.ravel())), (number, VOCAB)))


def _batches(number: int) -> Iterator[np.ndarray]:
    order = np.random.default_rng(0).permutation(number)
    yield from np.split(order, range(_BATCH, number, _BATCH))
