"""Small models and batches for tests."""

import numpy as np
import torch

from textvae.config import Config, merge, read_config
from textvae.model import VAE, build
from textvae.registry import find, names
from textvae.text.batch import Dataset
from textvae.types import BOS, EOS, UNK, Batch, Rows

VOCAB = 30
SMALL = {
    "latent_dim": 4,
    "encoder": {"name": "lstm", "embedding": 16, "hidden": 16},
    "decoder": {"name": "lstm", "embedding": 16, "hidden": 24, "dropout": 0.0, "dropout_in": 0.0},
    "train": {"steps": 60, "batch_tokens": 400, "precision": "fp32"},
}
SMALL_ROWS = {
    "encoder": {"name": "precomputed", "hidden": 24},
    "decoder": {"name": "vector", "hidden": 24},
}
# What makes any part small and free of chance: of these, a part takes the options that it has.
SMALL_OPTIONS = {
    "embedding": 16,
    "hidden": 24,
    "width": 16,
    "heads": 2,
    "layers": 1,
    "filters": 8,
    "dropout": 0.0,
    "dropout_in": 0.0,
    "dropout_block": 0.0,
    "classes": 2,
    "codes": 2,
    "choices": 4,
    "components": 3,
    "context": 8,
    "labels": ["no", "yes"],
}


def small_config(**over) -> Config:
    return read_config(merge(SMALL, over))


def part_options(kind: str, name: str) -> dict:
    """A small version of any part, by its own options."""
    own = find(kind, name).config.model_fields
    return {"name": name} | {option: value for option, value in SMALL_OPTIONS.items() if option in own}


def parts(kind: str, data: str = "tokens") -> list[str]:
    """The encoders that read, or the decoders that score, texts ('tokens') or rows of a matrix ('rows')."""
    return [n for n in names(kind) if data in find(kind, n).provides | find(kind, n).requires]


def small_model(**over) -> VAE:
    return build(small_config(**over), VOCAB, torch.arange(VOCAB))


def small_rows_model(**over) -> VAE:
    return build(small_config(**merge(SMALL_ROWS, over)), VOCAB)


def random_ids(lengths, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.array([BOS, *rng.integers(UNK, VOCAB, n - 1), EOS], dtype=np.int32) for n in lengths]


def random_batch(lengths=(5, 9, 3, 1), seed: int = 0) -> Batch:
    return Dataset(random_ids(lengths, seed)).batch(range(len(lengths)))


def random_rows(n: int = 4) -> Rows:
    """Numbers in [0, 1], which every part for rows can take, and a context."""
    return Rows(torch.rand(n, VOCAB), torch.arange(n), torch.rand(n, SMALL_OPTIONS["context"]))


def padded(batch: Batch, extra: int) -> Batch:
    """The same texts with more pads."""
    pads = torch.zeros(len(batch), extra, dtype=batch.tokens.dtype)
    return Batch(torch.cat([batch.tokens, pads], 1), batch.index)


def one(batch: Batch, i: int) -> Batch:
    """Text ``i`` alone, without pads."""
    return Batch(batch.tokens[i : i + 1, : int(batch.lengths[i]) + 1], batch.index[i : i + 1])
