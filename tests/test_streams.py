"""Texts in chunks: the same latents and figures as at once, after a run cut short and in several processes too."""

import json
import weakref
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import small_config
from textvae.errors import TextVAEError
from textvae.estimators import evaluating, strings
from textvae.estimators.evaluating import evaluate, evaluate_chunks
from textvae.estimators.streams import fingerprint
from textvae.estimators.strings import encode_chunks, encode_strings
from textvae.model import VAE, build
from textvae.processes import Processes
from textvae.rowfile import RowFile
from textvae.text.corpus import Corpus
from textvae.text.grammar import grammar_corpus
from textvae.text.tokenize import Tokenizer
from two_processes import in_processes

Parts = tuple[VAE, Tokenizer]
TEXTS = [*grammar_corpus(100).texts, "", "word " * 40]


def untrained() -> Parts:
    """The same wherever it is called, and with latents that tell texts apart."""
    tokenizer = Tokenizer.train(TEXTS, "word")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = build(small_config(), tokenizer.vocab_size)
        torch.nn.init.normal_(model.posterior.loc.weight, std=3.0)  # pyright: ignore
    return model.eval(), tokenizer


@pytest.fixture(scope="module")
def parts() -> Parts:
    return untrained()


def chunks(size: int, stop: int | None = None, texts: list[str] = TEXTS) -> Iterator[Corpus]:
    """Chunks with a label, one without texts among them; at the text ``stop`` the run is cut short."""
    for start in range(0, len(texts), size):
        if stop is not None and start >= stop:
            raise KeyboardInterrupt
        numbers = np.arange(start, min(start + size, len(texts)))
        yield Corpus(texts[start : start + size], {"number": numbers})
        yield Corpus([], {"number": numbers[:0]}, dropped={"empty": 2})


def same_figures(found: dict[str, Any] | None, wanted: dict[str, Any] | None) -> None:
    assert found is not None
    assert wanted is not None
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value), name


# ---------------------------------------------------------------------- chunks


@pytest.mark.parametrize("size", [7, 1000])
def test_chunks_are_encoded_as_all_at_once(parts: Parts, size):
    rows = list(encode_chunks(*parts, chunks(size)))
    z = np.concatenate([columns["z"] for columns in rows])
    np.testing.assert_allclose(z, encode_strings(*parts, TEXTS), atol=1e-5)
    assert [text for columns in rows for text in columns["text"]] == TEXTS
    for name in ("index", "number"):
        assert np.concatenate([columns[name] for columns in rows]).tolist() == list(range(len(TEXTS)))
    unit = next(encode_chunks(*parts, chunks(size), normalize=True))["z"]
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-5)


def test_chunks_are_measured_as_all_at_once(parts: Parts):
    whole = evaluate(*parts, TEXTS, iw_samples=5)
    seen = []
    few = evaluate_chunks(*parts, chunks(7), iw_samples=5, progress=seen.append)
    same_figures(few, {**whole, "dropped": {"empty": 30}})
    assert whole["n_texts"] == whole["n_sampled"] == len(TEXTS)
    assert seen == sorted(seen)
    assert seen[-1] == len(TEXTS)
    assert few is not None
    # each text has noise of its own, by its number in the stream
    assert few["nll"] != evaluate(*parts, TEXTS[::-1], iw_samples=5)["nll"]


def test_of_many_texts_evenly_spaced_ones_are_compared(parts: Parts, monkeypatch):
    whole = evaluate(*parts, TEXTS, iw_samples=3)
    monkeypatch.setattr(evaluating, "_SAMPLE", 60)
    few = evaluate_chunks(*parts, chunks(9), iw_samples=3)
    assert few is not None
    assert few["n_sampled"] == 51
    assert "over 51 evenly spaced texts" in few["estimator"]
    alone = evaluate(*parts, TEXTS[::2], iw_samples=3)
    assert few["bleu"] == pytest.approx(alone["bleu"])
    for name in ("n_texts", "active_units"):
        assert few[name] == whole[name]
    for name in ("nll", "kl", "ppl", "bits_per_byte", "unk_rate"):
        assert few[name] == pytest.approx(whole[name], rel=1e-5)
    assert few["mi"] != whole["mi"]


@pytest.mark.parametrize("use", ["encode", "evaluate"])
def test_chunks_that_are_done_are_let_go(parts: Parts, monkeypatch, use):
    monkeypatch.setattr(evaluating, "_SAMPLE", 10)
    alive: list[int] = []

    def watched() -> Iterator[Corpus]:
        seen = []
        for chunk in chunks(10):
            seen.append(weakref.ref(chunk))
            yield chunk
            del chunk
            alive.append(sum(ref() is not None for ref in seen))

    if use == "encode":
        assert sum(len(columns["text"]) for columns in encode_chunks(*parts, watched())) == len(TEXTS)
    else:
        evaluate_chunks(*parts, watched(), iw_samples=1)
    assert max(alive) <= 1


