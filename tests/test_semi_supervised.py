"""Models with labels: what they are trained on, what they minimise, and what they learn of few labels and of all."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from models import random_ids, small_config, small_model
from textvae import Corpus, TextVAE
from textvae.distributions.labelled import standard_labelled
from textvae.errors import TextVAEError
from textvae.estimators.labels import often_enough
from textvae.model import build_objective
from textvae.text.batch import Dataset
from textvae.text.grammar import FACTORS, grammar_corpus
from textvae.types import UNLABELLED

ASPECTS = FACTORS["aspect"]
NOUNS = {
    "food": "food meal soup pasta bread salad dishes noodles desserts starters",
    "service": "service waiter waitress staff waiters servers",
    "price": "price bill total prices costs",
    "place": "place room restaurant terrace bar rooms surroundings",
}
LABELLED = {"name": "labelled", "labels": ["no", "yes"], "dropout": 0.0}


def learner(steps: int) -> TextVAE:
    sizes = {f"{part}.{size}": 32 for part in ("encoder", "decoder") for size in ("embedding", "hidden")}
    quick = {"train.lr": 0.01, "train.batch_tokens": 800, "text.max_length": 50, "objective.free_bits": 1.0}
    dropout = {"decoder.dropout": 0.2, "decoder.dropout_in": 0.2}
    return TextVAE("kingma2014", latent_dim=10, steps=steps, set={**sizes, **quick, **dropout})


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return grammar_corpus(4000, seed=1)


# ------------------------------------------------------------------ what is learned


def test_unlabelled_texts_help_where_labels_are_few(corpus):
    aspect, few = corpus.labels["aspect"], 40
    labels = [label if i < few else None for i, label in enumerate(aspect[:1500])]
    vae = learner(300).fit(corpus.texts[:1500], labels)
    assert vae.labels_ == tuple(sorted(ASPECTS))
    test, truth = corpus.texts[2000:], aspect[2000:]
    alone = make_pipeline(CountVectorizer(), LogisticRegression(C=10, max_iter=1000))
    alone.fit(corpus.texts[:few], aspect[:few])
    assert (vae.predict(test) == truth).mean() > alone.score(test, truth) + 0.03


def test_samples_have_the_label_asked_for(corpus, tmp_path):
    vae = learner(250).fit(Corpus(corpus.texts[:1500], {"aspect": corpus.labels["aspect"][:1500]}))
    for label in ASPECTS:
        texts = [set(text.rstrip(".").replace(",", "").split()) for text in vae.sample(50, label=label)]
        said = [[aspect for aspect, nouns in NOUNS.items() if words & set(nouns.split())] for words in texts]
        assert np.mean([found == [label] for found in said]) > 0.75
    one = corpus.texts[2000]
    assert vae.predict(one) == vae.predict([one])[0] == corpus.labels["aspect"][2000]
    np.testing.assert_allclose(vae.predict_proba([one, "?"]).sum(1), 1, rtol=1e-5)
    assert vae.metrics_["data"]["labels"].keys() == set(ASPECTS)

    vae.save_pretrained(tmp_path / "model")
    again = TextVAE.from_pretrained(tmp_path / "model")
    assert again.labels_ == vae.labels_
    assert again.sample(3, label="food") == vae.sample(3, label="food")
    with pytest.raises(TextVAEError, match="There is no label 'mood'; there are: food, place"):
        vae.sample(1, label="mood")


# ------------------------------------------------------------------ what is minimised


def labelled_model() -> Any:
    """Without dropout and all but without noise in z, so that its loss is no matter of chance."""
    model: Any = small_model(posterior=LABELLED).eval()
    nn.init.constant_(model.posterior.gaussian.log_variance.bias, -12.0)
    nn.init.normal_(model.posterior.classify[1].weight, std=2.0)
    nn.init.normal_(model.prior.logits)
    return model


def loss(model: Any, labels: list[int] | None, alpha: float = 0.0) -> torch.Tensor:
    objective = {"name": "semi_supervised", "alpha": alpha, "warmup": 0.0}
    made = build_objective(small_config(posterior=LABELLED, objective=objective), 30)
    (phase,) = made.phases(model)
    batch = Dataset(random_ids([5]), labels=None if labels is None else np.array(labels)).batch([0])
    torch.manual_seed(0)
    with torch.no_grad():
        return phase.updates[0].loss(model, batch, 0.5).loss


def test_without_a_label_all_are_weighed_by_the_classifier():
    """U(x) = Σ_y q(y|x) L(x, y) + H(q(y|x)) (Kingma et al. 2014, equation 7)."""
    model = labelled_model()
    with torch.no_grad():
        log_q = model.encode(Dataset(random_ids([5])).batch([0])).log_probs[0]
    each = torch.stack([loss(model, [0]), loss(model, [1])])
    expected = (log_q.exp() * (each + log_q)).sum()
    torch.testing.assert_close(loss(model, None), expected, atol=1e-2, rtol=1e-3)
    torch.testing.assert_close(loss(model, [UNLABELLED]), loss(model, None))
    # the classifier's own loss is on top where there is a label
    torch.testing.assert_close(loss(model, [1], alpha=3.0) - loss(model, [1]), -3.0 * log_q[1])


def test_it_is_the_elbo_of_label_and_latent():
    """−U(x) is the ELBO that an evaluation draws: with labels from q(y|x), on average."""
    model, batch = labelled_model(), Dataset(random_ids([5])).batch([0])
    with torch.no_grad():
        terms = model(batch, samples=4000)
    drawn = -(terms.log_px[:, 0] - terms.kl)
    assert abs(float(drawn.mean() - loss(model, None))) < 5 * float(drawn.std()) / 4000**0.5 + 0.02


def test_draws_of_a_label_have_it():
    p = standard_labelled(torch.tensor([0.2, 0.5, 0.3]).log(), 2)
    z = p.of(1).sample((500,))
    assert (z[:, :3] == torch.tensor([0.0, 3**0.5, 0.0])).all()
    assert float(z[:, 3:].std()) == pytest.approx(1, abs=0.1)
    torch.testing.assert_close(p.of(1).log_prob(z) + np.log(0.5), p.log_prob(z))
    assert (p.sample((4000,))[:, 1] > 0).float().mean().item() == pytest.approx(0.5, abs=0.04)


# ------------------------------------------------------------------ what is trained on


def test_few_labelled_texts_are_repeated():
    labels = np.array([UNLABELLED] * 18 + [0, 1])
    ids = random_ids(range(2, 22))
    data = Dataset(ids, labels=labels)
    more = often_enough(data, 0.25)
    assert len(more) == 18 + 2 * 3
    batch = more.batch(range(len(more)))
    assert batch.labels is not None
    assert (batch.labels + 1).bincount().tolist() == [18, 3, 3]
    assert more[len(more) - 1].tolist() == ids[-1].tolist()
    assert often_enough(data, 0.05) is data


def test_labels_stay_beside_their_texts_and_missing_ones_are_none(corpus):
    texts = corpus.texts[:200]
    labels: list = ["praise" if "not" in text else "blame" for text in texts]
    labels[::2] = [None, "", float("nan"), " "] * 25
    vae = learner(2).fit(texts, labels, validation=texts[:20])
    counted = vae.metrics_["data"]["labels"]
    assert counted == {name: labels.count(name) for name in ("blame", "praise")}


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (None, "learns from one label of each text, and there is none"),
        (["same"] * 50, "the texts have 1: two are needed"),
        ([None] * 50, "the texts have 0: two are needed"),
        (["a", "b"], "2 values for 50 texts"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(corpus, labels, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        learner(2).fit(corpus.texts[:50], labels)


def test_several_labels_are_refused(corpus):
    with pytest.raises(TextVAEError, match="there are sentiment, aspect"):
        learner(2).fit(corpus)
