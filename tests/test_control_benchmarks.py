"""The benchmarks of edits and of few labels: judges judge, texts go toward what they lack, curves are drawn."""

from types import SimpleNamespace

import edit_curves
import edits
import few_labels
import numpy as np
import pytest
from classifiers import Labelled

PRAISE, BLAME = ("good", "great", "tasty"), ("bad", "awful", "bland")


def reviews(n: int, seed: int) -> Labelled:
    """Texts whose sentiment is one word."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    things = rng.choice(["soup", "staff", "bread", "view"], n)
    said = [rng.choice(PRAISE if label else BLAME) for label in labels]
    return Labelled([f"the {thing} was {word} ." for thing, word in zip(things, said, strict=True)], labels)


def turned(text: str) -> str:
    """The opposite, and nothing else changed."""
    opposite = dict(zip(PRAISE + BLAME, BLAME + PRAISE, strict=True))
    return " ".join(opposite.get(word, word) for word in text.split())


@pytest.fixture(scope="module")
def judges(tmp_path_factory) -> edits.Judges:
    folder = tmp_path_factory.mktemp("data")
    names = (edits._TRAIN.removesuffix(".gz"), "short_yelp.valid.txt", "short_yelp.test.txt")
    for seed, (name, n) in enumerate(zip(names, (600, 100, 100), strict=True)):
        some = reviews(n, seed)
        lines = [f"{label}\t{text}\n" for label, text in zip(some.labels, some.texts, strict=True)]
        (folder / name).write_text("".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edits, "_TRAIN", names[0])
        patch.setattr(edits, "_EPOCHS", 8)
        return edits.Judges(folder, seed=0)


def test_judges_tell_a_text_left_alone_from_one_turned_round(judges):
    assert min(judges.accuracy.values()) > 0.95
    sources = reviews(60, seed=3)
    same = judges.figures(sources.texts, sources)
    assert max(same["reached_cnn"], same["reached_linear"]) < 0.1
    assert same["bleu"] == pytest.approx(100)
    other = judges.figures([turned(text) for text in sources.texts], sources)
    assert min(other["reached_cnn"], other["reached_linear"]) > 0.9
    assert other["low"] < other["reached_cnn"] <= other["high"]
    assert other["bleu"] < 60
    shuffled = [" ".join(reversed(text.split())) for text in sources.texts]
    assert judges.perplexity(shuffled) > 5 * judges.perplexity(sources.texts)


def test_each_text_is_rewritten_toward_the_label_it_does_not_have():
    class Writer:
        def edit(self, texts, toward, candidates):
            assert candidates == 1
            return [[SimpleNamespace(text=f"{text} -> {toward}")] for text in texts]

    sources = Labelled(["a", "b", "c"], np.array([1, 0, 1]))
    written = edits.rewritten(Writer(), sources)  # pyright: ignore[reportArgumentType]
    assert written == ["a -> sentiment=0", "b -> sentiment=1", "c -> sentiment=0"]


def measured(reached: float) -> dict:
    row = {
        "reached_cnn": reached,
        "low": 0.1,
        "high": 0.9,
        "reached_linear": 0.5,
        "bleu": 30.0,
        "perplexity": 9.0,
    }
    ways = [("latent", 0.0), ("latent", 1.0), ("edit", 1.5), ("edit", 3.0), ("edit", "all")]
    return {"probe": {"accuracy": 0.8}, "rows": [{"way": way, "strength": at, **row} for way, at in ways]}


def test_a_table_has_a_row_for_each_point_of_the_curves():
    lines = edits.table("ours", measured(0.25)).splitlines()
    assert "80.0%" in lines[1]
    assert lines[-1] == "| edit | all | 25.0% (10.0 to 90.0) | 50.0% | 30.0 | 9.0 |"
    assert lines[-3] == "| edit | 1.5 | 25.0% (10.0 to 90.0) | 50.0% | 30.0 | 9.0 |"


def test_the_picture_has_a_line_for_each_model_and_way(tmp_path):
    edit_curves.draw({"ours": measured(0.25), "theirs": measured(0.5)}, tmp_path / "edits.svg")
    svg = (tmp_path / "edits.svg").read_text()
    for written in ("ours", "theirs", "edit", "latent", "1.5"):
        assert f">{written}</text>" in svg
    assert svg.count('aria-roledescription="line mark"') == 4


def test_what_few_labels_teach_is_measured_on_other_texts():
    train, validation, test = reviews(40, 0), reviews(40, 1), reviews(200, 2)
    assert few_labels.linear(train, validation, test, few_labels.words(train)) > 0.95
    blind = few_labels.linear(train, validation, test, lambda texts: np.zeros((len(texts), 1)))
    assert blind == pytest.approx((test.labels == (train.labels.mean() > 0.5)).mean())
    assert few_labels.interval([0.5]) == {"mean": 0.5, "half": None}
    found = few_labels.interval([0.5, 0.7])
    assert found["mean"] == pytest.approx(0.6)
    assert found["half"] == pytest.approx(12.706 * 0.1, rel=1e-3)  # Student's t with one degree of freedom


def test_the_semi_supervised_vae_learns_from_the_few_labels(monkeypatch):
    small = {f"{part}.{size}": 32 for part in ("encoder", "decoder") for size in ("embedding", "hidden")}
    monkeypatch.setattr(
        few_labels, "_SEMI", {**small, "train.lr": 0.01, "train.batch_tokens": 120, "text.max_length": 20}
    )
    monkeypatch.setattr(few_labels, "_SEMI_EPOCHS", 12)
    labelled, unlabelled, validation, test = reviews(40, 0), reviews(200, 1), reviews(40, 2), reviews(100, 3)
    assert few_labels.semi_supervised(labelled, unlabelled.texts, validation, test, seed=0) > 0.9
