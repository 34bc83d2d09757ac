"""The leaderboard, on a small set of grammar's sentences."""

import json
import math
import subprocess
import sys

import pytest

from textvae.bench import board
from textvae.bench.board import run, write_board
from textvae.bench.entry import Asked, figures_of
from textvae.bench.picture import draw
from textvae.bench.sets import BenchmarkSet, load_set, set_names
from textvae.errors import TextVAEError
from textvae.estimators import TextVAE
from textvae.presets import load_preset
from textvae.text.read import load_corpus

SMALL = (
    "encoder.hidden=24",
    "encoder.embedding=16",
    "decoder.hidden=24",
    "decoder.embedding=16",
    "train.lr=0.02",
)
SET = BenchmarkSet(
    name="tiny", title="A small set", train="a.txt", validation="b.txt", test="c.txt",
    lowercase=True, note="Made up.", published={"bowman2016": "1.0 / 2.7"},
)  # fmt: skip


def asked(preset: str = "bowman2016", *options: str) -> Asked:
    return Asked(
        set="tiny", preset=preset, length={"steps": 60}, options=(*SMALL, *options), iw_samples=5, samples=40
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    texts = load_corpus("grammar").texts[:700]
    for name, part in (("a", texts[:600]), ("b", texts[600:650]), ("c", texts[650:])):
        (place / f"{name}.txt").write_text("\n".join(part).upper() + "\n")
    return place


@pytest.fixture(scope="module")
def entries(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("board")
    return run([asked(), asked("bowman2016", "decoder.layers=0")], SET, folder, output, say=print), output


def test_all_samples_for_some_texts_give_the_nll_of_all_samples_for_all(folder):
    train, test = (load_corpus(str(folder / name)) for name in ("a.txt", "c.txt"))
    rate = "objective.beta=0.1"  # a rate high enough that ten samples are too few
    vae = TextVAE("bowman2016", steps=100, set=[*SMALL, rate], verbose=False).fit(train)
    few, some, all_ = (
        figures_of(vae, test, asked().model_copy(update={"iw_samples": k, "iw_texts": texts}))
        for k, texts in ((10, None), (400, 20), (400, None))
    )
    assert (some["iw_texts"], all_["iw_texts"]) == (20, 50)
    assert abs(some["nll"] - all_["nll"]) < abs(few["nll"] - all_["nll"])
    assert some["ppl"] == pytest.approx(math.exp(some["nll"] * some["n_texts"] / some["n_tokens"]))
    assert some["nll_stderr"] == pytest.approx(all_["nll_stderr"], rel=0.2)


def test_an_entry_has_figures_and_a_failed_one_its_reason(entries):
    (good, bad), _ = entries
    figures = good["figures"]
    assert figures["nll"] < figures["n_tokens"] / figures["n_texts"] * math.log(
        60
    )  # the vocabulary of grammar
    assert figures["nll"] <= -figures["elbo"] + 0.05
    assert figures["samples"]["n_samples"] == 40
    assert figures["samples"]["real_forward_ppl"] < figures["samples"]["forward_ppl"]
    assert figures["peak_mib"] > 100
    assert "decoder.layers" in bad["failed"]


def test_what_was_measured_is_not_run_again(entries, folder, monkeypatch):
    (good, _), output = entries
    again = asked()
    (output / "entries" / f"{again.name}.json").write_text(json.dumps(good))
    monkeypatch.setattr(board, "measured", lambda *_: pytest.fail("ran again"))
    assert run([again], SET, folder, output, say=print) == [good]
    monkeypatch.setattr(board, "measured", lambda *_: {"other": 1})
    longer = again.model_copy(update={"length": {"steps": 61}})
    assert run([longer], SET, folder, output, say=print)[0]["figures"] == {"other": 1}


def test_what_was_measured_is_run_again_when_its_preset_is_another(entries, folder, monkeypatch):
    (good, _), output = entries
    monkeypatch.setattr(board, "measured", lambda *_: {"other": 1})
    earlier = json.loads(json.dumps(good))
    del earlier["figures"]["config"]["train"][
        "held_out"
    ]  # an option that there was not: its default is meant
    file = output / "entries" / f"{asked().name}.json"
    file.write_text(json.dumps(earlier))
    assert run([asked()], SET, folder, output, say=print) == [earlier]
    for section, option, value in (("decoder", "dropout", 0.123), ("train", "no_such", 1)):
        changed = json.loads(json.dumps(good))
        changed["figures"]["config"][section][option] = value
        file.write_text(json.dumps(changed))
        assert run([asked()], SET, folder, output, say=print)[0]["figures"] == {"other": 1}


ENDLESS = """
import sys
from pathlib import Path
from textvae.bench.entry import Asked, measured
from textvae.bench.sets import BenchmarkSet
measured(
    Asked(set="tiny", preset="bowman2016", length={"steps": 10**9}),
    BenchmarkSet.model_validate_json(sys.argv[1]),
    Path(sys.argv[2]),
)
"""


def test_a_killed_benchmark_takes_its_training_along(folder):
    command = [sys.executable, "-c", ENDLESS, SET.model_dump_json(), str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        assert any("phase: elbo" in line for line in process.stderr)
    finally:
        process.kill()
    process.communicate(timeout=60)  # until the last that could write there, the process that trains, is gone


def test_the_board_shows_rows_published_figures_and_failures(entries, tmp_path):
    page, data = write_board(entries[0], SET, tmp_path, "textvae bench tiny")
    text = page.read_text()
    for words in (
        "# A small set",
        "Made up.",
        "textvae bench tiny",
        f"| bowman2016 | 1.0 / 2.7 | {entries[0][0]['figures']['nll']:.1f} / ",
        load_preset("bowman2016").deviations,
        "*real texts*",
    ):
        assert words in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table[:4]}) == 1
    assert "- bowman2016-seed0: " in text.partition("## Failed")[2]
    assert json.loads(data.read_text())["entries"] == json.loads(json.dumps(entries[0]))
    draw(entries[0], SET.title, tmp_path / "picture.svg")
    assert "<svg" in (tmp_path / "picture.svg").read_text()


def test_missing_sets_and_files_are_named(tmp_path):
    with pytest.raises(TextVAEError, match=r"no benchmark set called 'ptbb'; there are: .*ptb"):
        load_set("ptbb")
    for name in set_names():
        with pytest.raises(TextVAEError, match=f"set {name} needs the file"):
            load_set(name).files(tmp_path)


def test_the_sets_are_there_where_the_data_is(shared_data):
    for name in set_names():
        assert all(file.is_file() for file in load_set(name).files(shared_data))
