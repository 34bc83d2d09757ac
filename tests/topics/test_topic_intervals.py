"""How sure shares are, and whether any topic fits: measured where the truth is known."""

import numpy as np
import pytest
import scipy.sparse

from planted_topics import V
from textvae.estimators.topics.fits import Fit, scores
from textvae.matrix import RowsDataset
from textvae.metrics.draws import posterior_draws
from textvae.metrics.topic_likelihood import thinned
from textvae.metrics.topic_posterior import inferred, refine


@pytest.mark.parametrize(
    ("level", "least", "most"), [(0.5, 0.42, 0.62), (0.8, 0.66, 0.88), (0.9, 0.78, 0.96)]
)
def test_intervals_hold_the_planted_shares_as_often_as_they_say(planted, model, places, level, least, most):
    truth = planted.theta[700:]
    lower, middle, upper = (edge[:, places] for edge in model.intervals(planted.test, level))
    assert ((lower <= middle) & (middle <= upper)).all()
    inside = (lower <= truth) & (truth <= upper)
    assert least <= inside.mean() <= most
    # not only because most shares are small
    assert least - 0.04 <= inside[truth > 0.1].mean() <= most
    # and they say something: as wide as they are, none is the whole
    assert (upper - lower).mean() < 0.4


def test_an_encoder_alone_would_be_too_sure(model, planted, places):
    truth = planted.theta[700:]
    inside = []
    for _, batch, q in inferred(model.model_, RowsDataset(planted.test), 500):
        theta = model.model_.decoder.theta(posterior_draws(model.model_, q, batch, 200, 0)).numpy()
        lower, upper = np.quantile(theta[..., places], [0.05, 0.95], axis=0)
        inside.append((lower <= truth) & (truth <= upper))
    ours = model.intervals(planted.test, 0.9)
    held = (ours.lower[:, places] <= truth) & (truth <= ours.upper[:, places])
    assert np.mean(inside) < held.mean() - 0.05
    # and a document's shares are nearer to the truth
    away = [np.abs(x[:, places] - truth).mean() for x in (ours.middle, model.transform(planted.test))]
    assert away[0] < 0.85 * away[1]


def test_refining_raises_the_bound(model, planted):
    for _, batch, q in inferred(model.model_, RowsDataset(planted.test), 500):
        better = refine(model.model_, batch, q)
        bounds = []
        for each in (q, better):
            z = posterior_draws(model.model_, each, batch, 50, 0)
            joint = model.model_.decode(z, batch).log_prob(batch) + model.model_.prior().log_prob(z)
            bounds.append((joint - each.log_prob(z)).mean(0))
        gain = bounds[1] - bounds[0]
        assert gain.mean() > 0.5
        assert (gain > -0.5).float().mean() > 0.99
        alone = refine(model.model_, batch.only(3), model.model_.encode(batch.only(3)))
        np.testing.assert_allclose(alone.mean[0], better.mean[3], atol=1e-3)


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


def test_what_a_corpus_reaches_is_by_length(planted, model):
    documents = RowsDataset(planted.counts)
    fit = Fit.on(model.model_, documents, model.word_counts_, 500)
    assert fit.lengths.tolist() == [1, 2, 4, 8, 16, 32]
    flagged = ~fit.judge(model.model_, documents, model.word_counts_, 500).fits
    assert 0.002 < flagged.mean() < 0.03
    # of few documents, it is no less than one of them reached
    few = documents.subset(range(60))
    reached = scores(model.model_, few, model.word_counts_, 500)
    assert (Fit.on(model.model_, few, model.word_counts_, 500).least[-1] >= reached.min(0) - 1e-6).all()
    # words of a topic fit, few as they are; words that no topic has together don't
    few = scipy.sparse.csr_array(thinned(planted.counts, 4))
    assert fit.judge(model.model_, RowsDataset(few), model.word_counts_, 500).fits.mean() > 0.97
