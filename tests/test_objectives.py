"""Objectives: closed forms, bounds and their gradients, who moves what, and that models learn by them."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from models import VOCAB, random_batch, small_config, small_model
from test_training import config_with, planted, trainer
from textvae.errors import TextVAEError
from textvae.model import VAE, build_objective
from textvae.objectives.adversarial import drop_words
from textvae.objectives.lagging import Lagging
from textvae.objectives.mmd import mmd
from textvae.objectives.phase import Losses
from textvae.objectives.weighted_elbo import WeightedElbo, WeightedElboConfig
from textvae.posteriors.committed import widest
from textvae.priors.standard import StandardPrior, StandardPriorConfig
from textvae.processes import Processes
from textvae.registry import find
from textvae.train.step import Stepper
from textvae.types import BOS, EOS, PAD, Rows
from two_processes import in_processes, train

# What a decoder that sees few of a text's words has to ask z for: a bit that saves more than five nats.
FORGETFUL = {"word_dropout": 0.7}
RECIPES = {
    "elbo": {"free_bits": 1.0},
    "cyclical": {"schedule": "cyclical", "warmup": 0.5, "free_bits": 1.0},
    "free bits per text": {"free_bits": 1.0, "free_bits_per": "text"},
    "autoencoder": {"pretrain": 0.3, "free_bits": 1.0, "free_bits_per": "dimension_of_text"},
    "bag of words": {"pretrain": 0.3, "pretrain_decoder": "bag_of_words", "bag_of_words": 0.5},
    "target": {"target_kl": 2.0},
    "lagging": {"name": "lagging", "window": 5, "inner": 20},
    "semi-amortised": {"name": "semi_amortised", "svi_steps": 4},
    "iwae": {"name": "iwae", "samples": 4, "estimator": "iwae"},
    "dreg": {"name": "iwae", "samples": 4},
    "infovae": {"name": "infovae"},
    "wae": {"name": "wae"},
    "adversarial": {"name": "adversarial", "hidden": 64},
    "denoising": {"name": "adversarial", "hidden": 64, "word_drop": 0.3},
}
# These aim at no bound of the likelihood: theirs is valid, and loose.
LOOSE = ("adversarial", "denoising")


def objective(**options) -> tuple[Any, Any, Any]:
    """An objective with the small model that it trains and its phases."""
    config = small_config(objective=options)
    built = build_objective(config, VOCAB)
    model = small_model(objective=options)
    return built, model, list(built.phases(model))


# ------------------------------------------------------------------ learning


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_finds_the_planted_bit(recipe):
    run = trainer(config_with(objective=RECIPES[recipe], decoder=FORGETFUL, train={"steps": 200, "lr": 0.02}))
    run.run()
    test, topic = planted(300, 2)
    with torch.no_grad():
        terms = run.model(test.batch(range(300)), samples=50)
    mean = terms.q.mean.numpy()
    sides = [mean[topic == t].mean(0) for t in (0, 1)]
    nearest = ((mean - sides[1]) ** 2).sum(1) < ((mean - sides[0]) ** 2).sum(1)
    assert (nearest == topic).mean() > 0.97
    assert float(terms.kl.mean()) > 0.3
    # near the true entropy, one bit of topic and eight words of thirteen; by frequencies alone it is 4.9 nats more
    log_w = terms.log_px + run.model.prior().log_prob(terms.z) - terms.q.log_prob(terms.z)
    nll = -(log_w.logsumexp(0) - math.log(50)).mean()
    assert nll < math.log(2) + 8 * math.log(13) + (3.5 if recipe in LOOSE else 1.5)


# the second is all but one step of pre-training
@pytest.mark.parametrize("start", [{}, {"pretrain": 0.998, "pretrain_decoder": "bag_of_words"}])
def test_a_target_rate_is_held(start):
    run = trainer(config_with(objective={"target_kl": 2.0, **start}, train={"steps": 600, "lr": 0.01}))
    run.run()
    with torch.no_grad():
        kl = run.model(planted(300, 2)[0].batch(range(300))).kl.mean()
    assert float(kl) == pytest.approx(2.0, abs=0.5)


# ------------------------------------------------------------------ the KL's weight

KL = torch.tensor([[0.2, 1.0], [0.4, 3.0], [0.0, 0.5]])  # three texts, two dimensions


@pytest.mark.parametrize(
    ("per", "cost"),
    [
        # free: 2 nats. Means of the dimensions 0.2 and 1.5, of which the first is below its 1
        ("dimension", 1.0 + 1.5),
        # sums of the texts 1.2, 3.4 and 0.5
        ("text", (2.0 + 3.4 + 2.0) / 3),
        ("dimension_of_text", ((1.0 + 1.0) + (1.0 + 3.0) + (1.0 + 1.0)) / 3),
    ],
)
def test_free_bits_are_free_per_dimension_or_text_or_both(per, cost):
    elbo = WeightedElbo(WeightedElboConfig(free_bits=2.0, free_bits_per=per))
    kl = KL.clone().requires_grad_()
    charged = elbo.charged(SimpleNamespace(kl=kl.sum(1), kl_dims=kl))
    assert float(charged.detach()) == pytest.approx(cost)
    charged.backward()
    free = {
        "dimension": [[True, False]] * 3,
        "text": [[True, True], [False, False], [True, True]],
        "dimension_of_text": [[True, False], [True, False], [True, True]],
    }[per]
    expected = torch.where(torch.tensor(free), 0.0, 1 / 3)
    if per == "dimension_of_text":
        expected[0, 1] = 1 / 3  # at its free share exactly, which counts as above
    torch.testing.assert_close(kl.grad, expected)


@pytest.mark.parametrize("per", ["dimension", "text", "dimension_of_text"])
def test_a_kl_that_does_not_factorise_is_one_dimension(per):
    elbo = WeightedElbo(WeightedElboConfig(free_bits=2.0, free_bits_per=per))
    charged = elbo.charged(SimpleNamespace(kl=KL.sum(1), kl_dims=None))
    assert float(charged) == pytest.approx(2.0 if per == "dimension" else (2.0 + 3.4 + 2.0) / 3)


def test_a_posteriors_penalty_is_in_every_loss():
    q = Independent(Normal(torch.zeros(3, 2), torch.ones(3, 2)), 1)
    terms = SimpleNamespace(
        q=q, log_px=torch.tensor([[-1.0, -2.0, -3.0]]), kl=KL.sum(1), penalty=torch.tensor([6.0, 0.0, 0.0])
    )
    losses = Losses.of(terms, torch.tensor(10.0))
    assert (float(losses.loss), float(losses.reconstruction)) == (12.0, 2.0)


@pytest.mark.parametrize("nats", [0.01, 0.25, 3.0])
def test_the_ceiling_of_a_committed_rate_is_where_a_dimension_costs_it(nats):
    standard = Normal(torch.zeros((), dtype=torch.float64), 1)
    at = Normal(torch.zeros((), dtype=torch.float64), widest(nats))
    assert float(kl_divergence(at, standard)) == pytest.approx(nats, rel=1e-9)


def test_no_text_costs_less_than_the_committed_rate():
    model = small_model(posterior={"name": "committed", "rate": 2.0})
    for parameter in model.posterior.parameters():
        nn.init.normal_(parameter, std=3.0)
    assert float(model(random_batch((5, 9, 3, 6) * 10)).kl.detach().min()) > 2.0
    # and a model that is paid for nothing else goes as low as it can
    optimiser = torch.optim.Adam(model.posterior.parameters(), lr=0.3)
    for _ in range(100):
        optimiser.zero_grad()
        model(random_batch(), decode=False).kl.mean().backward()
        optimiser.step()
    assert 2.0 < float(model(random_batch()).kl.detach().mean()) < 2.1


# ------------------------------------------------------------------ importance weighting


class LinearDecoder(nn.Module):
    """p(x|z) = N(x; z W, I)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, -0.5, 2.0], [0.3, 1.0, -1.0]]))

    def forward(self, z, batch):
        p = Independent(Normal(z @ self.weight, 1.0), 1)
        return SimpleNamespace(log_prob=lambda batch: p.log_prob(batch.values))


