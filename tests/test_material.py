"""Corpora of any size: the same training whatever texts come in, in little memory, and nothing lost when it fails."""

import errno
import gzip
import os
import shutil
import signal
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from models import small_config
from textvae import Corpus, TextVAE, TextVAEError
from textvae.estimators import material
from textvae.estimators.material import prepare
from textvae.store import TOKENS, tensors
from textvae.text import disk
from textvae.text.grammar import grammar_corpus
from textvae.text.read import read_chunks
from textvae.train.tracking import Silent

TEXTS = grammar_corpus(400).texts
SMALL = {f"{part}.{size}": 16 for part in ("encoder", "decoder") for size in ("embedding", "hidden")}


@pytest.fixture(autouse=True, scope="module")
def in_small_pieces():
    """So that a few hundred texts are many chunks, and too many to be shuffled as one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textvae.text.formats.ROWS", 50)
        patch.setattr("textvae.text.batch.SHUFFLED_TEXTS", 128)
        patch.setattr("textvae.text.batch.BLOCK", 16)
        yield


def small(steps: int = 3, **options) -> TextVAE:
    return TextVAE(latent_dim=4, steps=steps, set={**SMALL, "train.batch_tokens": 500}, **options)


def weights(vae: TextVAE) -> dict[str, list]:
    return {name: tensor.tolist() for name, tensor in tensors(vae.model_).items()}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_training_is_the_same_whatever_the_texts_come_in(tmp_path):
    (tmp_path / "all.txt.gz").write_bytes(gzip.compress("\n".join(TEXTS).encode()))
    (tmp_path / "a.txt").write_text("\n".join(TEXTS[:130]))
    (tmp_path / "b.csv").write_text("text\n" + "".join(f'"{text}"\n' for text in TEXTS[130:]))
    whole = weights(small().fit(Corpus([f" {text}\n" for text in TEXTS])))
    for source in (
        (text for text in TEXTS),
        tmp_path / "all.txt.gz",
        read_chunks([tmp_path / "a.txt", tmp_path / "b.csv"]),
    ):
        assert weights(small().fit(source)) == whole


def test_texts_are_split_tokenised_and_counted_as_in_memory(tmp_path):
    config = small_config(text={"max_length": 12})
    made = prepare(iter([Corpus([*TEXTS, "long " * 20])]), None, config, tmp_path / "tokens")
    train = [made.tokenizer.decode(made.train[i]) for i in range(len(made.train))]
    short = [text for text in TEXTS if len(made.tokenizer.tokens(text)) < 12]
    held = [made.tokenizer.decode(made.validation[i]) for i in range(len(made.validation))] + made.test
    assert Counter(train + held) == Counter(short)
    assert not set(train) & set(held)
    facts = made.facts
    assert (facts["n_train"], facts["n_validation"] + facts["n_test"]) == (len(train), len(held))
    assert facts["dropped"] == {"longer than 12 tokens": 401 - len(short)}
    ids = np.concatenate([made.train[i][1:] for i in range(len(made.train))])
    counts = np.bincount(ids, minlength=made.tokenizer.vocab_size)
    np.testing.assert_array_equal(made.tokenizer.frequencies, counts)
    assert [path.name for path in tmp_path.rglob("*.txt")] == []
    fewer = prepare(iter([Corpus(TEXTS)]), None, small_config(train={"held_out": 0.02}), tmp_path / "fewer")
    assert 0 < fewer.facts["n_validation"] + fewer.facts["n_test"] < len(held) / 3


def test_a_tokeniser_learns_from_evenly_spaced_texts_of_a_large_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(material, "_LEARNT_FROM", 3000)
    made = prepare(iter([Corpus(TEXTS)]), None, small_config(), tmp_path)
    assert made.facts["tokenizer_texts"] < 100
    assert any("learnt from" in line for line in material.describe(made))


def test_memory_does_not_grow_with_the_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr("textvae.text.split.MOST_HELD_OUT", 100)
    monkeypatch.setattr(material, "_LEARNT_FROM", 10_000)

    def most(count: int) -> int:
        texts = (TEXTS[i % 7] + f" {i}" for i in range(count))
        chunks = read_chunks(texts)
        tracemalloc.start()
        try:
            made = prepare(chunks, None, small_config(), tmp_path / str(count))
            assert made.facts["n_train"] == count - 100
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert most(8000) < 1.2 * most(2000)


class InterruptedAt(Silent):
    """Ctrl-C after so many steps."""

    def row(self, row):
        if row["step"] == 50:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory) -> Path:
    """The folder of a training that can be gone on with; not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "cut"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textvae.estimators.text_vae.Silent", InterruptedAt)
        fitted = small(steps=90).fit(TEXTS, output=folder)
    assert fitted.metrics_["training"]["reason"] == "interrupted"
    return folder


