"""Texts and tokens on disk: the same as in memory, whole or absent, and of no weight in memory."""

import errno
import os
import tracemalloc

import numpy as np
import pytest

from textvae.errors import TextVAEError
from textvae.text.batch import Dataset, epoch_batches
from textvae.text.disk import TextFile, read_tokens, write_tokens
from textvae.types import BOS, EOS


def random_ids(count: int, vocab_size: int = 1000):
    rng = np.random.default_rng(0)
    for length in rng.integers(0, 30, count):
        yield np.array([BOS, *rng.integers(4, vocab_size, length), EOS], dtype=np.int32)


@pytest.mark.parametrize("vocab_size", [1000, 2**16 + 1])
def test_a_data_set_on_disk_gives_the_batches_of_one_in_memory(vocab_size, tmp_path, monkeypatch):
    monkeypatch.setattr("textvae.text.formats.ROWS", 100)
    monkeypatch.setattr("textvae.text.disk._BATCHES_REMEMBERED", 3)
    memory = Dataset(list(random_ids(1050, vocab_size)))
    assert write_tokens(tmp_path / "tokens", random_ids(1050, vocab_size), vocab_size, "key") == 1050
    disk = read_tokens(tmp_path / "tokens", "key")
    assert disk is not None
    assert len(disk) == 1050
    assert disk.lengths.tolist() == memory.lengths.tolist()
    assert all(np.array_equal(disk[i], memory[i]) for i in range(-1, 1050))
    orders = [epoch_batches(data.lengths, 300, seed=0, epoch=1) for data in (disk, memory)]
    for on_disk, in_memory in zip(*orders, strict=True):
        one, other = disk.batch(on_disk), memory.batch(in_memory)
        assert one.tokens.dtype == other.tokens.dtype
        assert one.tokens.equal(other.tokens)
        assert one.index.equal(other.index)
    part = disk.subset([3, 1])
    assert np.array_equal(part[0], memory[3])


def test_tokens_are_whole_or_absent(tmp_path):
    assert read_tokens(tmp_path, "key") is None
    write_tokens(tmp_path, random_ids(10), 1000, "key")
    assert read_tokens(tmp_path, "key") is not None
    assert read_tokens(tmp_path, "another") is None
    (tmp_path / "ids.bin").write_bytes((tmp_path / "ids.bin").read_bytes()[:-2])
    assert read_tokens(tmp_path, "key") is None
    write_tokens(tmp_path, random_ids(10), 1000, "key")

    def cut_short():
        yield from random_ids(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tokens(tmp_path, cut_short(), 1000, "key")
    assert not tmp_path.exists()


def test_a_full_disk_gets_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TextVAEError, match=r"Could not write .*tokens, .*: No space left on device\.$"):
        write_tokens(tmp_path / "tokens", random_ids(10), 1000, "key")
    assert list(tmp_path.iterdir()) == []
    with TextFile(tmp_path / "texts") as texts:
        texts._file.close()
        texts._file = open("/dev/full", "wb")  # noqa: SIM115
        with pytest.raises(TextVAEError, match="No space left"):
            texts.extend(["a text"])
    assert list(tmp_path.iterdir()) == []


def test_texts_come_back_as_they_were(tmp_path):
    given = ["one", "", "zwei \u00fc", "三", "four five"]
    with TextFile(tmp_path / "new" / "texts") as texts:
        texts.extend(given[:2])
        texts.extend(given[2:])
        assert len(texts) == 5
        assert list(texts) == list(texts) == given
        assert texts.evenly(10_000) == given
    assert not texts.path.exists()


def test_evenly_spaced_texts_are_of_the_size_asked_and_from_all_over(tmp_path):
    with TextFile(tmp_path / "texts") as texts:
        texts.extend([f"{i:09}" for i in range(1000)])  # of ten bytes each
        chosen = list(map(int, texts.evenly(2500)))
    assert len(chosen) == 250
    assert set(np.diff(chosen)) == {4}


def test_writing_tokens_takes_the_same_memory_however_many(tmp_path, monkeypatch):
    monkeypatch.setattr("textvae.text.formats.ROWS", 500)

    def most(count: int) -> int:
        tracemalloc.start()
        try:
            with TextFile(tmp_path / "texts") as texts:
                for start in range(0, count, 500):
                    texts.extend([f"text {i}" for i in range(start, start + 500)])
                ids = (np.array([BOS, len(text), EOS], np.int32) for text in texts)
                assert write_tokens(tmp_path / "tokens", ids, 1000, "key") == count
            disk = read_tokens(tmp_path / "tokens", "key")
            assert disk is not None
            disk.batch([0, count - 1])
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert most(20_000) < 1.2 * most(5000)