class OwnFeatures(nn.Module):
    """Features that are every row's own, so that each row's gradient can be seen."""

    def __init__(self, texts: int):
        super().__init__()
        self.features = nn.Parameter(torch.tensor([1.0, -0.5, 0.3]).repeat(texts, 1))

    def forward(self, batch):
        return self.features


def linear_model(texts: int, posterior: str = "gaussian") -> tuple[Any, Rows]:
    """A linear Gaussian model, whose log p(x) is known, with a posterior that is not the right one; and its rows."""
    torch.manual_seed(0)
    entry = find("posterior", posterior)
    q = entry.cls(entry.config(), 3, 2)
    for parameter in q.parameters():
        nn.init.normal_(parameter, std=0.15)
    model = VAE(OwnFeatures(texts), q, StandardPrior(StandardPriorConfig(), 2), LinearDecoder())
    return model, Rows(torch.tensor([[0.5, -1.0, 2.0]]).expand(texts, 3), torch.arange(texts))


def iwae(samples: int, estimator: str = "iwae") -> Any:
    return build_objective(
        small_config(objective={"name": "iwae", "samples": samples, "estimator": estimator}), VOCAB
    )


def test_the_importance_weighted_bound_lies_between_elbo_and_likelihood_and_rises_with_the_samples():
    model, batch = linear_model(4000)
    weight = model.decoder.weight.detach()
    evidence = torch.distributions.MultivariateNormal(torch.zeros(3), torch.eye(3) + weight.T @ weight)
    with torch.no_grad():
        bounds = [-float(iwae(k)._loss(model, batch, 0.9).loss) for k in (1, 4, 16, 64)]
        terms = model(batch, samples=64)
        elbo = float((terms.log_px.mean(0) - terms.kl).mean())
    # one sample is the ELBO, to within the error of 4,000 draws
    log_w = terms.log_px + model.prior().log_prob(terms.z) - terms.q.log_prob(terms.z)
    assert bounds[0] == pytest.approx(elbo, abs=4 * float(log_w[0].std()) / math.sqrt(4000))
    assert bounds == sorted(bounds)
    assert elbo < bounds[1]
    gap = float(evidence.log_prob(batch.values[0])) - torch.tensor([elbo, bounds[-1]])
    assert 0 < gap[1] < gap[0] / 50


