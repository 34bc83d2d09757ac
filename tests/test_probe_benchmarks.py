"""The benchmarks of probes, axes and disentanglement: sets are read as they are meant, tables say what was measured."""

from argparse import Namespace

import disentanglement
import numpy as np
import probes
import pytest

import explain
from textvae.text.grammar import FACTORS


@pytest.fixture
def data(tmp_path):
    """A few lines of each set in its own format."""
    folder = tmp_path / "sentence_classification"
    folder.mkdir()
    (folder / "trec.train.txt").write_text("0 How far is it ?\n1 Who was there ?\n" * 3)
    (folder / "trec.test.txt").write_text("1 Who came ?\n")
    (folder / "subj.all.txt").write_text("".join(f"{i % 2} sentence\x85 {i} . \n" for i in range(20)))
    (tmp_path / "ud_ewt_probing").mkdir()
    header = "\t".join((*probes.UD, "sentence")) + "\n"
    for part, rows in {"train": 5, "test": 3}.items():
        row = "email\tPast\tSing\t-\t0\t1\t0\tVERB\t{0}\t{0}\tI saw {0} of them .\n"
        text = header + "".join(row.format(i + 2) for i in range(rows))
        (tmp_path / "ud_ewt_probing" / f"{part}.tsv").write_text(text)
    return tmp_path


def test_sets_are_read_with_their_labels_and_their_test_texts(data):
    trec = probes.TASKS["trec"](data)
    assert trec.texts[-1] == "Who came ?"
    assert trec.held_out.tolist() == [False] * 6 + [True]
    assert trec.labels["trec"].tolist() == ["0", "1"] * 3 + ["1"]
    subj = probes.TASKS["subj"](data)
    assert subj.held_out.sum() == 2
    assert len(subj.train) == 18  # \x85 ends no line
    ud = probes.TASKS["ud"](data)
    assert ud.held_out.sum() == 3
    assert ud.labels["tree_depth"].dtype == np.float64  # a number, not a class
    assert set(ud.labels["obj_number"]) == {"-"}


def test_words_and_lsa_do_not_see_the_test_texts(data):
    task = probes.TASKS["trec"](data)
    options = Namespace(latent_dim=2, presets="", target_kl="", seeds=0, sentence_model=None)
    (_, _, words), (_, _, lsa) = list(probes.representations(task, options))
    assert words[-1].nnz == 2  # "who" and "?": "came" is not in the training texts
    assert lsa.shape == (7, 2)
    assert lsa.var(0).mean() == pytest.approx(1)


def test_the_table_of_probes_gives_the_spread_over_seeds():
    row = {"set": "s", "label": "y", "measure": "accuracy", "baseline": 0.5, "features": "z", "stderr": 0.01}
    lines = probes.table(
        [{**row, "score": 0.7}, {**row, "score": 0.9}, {**row, "features": "w", "score": 0.6}]
    )
    assert lines.splitlines()[-1] == "| s | y (accuracy) | 0.500 | 0.800 ± 0.141 | 0.600 ± 0.010 |"


def test_the_table_of_disentanglement_has_nothing_for_what_collapsed():
    figures = dict.fromkeys((*disentanglement.SCORES, *disentanglement.RATES), 0.25)
    run = {"preset": "p", "target_kl": None, "axes": "as trained", "dimensions": [0, 3], **figures}
    gone = {**run, "preset": "q", "dimensions": [], **dict.fromkeys(disentanglement.SCORES)}
    *_, p, q = disentanglement.table([run, {**run, "mig": 0.75}, gone]).splitlines()
    assert "| 0.50 ± 0.35 | 0.25 ± 0.00 |" in p
    assert q.split("|")[7:9] == [" 0 ", " – "]


def test_training_and_test_texts_differ_and_have_factors():
    train, test = disentanglement.corpora("grammar", 50, seed=1)
    assert len(train) == 50
    assert train.texts != test.texts[:50]
    assert list(train.labels) == list(test.labels)


def test_the_table_of_axes_counts_the_factors_that_are_named():
    def row(axes, seed, value, named):
        dci = dict.fromkeys(("disentanglement", "completeness", "informativeness"), value)
        return {
            "axes": axes,
            "seed": seed,
            **dci,
            "told": dict.fromkeys(FACTORS, value),
            "named": named,
        } | held

    held = {"held": dict.fromkeys(FACTORS, 0.75)}
    rows = [row("own", 0, 0.1, []), row("ica", 0, 0.5, ["tense"]), row("ica", 1, 0.7, ["tense", "aspect"])]
    *_, own, ica, network = explain.table(rows).splitlines()
    assert own.startswith("| own | 0.10 |")
    assert ica == "| ica" + " | 0.60 ± 0.14" * 9 + " | 1.50 ± 0.71 |"
    assert network.count("| 0.75 ") == len(FACTORS)