@pytest.fixture(scope="module")
def unbroken() -> dict[str, list]:
    return weights(small(steps=90).fit(TEXTS))


def test_a_resumed_training_uses_the_tokens_that_are_there(interrupted, unbroken, tmp_path, monkeypatch):
    folder = shutil.copytree(interrupted, tmp_path / "cut")
    assert (folder / TOKENS / "tokens.json").exists()
    monkeypatch.setattr(material, "write_tokens", lambda *_: pytest.fail("tokenised again"))
    assert weights(TextVAE().fit(iter(TEXTS), output=folder, resume=True)) == unbroken
    assert not (folder / TOKENS).exists()


def test_tokens_that_are_damaged_or_gone_are_made_again(interrupted, unbroken, tmp_path):
    folder = shutil.copytree(interrupted, tmp_path / "cut")
    (folder / TOKENS / "ids.bin").write_bytes(b"")
    (folder / TOKENS / "texts.txt").write_text("left by a process that was killed")
    assert weights(TextVAE().fit(TEXTS, output=folder, resume=True)) == unbroken


def damaged(folder: Path) -> tuple[list[Path], str]:
    whole = gzip.compress("\n".join(TEXTS[200:]).encode())
    (folder / "b.txt.gz").write_bytes(whole[:-20])
    return [folder / "a.txt", folder / "b.txt.gz"], r"b.txt.gz is not a whole .gz file: .*"


def other_columns(folder: Path) -> tuple[list[Path], str]:
    (folder / "a.csv").write_text("id,text\n1,one text\n")
    (folder / "b.csv").write_text("id,review\n2,another text\n")
    return [folder / "a.csv", folder / "b.csv"], r"a.csv are in its column 'text', and those of .*b.csv"


def gone(folder: Path) -> tuple[list[Path], str]:
    return [folder / "a.txt", folder / "b.txt"], r"there is no file .*b.txt"


def changed(folder: Path) -> tuple[list[Path], str]:
    (folder / "b.txt").write_text("\n".join([*TEXTS[200:-1], "another text"]))
    return [folder / "a.txt", folder / "b.txt"], "not those that the training"


@pytest.mark.parametrize("shards", [damaged, other_columns, gone, changed])
def test_bad_shards_get_a_sentence_and_what_was_done_is_kept(shards, interrupted, tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(TEXTS[:200]))
    paths, sentence = shards(tmp_path)
    before = contents(interrupted)
    with pytest.raises(TextVAEError, match=sentence):
        TextVAE().fit(read_chunks(paths), output=interrupted, resume=True)
    assert contents(interrupted) == before
    if shards is not changed:
        with pytest.raises(TextVAEError, match=sentence):
            small().fit(read_chunks(paths), output=tmp_path / "new")
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("writer", ["TextFile.extend", "write_tokens"])
def test_a_full_disk_gets_a_sentence_and_what_was_done_is_kept(writer, interrupted, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        with disk._writing(tmp_path / "some file"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(interrupted)
    monkeypatch.setattr(f"textvae.estimators.material.{writer}", full)
    with pytest.raises(TextVAEError, match=r"Could not write .*some file, .*: No space left on device"):
        small().fit(TEXTS, output=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(TextVAEError, match="No space left"):
        small().fit(TEXTS, output=interrupted, overwrite=True)
    assert contents(interrupted) == before


def test_what_a_killed_process_leaves_is_in_nobodys_way(tmp_path):
    (tmp_path / "m" / TOKENS).mkdir(parents=True)
    (tmp_path / "m" / TOKENS / "texts.txt").write_text("some text\n")
    small().fit(TEXTS, output=tmp_path / "m")
    assert not (tmp_path / "m" / TOKENS).exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([Corpus(["a", "b"]), "c"], "are corpora, not a str"),
        ((item for item in ["a", None]), "Text 1 is a NoneType"),
        ([Corpus([])], "at least two different texts, and texts has 0 text"),
    ],
)
def test_things_that_are_no_texts_get_a_sentence(given, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        small().fit(given)