def encoder_gradients(estimator: str, samples: int, progress: float = 0.9, **options) -> torch.Tensor:
    """(6000, 3): a text's gradients for its features, each of fresh draws."""
    texts = 6_000
    model, batch = linear_model(texts, **options)
    iwae(samples, estimator)._loss(model, batch, progress).loss.backward()
    return texts * model.encoder.features.grad


@pytest.mark.parametrize("posterior", ["gaussian", "flow"])
@pytest.mark.parametrize("progress", [0.9, 0.02])  # β = 1, and on its way there
def test_dreg_has_the_gradient_of_iwae_in_expectation(progress, posterior):
    first, second = (encoder_gradients(e, 4, progress, posterior=posterior) for e in ("iwae", "dreg"))
    error = ((first.var(0) + second.var(0)) / len(first)).sqrt()
    assert float(first.mean(0).norm()) > 10 * float(error.norm())  # or else 0 would do
    assert ((first.mean(0) - second.mean(0)).abs() < 4 * error).all()


def test_dreg_is_the_less_noisy_the_more_samples():
    ratios = []
    for samples in (4, 64):
        first, second = (encoder_gradients(e, samples) for e in ("iwae", "dreg"))
        ratios.append(float(second.var(0).sum() / first.var(0).sum()))
    assert ratios[1] < ratios[0] < 1
    assert ratios[1] < 0.2