def test_no_texts_get_a_sentence(parts: Parts):
    with pytest.raises(TextVAEError, match="no texts"):
        evaluate_chunks(*parts, chunks(7, texts=[]), iw_samples=1)
    with pytest.raises(TextVAEError, match="no texts"):
        evaluate(*parts, [], iw_samples=1)


# ---------------------------------------------------------------------- restarts


def test_encoding_goes_on_where_it_was_cut_short(parts: Parts, tmp_path, monkeypatch):
    path = tmp_path / "z.npy"
    with pytest.raises(KeyboardInterrupt), RowFile(path, "k") as file:
        list(encode_chunks(*parts, chunks(10, stop=50), file=file))
    encoded = []
    monkeypatch.setattr(
        strings, "encode_strings", lambda *a, **k: encoded.append(a[2]) or encode_strings(*a, **k)
    )
    with RowFile(path, "k") as file:
        assert len(list(encode_chunks(*parts, chunks(10), file=file))) == 6
        file.finish()
    assert [text for some in encoded for text in some] == TEXTS[50:]
    np.testing.assert_allclose(np.load(path), encode_strings(*parts, TEXTS), atol=1e-5)


def test_an_evaluation_goes_on_where_it_was_cut_short(parts: Parts, tmp_path, monkeypatch):
    figures = []
    for name, stop in (("whole", None), ("cut", 50), ("cut", None)):
        with RowFile(tmp_path / f"{name}.jsonl", "k") as file:
            try:
                figures.append(evaluate_chunks(*parts, chunks(10, stop), iw_samples=3, file=file))
            except KeyboardInterrupt:
                monkeypatch.setattr(evaluating, "evaluate_likelihood", counted := Counted())
            else:
                file.finish()
    assert figures[0] == figures[1]
    assert counted.texts == len(TEXTS) - 50
    whole, cut = ((tmp_path / f"{name}.jsonl").read_text() for name in ("whole", "cut"))
    assert whole == cut
    rows = [json.loads(line) for line in cut.splitlines()]
    assert [row["index"] for row in rows] == list(range(len(TEXTS)))
    assert sum(row["n_tokens"] for row in rows) == figures[0]["n_tokens"]
    for name in ("nll", "elbo", "reconstruction", "kl"):
        assert np.mean([row[name] for row in rows]) == pytest.approx(figures[0][name])


class Counted:
    """``evaluate_likelihood`` that counts texts."""

    def __init__(self) -> None:
        self.texts, self.measure = 0, evaluating.evaluate_likelihood

    def __call__(self, model: VAE, dataset: Any, **options: Any) -> Any:
        self.texts += len(dataset)
        return self.measure(model, dataset, **options)


def test_the_fingerprint_is_of_model_and_options(parts: Parts):
    model, tokenizer = parts
    same, other = untrained()[0], untrained()[0]
    with torch.no_grad():
        next(other.decoder.parameters()).add_(1e-3)
    key = fingerprint(model, tokenizer.to_json(), seed=0)
    assert fingerprint(same, tokenizer.to_json(), seed=0) == key
    others = {
        fingerprint(other, tokenizer.to_json(), seed=0),
        fingerprint(model, tokenizer.to_json(), seed=1),
    }
    others.add(fingerprint(model, Tokenizer.train(["another", "text"]).to_json(), seed=0))
    assert len(others | {key}) == 4


# ---------------------------------------------------------------------- processes


def share(folder: Path) -> dict[str, Any] | None:
    """What each of several processes does: the rest of the latents, and all figures."""
    processes = Processes(torch.device("cpu"))
    parts = untrained()
    with RowFile(folder / "z.npy", "k") if processes.is_main else nullcontext() as file:
        rows = list(encode_chunks(*parts, chunks(25), processes=processes, file=file))
        assert len(rows) == (3 if processes.is_main else 0)
        if file is not None:
            file.finish()
    with RowFile(folder / "figures.jsonl", "k") if processes.is_main else nullcontext() as file:
        figures = evaluate_chunks(*parts, chunks(101), iw_samples=3, processes=processes, file=file)
        if file is not None:
            file.finish()
    return figures


def test_two_processes_find_what_one_finds(parts: Parts, tmp_path):
    with pytest.raises(KeyboardInterrupt), RowFile(tmp_path / "z.npy", "k") as file:
        list(encode_chunks(*parts, chunks(25, stop=50), file=file))
    first, second = (ended.value for ended in in_processes(share, tmp_path))
    assert second is None
    same_figures(first, evaluate_chunks(*parts, chunks(101), iw_samples=3))
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), encode_strings(*parts, TEXTS), atol=1e-5)
    assert len((tmp_path / "figures.jsonl").read_text().splitlines()) == len(TEXTS)
    assert {path.name for path in tmp_path.iterdir()} == {"z.npy", "figures.jsonl"}
