"""A model whose latent is planted: each coordinate decides one thing about the texts that it writes."""

from __future__ import annotations

import numpy as np
import pytest

from textvae import TextVAE
from textvae.text.corpus import Corpus

_SIZES = ("encoder.embedding", "encoder.hidden", "decoder.embedding", "decoder.hidden")
_DROPOUTS = ("encoder.dropout", "decoder.dropout", "decoder.dropout_in", "decoder.weight_dropout")
SET = dict.fromkeys(_SIZES, 32) | dict.fromkeys(_DROPOUTS, 0.0)


_WHO = ("we", "they", "the guests", "the cooks", "my friends", "his parents")
_MOOD = (("happy", "glad", "pleased"), ("sad", "angry", "bored"))
_SHOWN = (("smiled", "laughed", "danced"), ("cried", "shouted", "left"))
_TIME = (("today", "this morning", "here", "again"), ("for a while", "in town", "at home", "outside"))


def planted(n: int = 1200, seed: int = 0) -> Corpus:
    """``we were happy and smiled today .``: independent choices; the mood, which two words tell, has a label."""
    rng = np.random.default_rng(seed)
    tense, mood, place = rng.integers(0, 2, (3, n))
    texts = [
        f"{rng.choice(_WHO)} {('are', 'were')[a]} {rng.choice(_MOOD[b])} and {rng.choice(_SHOWN[b])} "
        f"{rng.choice(_TIME[c])} ."
        for a, b, c in zip(tense, mood, place, strict=True)
    ]
    labels = {"mood": np.array(["up", "down"])[mood], "noise": rng.integers(0, 2, n).astype(str)}
    return Corpus(texts, labels, "planted")


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return planted()


@pytest.fixture(scope="session")
def unseen() -> list[str]:
    """150 more texts of the same kind."""
    return planted(150, seed=7).texts


@pytest.fixture(scope="session")
def vae(corpus) -> TextVAE:
    """Not to be changed."""
    return TextVAE(latent_dim=4, steps=300, seed=0, set=SET | {"train.lr": 0.01}).fit(corpus.texts)