def test_dreg_leaves_the_decoders_gradient_and_the_bound_as_they_are():
    (model, batch), found = linear_model(2), []
    for estimator in ("iwae", "dreg"):
        torch.manual_seed(3)
        model.zero_grad()
        loss = iwae(8, estimator)._loss(model, batch, 0.9).loss
        loss.backward()
        found.append((loss.detach(), model.decoder.weight.grad.clone()))
    torch.testing.assert_close(found[0], found[1])


def test_importance_weights_reach_the_words_of_a_text():
    """The fused cross-entropy weighs each sample's words: the gradient is that of the bound by autograd."""
    model, batch = small_model(), random_batch()
    torch.manual_seed(0)
    iwae(3)._loss(model, batch, 0.9).loss.backward()
    given = model.decoder.embedding.weight.grad.clone()
    model.zero_grad()
    torch.manual_seed(0)
    terms = model(batch, samples=3)
    log_w = terms.log_px + model.prior().log_prob(terms.z) - terms.q.log_prob(terms.z)
    weights = log_w.softmax(0).detach()
    # each sample on its own, so that the words of a text have one weight in the whole of a backward pass
    for k in range(3):
        for i in range(4):
            (-(weights[k, i] / 4) * log_w[k, i]).backward(retain_graph=True)
    torch.testing.assert_close(model.decoder.embedding.weight.grad, given, rtol=1e-3, atol=1e-5)


# ------------------------------------------------------------------ semi-amortised inference


def test_refined_posteriors_have_a_higher_elbo():
    built, model, _ = objective(name="semi_amortised", svi_steps=10, svi_rate=0.1)
    nn.init.normal_(model.posterior.loc.weight, std=1.0)  # an encoder that is far from right
    batch = random_batch((5, 9, 3, 6))
    q = model.encode(batch)
    refined = built.refine(model, batch, q, torch.ones(()))
    with torch.no_grad():
        before, after = (
            (model.terms(p, batch, samples=200).kl - model.terms(p, batch, samples=200).log_px.mean(0))
            for p in (q, refined)
        )
    assert (after < before - 0.1).all()
    # the gradient at the refined posterior is handed to the encoder's
    refined.mean.sum().backward()
    grown = model.posterior.loc.bias.grad
    torch.testing.assert_close(grown, torch.full_like(grown, 4.0))


def test_refining_leaves_no_gradient_in_the_model():
    built, model, _ = objective(name="semi_amortised", svi_steps=3)
    batch = random_batch()
    built.refine(model, batch, model.encode(batch), torch.ones(()))
    assert all(p.grad is None for p in model.parameters())


# ------------------------------------------------------------------ divergences


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_is_unbiased_and_sees_a_difference(kernel):
    def estimates(shift, scale):
        found = [mmd(torch.randn(40, 3), torch.randn(30, 3) * scale + shift, kernel) for _ in range(400)]
        return torch.stack(found)

    same = estimates(0.0, 1.0)
    assert abs(float(same.mean())) < 4 * float(same.std()) / 20
    assert float(same.min()) < 0  # a biased estimate never is
    for different in (estimates(0.7, 1.0), estimates(0.0, 0.4)):
        assert float(different.mean()) > 20 * float(different.std()) / 20


def test_mmd_is_its_definition():
    x, y = torch.randn(4, 2), torch.randn(3, 2)

    def k(a, b):
        return math.exp(-float((a - b).square().sum()) / 4)

    within_x = sum(k(x[i], x[j]) for i in range(4) for j in range(4) if i != j) / 12
    within_y = sum(k(y[i], y[j]) for i in range(3) for j in range(3) if i != j) / 6
    across = sum(k(a, b) for a in x for b in y) / 12
    assert float(mmd(x, y, "rbf")) == pytest.approx(within_x + within_y - 2 * across, abs=1e-6)


