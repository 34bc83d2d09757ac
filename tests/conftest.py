"""Fixtures for every test."""

import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

# English, whatever the locale here, in this process and in those that it starts.
os.environ["TEXTVAE_LANG"] = "en"

# Small tensors gain nothing from many threads, which on a busy machine wait for each other.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seed() -> int:
    """The seed that every test starts from, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    return 0


@pytest.fixture
def ticking(monkeypatch) -> Callable[[float], None]:
    """Lets the clock of training start at 0 and gain so many seconds whenever it is looked at, on any machine."""

    def start(seconds: float) -> None:
        times = (number * seconds for number in itertools.count())
        monkeypatch.setattr("textvae.train.length.time", SimpleNamespace(monotonic=lambda: next(times)))

    return start


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of benchmark data beside the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("benchmark data not present")
    return folder
