"""How sure shares are, and whether any topic fits: measured where the truth is known."""

import numpy as np
import pytest
import scipy.sparse
from scipy.stats import norm

from planted_topics import V, small
from textvae.estimators.topics.fits import Fit, scores
from textvae.estimators.topics.intervals import Calibration
from textvae.matrix import RowsDataset


@pytest.mark.parametrize(
    ("level", "least", "most"), [(0.5, 0.42, 0.70), (0.8, 0.74, 0.93), (0.9, 0.85, 0.98)]
)
def test_intervals_hold_the_planted_shares_as_often_as_they_say(planted, model, places, level, least, most):
    truth = planted.theta[700:]
    lower, middle, upper = (edge[:, places] for edge in model.intervals(planted.test, level))
    assert ((lower <= middle) & (middle <= upper)).all()
    inside = (lower <= truth) & (truth <= upper)
    assert least <= inside.mean() <= most
    # not only because most shares are small
    assert least - 0.08 <= inside[truth > 0.1].mean() <= most
    # and they say something: as wide as they are, none is the whole
    assert (upper - lower).mean() < 0.4


def test_an_encoder_alone_would_be_too_sure(model, planted):
    factor = model.calibration_.factors[:, 89]  # of a normal interval of 90 %: 1.64
    assert (factor > norm.ppf(0.95)).all()
    uncalibrated = Calibration(np.tile(norm.ppf(0.5 + np.append(np.arange(1, 100), 99.9) / 200), (4, 1)))
    narrow = uncalibrated.intervals(model.model_, RowsDataset(planted.test), 0.9, 500)
    wide = model.intervals(planted.test, 0.9)
    assert (wide.upper - wide.lower).mean() > (narrow.upper - narrow.lower).mean()


def test_longer_documents_are_surer(planted, model):
    once = planted.test[:50]
    widths = [np.subtract(*model.intervals(counts, 0.9)[::-2]).mean() for counts in (once, 5 * once)]
    assert widths[1] < 0.9 * widths[0]


def test_intervals_are_nested_and_do_not_depend_on_company(planted, model):
    narrow, wide = model.intervals(planted.test, 0.5), model.intervals(planted.test, 0.95)
    assert (wide.lower <= narrow.lower + 1e-6).all()
    assert (narrow.upper <= wide.upper + 1e-6).all()
    alone = model.intervals(planted.test[:3], 0.5)
    np.testing.assert_allclose(alone.upper, narrow.upper[:3], atol=1e-4)
    np.testing.assert_array_equal(model.intervals(planted.test, 0.5).lower, narrow.lower)


def test_no_topic_fits_documents_of_other_words(planted, model):
    rng = np.random.default_rng(5)
    # words as frequent as in the corpus, but without its topics; words as frequent as each other
    shares = np.asarray(planted.train.sum(0), float).ravel()
    corpus = rng.multinomial(100, shares / shares.sum(), size=200)
    noise = rng.multinomial(100, np.full(V, 1 / V), size=200)
    fresh = rng.dirichlet(np.full(V, 0.05), size=200)
    other = np.array([rng.multinomial(100, topic) for topic in fresh])
    assert model.fits(planted.test).mean() > 0.95
    for documents in (noise, other):
        assert model.fits(scipy.sparse.csr_array(documents)).mean() < 0.1
    gain = [
        scores(model.model_, RowsDataset(scipy.sparse.csr_array(x)), model.word_counts_, 500)[:, 0].mean()
        for x in (planted.test, corpus)
    ]
    assert gain[0] > gain[1] + 0.1
    assert not model.fits(scipy.sparse.csr_array((1, V), dtype=int)).any()


def test_what_a_corpus_reaches_is_by_length(planted):
    model = small().fit(planted.train[:100])
    fit = Fit.on(model.model_, RowsDataset(planted.counts), model.word_counts_, 500)
    assert len(fit.lengths) == 4
    assert fit.lengths[0] == 0
    flagged = ~fit.holds(model.model_, RowsDataset(planted.counts), model.word_counts_, 500)
    assert 0.002 < flagged.mean() < 0.03