def test_mmd_of_a_single_text_is_nothing():
    z = torch.randn(1, 3, requires_grad=True)
    mmd(z, torch.randn(1, 3), "imq").backward()
    assert z.grad is not None
    assert not z.grad.any()


def test_infovae_without_alpha_is_the_elbo():
    built, model, _ = objective(name="infovae", alpha=0, divergence=1)
    losses = built._loss(model, random_batch(), 0.0)
    torch.testing.assert_close(losses.loss, losses.reconstruction + losses.kl)


# ------------------------------------------------------------------ adversaries and updates


def step(model, phase, batch, progress=0.0):
    config = small_config().train
    return Stepper(phase, config, Processes(torch.device("cpu"))).step(model, batch, 1.0, progress, lr=0.01)


def snapshot(module) -> dict:
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def moved(before: dict, module) -> bool:
    return any(not torch.equal(before[name], p) for name, p in module.named_parameters())


def test_an_update_moves_its_own_parameters_and_no_others():
    built, model, (phase,) = objective(name="adversarial", hidden=8)
    autoencoder, discriminator = phase.updates
    for update, stays, moves in ((autoencoder, built, model), (discriminator, model, built)):
        before = snapshot(stays), snapshot(moves)
        step(model, replace(phase, updates=[update]), random_batch())
        assert not moved(before[0], stays)
        assert moved(before[1], moves)
        assert all(p.grad is None for p in (*built.parameters(), *model.parameters()))


def test_parameters_that_are_frozen_stay():
    _, model, (phase,) = objective(name="elbo")
    model.encoder.requires_grad_(False)
    before = snapshot(model.encoder), snapshot(model.decoder)
    step(model, phase, random_batch())
    assert not moved(before[0], model.encoder)
    assert moved(before[1], model.decoder)


def test_a_discriminator_learns_to_tell_latents_from_the_prior():
    built, model, (phase,) = objective(name="adversarial", hidden=16)
    model.posterior.loc.bias.data += 3.0
    only = replace(phase, updates=[phase.updates[1]])
    stepper = Stepper(only, small_config().train, Processes(torch.device("cpu")))
    for _ in range(200):
        stepper.step(model, random_batch((5,) * 40), 1.0, 0.0, lr=0.01)
    with torch.no_grad():
        assert float(built._score(model(random_batch()).z[0]).max()) < 0
        assert float((built._score(torch.randn(500, 4)) > 0).float().mean()) > 0.9


def test_words_are_dropped_in_order_and_ends_are_kept():
    batch = random_batch((9, 5, 1, 30) * 50)
    whole = batch.tokens.clone()
    noisy = drop_words(batch, 0.3)
    assert torch.equal(batch.tokens, whole)
    assert noisy.tokens.shape == whole.shape
    for text, rest in zip(whole.tolist(), noisy.tokens.tolist(), strict=True):
        kept = rest[: rest.index(PAD)] if PAD in rest else rest
        assert (kept[0], kept[-1]) == (BOS, EOS)
        assert PAD not in kept
        left = iter(text)
        assert all(token in left for token in kept)  # a part of the text, in its order
    words, rest = (int((tokens > EOS).sum()) for tokens in (whole, noisy.tokens))
    assert rest / words == pytest.approx(0.7, abs=0.05)


def test_denoising_reads_noise_and_writes_the_clean_text(monkeypatch):
    built, model, _ = objective(name="adversarial", hidden=8, word_drop=0.5)
    batch, seen = random_batch((9, 9, 9, 9)), {}
    monkeypatch.setattr(model.encoder, "forward", spy(seen, "read", model.encoder.forward))
    monkeypatch.setattr(model.decoder, "forward", spy(seen, "written", model.decoder.forward))
    built._autoencoder_loss(model, batch, 0.0)
    assert int(seen["read"].lengths.sum()) < int(batch.lengths.sum())
    assert seen["written"] is batch


