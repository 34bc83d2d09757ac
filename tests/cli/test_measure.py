"""``textvae probe`` and ``textvae disentangle``: labels held against latents."""

import json

import pytest
import torch

from textvae.text.grammar import FACTORS, grammar_corpus

COLUMNS = ("tense", "aspect")
LABELS = [word for name in COLUMNS for word in ("--label-column", name)]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A file of 200 texts with two labels, of which one text lacks the first."""
    corpus = grammar_corpus(200, seed=3)
    rows = zip(corpus.texts, *(corpus.labels[name] for name in COLUMNS), strict=True)
    lines = ["\t".join(("text", *COLUMNS)), *map("\t".join, rows)]
    cells = lines[1].split("\t")
    lines[1] = "\t".join([cells[0], "", cells[2]])
    path = tmp_path_factory.mktemp("labelled") / "reviews.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def awake(trained, tmp_path_factory):
    """The small model with means that vary as they do after a longer training."""
    from textvae import TextVAE

    vae = TextVAE.from_pretrained(trained[1])
    with torch.no_grad():
        vae.model_.posterior.loc.weight *= 100
    folder = tmp_path_factory.mktemp("models") / "awake"
    vae.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def half_asleep(awake, tmp_path_factory):
    """The same model with one dimension that varies."""
    from textvae import TextVAE

    vae = TextVAE.from_pretrained(awake)
    with torch.no_grad():
        vae.model_.posterior.loc.weight[1:] = 0
    folder = tmp_path_factory.mktemp("models") / "half_asleep"
    vae.save_pretrained(folder)
    return folder


def test_a_probe_of_each_label_as_json_and_as_a_table(run, model, labelled):
    result = run("probe", model, labelled, *LABELS, "--folds", 4, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found) == list(COLUMNS)
    assert [found[name]["n_texts"] for name in COLUMNS] == [199, 200]  # one has no tense
    assert [found[name]["n_classes"] for name in COLUMNS] == [2, 4]
    for name, values in zip(COLUMNS, (2, 4), strict=True):
        assert found[name]["measure"] == "accuracy"
        assert found[name]["baseline"] == pytest.approx(1 / values, abs=0.05)
    table = run("probe", model, labelled, *LABELS, "--folds", 4).stdout
    assert f"{found['tense']['score']:.3f} ± {found['tense']['stderr']:.3f}" in table


def test_the_labels_of_a_built_in_corpus_are_its_factors(model):
    from textvae import TextVAE

    corpus = grammar_corpus(300, seed=4)
    vae = TextVAE.from_pretrained(model)
    assert list(vae.probe(corpus, folds=2)) == list(FACTORS)


def test_disentanglement_as_json_and_as_a_table(run, awake, labelled):
    result = run("disentangle", awake, labelled, *LABELS, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["n_texts"] == 199
    assert [carrier["factor"] for carrier in found["carriers"]] == list(COLUMNS)
    assert {carrier["axis"] for carrier in found["carriers"]} <= set(found["dimensions"])
    table = run("disentangle", awake, labelled, *LABELS).stdout
    assert "DCI completeness" in table
    assert f"{found['mig']:.3f}" in table


def test_what_cannot_be_measured_is_told(refused, model, awake, half_asleep, labelled, lines):
    refused("disentangle", model, labelled, *LABELS, saying="compares axes, and 0 of")
    refused("disentangle", half_asleep, labelled, *LABELS, saying="compares axes, and 1 of")
    refused("probe", model, lines, saying="The texts have no labels: name the column of one, or several")
    refused("disentangle", awake, labelled, "--label-column", "tense", saying="of two factors or more")
    refused("probe", model, labelled, "--label-column", "colour", saying="has no column 'colour'")
    refused(
        "probe",
        model,
        labelled,
        *LABELS,
        "--folds",
        120,
        saying="Label tense: A probe in 120 folds needs 240",
    )
