"""Batches: every text once, within the budget, padded right, a pure function of seed and epoch."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textvae.errors import TextVAEError
from textvae.text.batch import Dataset, drop_long, epoch_batches, token_batches
from textvae.types import BOS, EOS, PAD

lengths = st.lists(st.integers(1, 60), min_size=1, max_size=300)


@pytest.fixture(params=[None, 64], ids=["whole", "in blocks"])
def shuffled(request, monkeypatch):
    """An epoch shuffled as a whole, and one of a data set too large for that."""
    if request.param is not None:
        monkeypatch.setattr("textvae.text.batch.SHUFFLED_TEXTS", request.param)
        monkeypatch.setattr("textvae.text.batch.BLOCK", request.param // 8)


@pytest.mark.usefixtures("shuffled")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=lengths, budget=st.integers(60, 500), seed=st.integers(0, 100), epoch=st.integers(0, 3))
def test_batches_hold_every_text_once_within_the_budget(lengths, budget, seed, epoch):
    for batches in (
        token_batches(lengths, budget),
        list(epoch_batches(lengths, budget, seed=seed, epoch=epoch)),
    ):
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        assert all(len(batch) * np.array(lengths)[batch].max() <= budget for batch in batches)


@pytest.mark.usefixtures("shuffled")
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=lengths, seed=st.integers(0, 100), epoch=st.integers(0, 3))
def test_order_is_a_pure_function_of_seed_and_epoch(lengths, seed, epoch):
    np.random.seed(seed + 1)
    one = epoch_batches(lengths, 100, seed=seed, epoch=epoch)
    np.random.seed(seed + 2)
    other = epoch_batches(np.array(lengths), 100, seed=seed, epoch=epoch)
    assert [batch.tolist() for batch in one] == [batch.tolist() for batch in other]


@pytest.mark.parametrize("count", [20_000, 50_000])
def test_epochs_differ_and_padding_is_small(count, monkeypatch):
    monkeypatch.setattr("textvae.text.batch.SHUFFLED_TEXTS", 20_000)
    monkeypatch.setattr("textvae.text.batch.BLOCK", 500)
    lengths = np.random.default_rng(0).integers(1, 60, count)
    first, second = (list(epoch_batches(lengths, 2000, seed=1, epoch=epoch)) for epoch in (0, 1))
    assert first[0].tolist() != second[0].tolist()
    padded = sum(len(batch) * lengths[batch].max() for batch in first)
    assert lengths.sum() / padded > 0.95


def test_a_batch_of_a_large_data_set_is_from_all_over_it(monkeypatch):
    monkeypatch.setattr("textvae.text.batch.SHUFFLED_TEXTS", 2**12)
    monkeypatch.setattr("textvae.text.batch.BLOCK", 2**6)
    lengths = np.full(2**16, 10)
    batches = list(epoch_batches(lengths, 640, seed=0, epoch=0))
    blocks = np.array([len(set(batch // 2**6)) for batch in batches])
    assert blocks.mean() > 32  # of 64 texts from one of 64 blocks each: 41 blocks if each is drawn at random
    order = np.concatenate(batches)
    # the first part of an epoch stands for the whole of it
    assert abs(order[: 2**13].mean() / 2**15 - 1) < 0.2


def test_an_epoch_of_a_large_data_set_is_planned_as_it_is_needed(monkeypatch):
    monkeypatch.setattr("textvae.text.batch.SHUFFLED_TEXTS", 2**12)
    monkeypatch.setattr("textvae.text.batch.BLOCK", 2**6)

    def most(count: int) -> int:
        lengths = np.full(count, 10, dtype=np.int32)
        tracemalloc.start()
        try:
            assert sum(len(batch) for batch in epoch_batches(lengths, 640, seed=0, epoch=0)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert most(2**16) < 1.2 * most(2**13)


def test_in_evaluation_short_texts_come_first():
    lengths = np.random.default_rng(0).integers(1, 60, 500)
    order = np.concatenate(token_batches(lengths, 200))
    assert (np.diff(lengths[order]) >= 0).all()


def test_batch_pads_to_its_longest_text():
    ids = [
        np.array([BOS, 5, EOS], np.int32),
        np.array([BOS, 6, 7, 8, EOS], np.int32),
        np.array([BOS, EOS], np.int32),
    ]
    data = Dataset(ids)
    assert len(data) == 3
    assert data.lengths.tolist() == [2, 4, 1]
    batch = data.batch([2, 0])
    assert batch.tokens.tolist() == [[BOS, EOS, PAD], [BOS, 5, EOS]]
    assert batch.tokens.dtype == batch.index.dtype == torch.int64
    assert batch.index.tolist() == [2, 0]
    assert Dataset(ids, numbers=[10, 20, 30]).batch([2, 0]).index.tolist() == [30, 10]
    assert batch.lengths.tolist() == [1, 2]
    whole = data.batch(np.arange(3))
    assert whole.lengths.tolist() == data.lengths.tolist()
    assert [data[i].tolist() for i in range(-1, 3)] == [ids[i].tolist() for i in range(-1, 3)]


def test_drop_long_counts():
    ids = [np.arange(n) for n in (2, 9, 4)]
    kept, dropped = drop_long(ids, 3)
    assert kept.tolist() == [0, 2]
    assert dropped == 1
    assert drop_long(ids, 8)[1] == 0


def test_bad_input_is_refused():
    with pytest.raises(TextVAEError, match="at least one text"):
        Dataset([])
    with pytest.raises(TextVAEError, match="text 1 lacks"):
        Dataset([np.array([BOS, EOS]), np.array([BOS])])
    with pytest.raises(TextVAEError, match="longest text has 9 tokens"):
        token_batches([3, 9], 8)
    with pytest.raises(TextVAEError, match="longest text has 9 tokens"):
        next(epoch_batches([3, 9], 8, seed=0, epoch=0))
    with pytest.raises(TextVAEError, match="no texts"):
        Dataset([np.array([BOS, EOS])]).batch([])
    assert token_batches([], 8) == []