def spy(seen: dict, name: str, forward):
    """``forward``, with the batch that it was last given noted under ``name``."""

    def noting(*arguments):
        seen[name] = arguments[-1]
        return forward(*arguments)

    return noting


# ------------------------------------------------------------------ lagging inference


def test_lagging_updates_the_encoder_alone_until_its_loss_stops_falling():
    _, model, (phase,) = objective(name="lagging", window=3, inner=12)
    both = phase.updates[2]
    batch = random_batch((9, 9, 9, 9))
    stepper = Stepper(phase, small_config().train, Processes(torch.device("cpu")))
    turns = []
    for _ in range(60):
        before = snapshot(model.encoder), snapshot(model.decoder)
        stepper.step(model, batch, 1.0, 0.0, lr=0.01)
        turns.append((moved(before[0], model.encoder), moved(before[1], model.decoder)))
    alone, written = turns.count((True, False)), turns.count((False, True))
    assert alone + written == 60  # never both
    assert 6 * written <= alone  # two windows at least before the loss can be seen to rise
    longest = max(len(run) for run in "".join("e" if e else "d" for e, _ in turns).split("d"))
    assert longest <= 12
    # information that rises changes nothing; a fall ends it, and for good
    for information, together in ((0.5, False), (0.7, False), (0.6, True), (0.9, True)):
        phase.heeds_information(information)
        assert (phase.turn(0.1) == [both]) is together


def test_lagging_ends_at_its_share_of_training():
    _, _, (phase,) = objective(name="lagging", aggressive=0.3)
    assert phase.turn(0.29) == [phase.updates[0]]
    assert phase.turn(0.3) == [phase.updates[2]]


def test_lagging_is_told_the_information_at_every_validation():
    told = []

    class Ear(Lagging):
        def _look_at_information(self, information):
            told.append(information)
            super()._look_at_information(information)

    config = config_with(objective={"name": "lagging"}, train={"steps": 100, "validations": 2})
    run: Any = trainer(config)
    run.objective = Ear(config.objective.options, VOCAB, 4)
    rows = []
    run.watcher.row = rows.append
    run.run()
    assert told == [row["validation_mi"] for row in rows if "validation_mi" in row]
    assert len(told) == 2


def test_two_processes_take_turns_like_one(tmp_path):
    options = {"name": "lagging", "window": 5, "inner": 20, "aggressive": 1.0}
    config = config_with(objective=options, train={"steps": 100, "validations": 4})
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first, second = (ended.value for ended in in_processes(train, config, tmp_path / "two"))
    assert first == second
    assert first["weights"] == pytest.approx(train(config, tmp_path / "one")["weights"], rel=1e-3)


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({"objective": {"name": "infovae", "alpha": 0.2, "divergence": 0.1}}, "add up to less than 1"),
        ({"objective": {"name": "iwae", "samples": 0}}, r"objective\.samples"),
        ({"objective": {"name": "adversarial", "word_drop": 1.0}}, r"objective\.word_drop"),
        ({"objective": {"name": "elbo", "free_bits_per": "word"}}, r"objective\.free_bits_per"),
        (
            {"objective": {"name": "semi_amortised"}, "posterior": "vmf"},
            "semi_amortised needs posterior .*gaussian",
        ),
        ({"posterior": {"name": "committed", "rate": 100}}, "more than latent_dim 4 can hold"),
        ({"posterior": "committed", "prior": "mixture"}, "committed needs prior standard"),
        (
            {
                "objective": {"name": "adversarial", "word_drop": 0.1},
                "encoder": "precomputed",
                "decoder": "vector",
            },
            "adversarial needs decoder .*lstm",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(tree, sentence):
    with pytest.raises(TextVAEError, match=sentence) as caught:
        small_config(**tree)
    assert "\n" not in str(caught.value)
