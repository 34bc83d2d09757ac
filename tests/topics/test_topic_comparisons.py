"""Several runs, several numbers of topics, several groups: what is compared, and whether it tells what was planted."""

import numpy as np
import pytest
import scipy.sparse

from planted_topics import WORDS, K, V, small
from textvae import TextVAEError, TopicVAE, choose_n_topics
from textvae.estimators.topics.runs import consensus, stability

# ---------------------------------------------------------------------- runs


def test_consensus_tells_topics_that_come_again_from_those_that_do_not():
    rng = np.random.default_rng(0)
    shared = rng.dirichlet(np.full(50, 0.1), size=3)
    runs = [
        np.concatenate([shared, rng.dirichlet(np.full(50, 0.1), size=1)])[rng.permutation(4)]
        for _ in range(5)
    ]
    found = consensus(runs)
    again = found.support == 1
    assert again.sum() == 3
    assert (found.support[~again] == 0).all()
    np.testing.assert_allclose(
        found.topics[again], runs[found.reference][again], atol=1e-12
    )  # the mean of equals
    assert found.likeness[again].min() > 0.999 > found.likeness[~again].max()
    assert stability([shared, shared[[2, 0, 1]]]) == pytest.approx(1)
    assert stability(runs) < 1


def test_the_run_that_agrees_most_is_kept():
    rng = np.random.default_rng(0)
    shared = rng.dirichlet(np.full(50, 0.1), size=3)
    near = [0.6 * shared + 0.4 * rng.dirichlet(np.full(50, 0.1), size=3) for _ in range(2)]
    assert consensus([near[0], shared, near[1]]).reference == 1


def test_runs_of_a_model_support_planted_topics(planted):
    counts = planted.train[:300]
    model = small(epochs=12).fit(counts, n_runs=3)
    assert model.consensus_ is not None
    about = model.metrics_["topics"]["runs"]
    assert about["seeds"] == [0, 1, 2]
    assert min(about["support"]) == 1
    assert [row["support"] for row in model.get_topic_info()] == about["support"]
    again = small(epochs=12).fit(counts, n_runs=3)
    np.testing.assert_array_equal(model.components_, again.components_)
    alone = small(epochs=12, random_state=about["reference"]).fit(counts)
    np.testing.assert_array_equal(model.components_, alone.components_)
    with pytest.raises(TextVAEError, match="At least 1 run"):
        small().fit(planted.train, n_runs=0)


# ---------------------------------------------------------------------- numbers of topics


def test_a_sweep_finds_the_planted_number_good_enough(planted):
    lines: list[str] = []
    sweep = choose_n_topics(planted.train[:400], [4, 2], model=small(epochs=10), say=lines.append)
    few, right = sweep.rows
    assert [few["n_topics"], right["n_topics"]] == [2, K]
    assert right["completion_perplexity"] < 0.95 * few["completion_perplexity"]
    assert sweep.suggested == K
    assert right["stability"] > 0.8
    assert sweep.skipped == []
    assert len(lines) == 2


def test_a_sweep_is_guarded(planted):
    counts = planted.train[:60]
    sweep = choose_n_topics(counts, [2, 55], model=small())
    assert sweep.rows[0]["error"] is None
    assert "55 topics need at least 55 documents" in sweep.rows[1]["error"]
    assert sweep.suggested == 2
    sweep = choose_n_topics(counts, [2, 3, 4], model=small(), time_budget=0.01)
    assert [row["n_topics"] for row in sweep.rows] == [2]
    assert sweep.skipped == [3, 4]
    with pytest.raises(TextVAEError, match="2 or more"):
        choose_n_topics(counts, [1])
    with pytest.raises(TextVAEError, match="n_runs has to be 2"):
        choose_n_topics(counts, [2], n_runs=1)
    with pytest.raises(TextVAEError, match="at least 10 documents"):
        choose_n_topics(counts[:5], [2], model=small())


# ---------------------------------------------------------------------- groups


def test_prevalence_by_group_covers_the_planted_one(planted, model, places):
    truth = planted.theta[700:]
    by = np.where(truth[:, 0] > 0.3, "much", "little")
    found = model.prevalence(planted.test, by, level=0.95)
    assert found.groups == ["little", "much"]
    assert found.documents.tolist() == [(by == "little").sum(), (by == "much").sum()]
    assert (found.lower <= found.share).all()
    assert (found.share <= found.upper).all()
    little, much = found.share[:, places[0]]
    assert much > little + 0.3
    assert found.lower[1, places[0]] > found.upper[0, places[0]]
    # a random half is no group: its planted prevalence is in the interval nearly always
    half = np.random.default_rng(0).integers(0, 2, len(truth))
    found = model.prevalence(planted.test, half, level=0.99)
    for group in (0, 1):
        expected = truth[half == group].mean(0)
        assert (found.lower[group, places] - 0.03 < expected).all()
        assert (expected < found.upper[group, places] + 0.03).all()
    fewer = model.prevalence(planted.test[:40], half[:40], level=0.99)
    assert (fewer.upper - fewer.lower).mean() > 1.5 * (found.upper - found.lower).mean()


def test_dates_are_grouped_by_their_period(planted, model):
    dates = [f"2024-{month:02d}-15" for month in (1, 1, 2)] + [None]
    found = model.prevalence(planted.test[:4], dates, period="month")
    assert found.groups == ["2024-01", "2024-02"]
    assert found.documents.tolist() == [2, 1]
    assert model.prevalence(planted.test[:4], dates, period="year").groups == ["2024"]
    with pytest.raises(TextVAEError, match="a date that can't be read"):
        model.prevalence(planted.test[:4], ["now or never"] * 4, period="month")
    with pytest.raises(TextVAEError, match="no period 'decade'"):
        model.prevalence(planted.test[:4], dates, period="decade")
    with pytest.raises(TextVAEError, match="4 documents, and 2 labels"):
        model.prevalence(planted.test[:4], dates[:2])
    with pytest.raises(TextVAEError, match="No document has a label"):
        model.prevalence(planted.test[:4], [None] * 4)


def test_words_that_a_group_uses_for_a_topic_are_found():
    rng = np.random.default_rng(0)
    # topic 0 is words 0 to 9, topic 1 words 10 to 19; in the second year, topic 0 says 3 instead of 2
    topics = np.zeros((2, V))
    topics[0, :10] = topics[1, 10:20] = 0.1
    theta = rng.dirichlet([1, 1], size=600)
    year = rng.integers(2020, 2022, 600)
    rows = []
    for shares, when in zip(theta, year, strict=True):
        changed = topics.copy()
        changed[0, 2 if when == 2021 else 3] = 0
        changed /= changed.sum(1, keepdims=True)
        rows.append(rng.multinomial(60, shares @ changed))
    model: TopicVAE = small(2, epochs=15).fit(scipy.sparse.csr_array(np.array(rows)))
    topic = int(model.components_[:, :10].sum(1).argmax())
    before, after = model.word_changes(np.array(rows), year, topic, n=1)
    assert before["group"] == 2020
    assert [before["more"][0][0], before["less"][0][0]] == [WORDS[2], WORDS[3]]
    assert [after["more"][0][0], after["less"][0][0]] == [WORDS[3], WORDS[2]]
    assert before["more"][0][1] > 5
    # the other topic's words did not change: by chance alone, few z-scores of 20 are beyond 3
    other = model.word_changes(np.array(rows), year, 1 - topic, n=1)
    assert abs(other[0]["more"][0][1]) < before["more"][0][1] / 2
