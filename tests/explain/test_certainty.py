"""How sure a model is, where the right answer is known."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from models import small_model
from textvae import TextVAEError
from textvae.explain.certainty import LEVELS, calibrate


@pytest.mark.parametrize("width", [1.0, 0.5])
def test_widths_that_are_right_cover_what_they_say_and_narrow_ones_less(width):
    """Where texts say nothing of z, the true posterior is the prior."""
    model = small_model()
    with torch.no_grad():
        for parameter in [*model.posterior.parameters(), *model.decoder.first_state.parameters()]:
            parameter.zero_()
        model.posterior.log_variance.bias.fill_(2 * np.log(width))  # pyright: ignore
    found = calibrate(model, max_length=5)
    expected = [2 * norm.cdf(width * norm.ppf(0.5 + level / 2)) - 1 for level in LEVELS]
    np.testing.assert_allclose(found.coverage.mean(1), expected, atol=0.03)
    np.testing.assert_allclose(found.spread.mean(), 1 / width, rtol=0.05)


def test_texts_of_another_kind_surprise_more_than_unseen_ones_of_the_same(vae, corpus, unseen):
    rng = np.random.default_rng(0)
    # the same words, so that their frequencies give nothing away
    other = [" ".join(rng.permutation(text.split())) for text in unseen]
    found = vae.certainty(unseen + other, reference=corpus)
    surprise = [each["surprise"] for each in found["texts"]]
    assert roc_auc_score([0] * 150 + [1] * 150, surprise) > 0.95
    ranks = np.array([each["rank"] for each in found["texts"]])
    assert 0.3 < np.median(ranks[:150]) < 0.7
    assert ranks[150:].mean() > 0.9


def test_each_text_has_its_widths_whatever_the_others_are(vae, corpus):
    some = corpus.texts[:300]
    found = vae.certainty(["we were sad .", "qwertz"], reference=some)
    (alone,) = vae.certainty("qwertz", reference=some)["texts"]
    assert found["texts"][1]["stddev"] == pytest.approx(alone["stddev"], rel=1e-5)
    assert len(alone["stddev"]) == vae.model_.latent_dim
    assert alone["rank"] > 0.9


def test_no_texts_or_too_few_to_compare_with_are_refused(vae):
    with pytest.raises(TextVAEError, match="At least one text"):
        vae.certainty([])
    with pytest.raises(TextVAEError, match="at least 20 reference texts, got 2"):
        vae.certainty("we were sad .", reference=["one", "two"])
