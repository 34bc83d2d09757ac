"""What a GPU computes is what the processor computes, to within the rounding that each test states."""

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from models import VOCAB, part_options, random_ids, small_config, small_model
from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import VAE, build_objective
from textvae.text.batch import Dataset
from textvae.train.loop import Trainer
from textvae.train.tracking import Silent

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

GPU = "cuda"
LENGTHS = [5, 9, 3, 1, 12, 7, 7, 20] * 4


@pytest.fixture(autouse=True)
def full_float32() -> Iterator[None]:
    """Recurrent nets in float32 proper: TF32, cuDNN's usual choice, keeps ten bits of a number."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@pytest.fixture(params=["lstm", "gru", "transformer"])
def models(request) -> tuple[VAE, VAE]:
    """The same model on the processor and on the GPU, with weights wide enough to matter."""
    name = request.param
    parts = {kind: part_options(kind, name) for kind in ("encoder", "decoder")}
    model = small_model(**parts).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model, copy.deepcopy(model).to(GPU)


@pytest.fixture
def texts() -> Dataset:
    return Dataset(random_ids(LENGTHS))


def test_posteriors_agree(models, texts):
    here, there = (encode(model, texts) for model in models)
    np.testing.assert_allclose(there.mean, here.mean, atol=1e-4)
    np.testing.assert_allclose(there.stddev, here.stddev, rtol=1e-4)


def test_likelihoods_agree_to_a_thousandth_of_a_nat(models, texts):
    here, there = (evaluate_likelihood(model, texts, iw_samples=5, precision="fp32") for model in models)
    np.testing.assert_allclose(there.iw_nll, here.iw_nll, atol=1e-3)
    np.testing.assert_allclose(there.kl, here.kl, atol=1e-3)


def test_likelihoods_in_bf16_agree_to_a_hundredth(models, texts):
    here = evaluate_likelihood(models[0], texts, iw_samples=5, precision="fp32")
    there = evaluate_likelihood(models[1], texts, iw_samples=5, precision="bf16")
    assert there.precision == "bf16"
    assert there.iw_nll.mean() == pytest.approx(here.iw_nll.mean(), rel=0.01)


@pytest.mark.parametrize("method", ["greedy", "sample", "beam"])
def test_generated_texts_agree_but_for_near_ties(models, method):
    z = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
    here, there = (
        generate(model.decoder, z, method=method, max_length=15, precision="fp32") for model in models
    )
    same = [np.array_equal(a, b) for a, b in zip(here.ids, there.ids, strict=True)]
    assert sum(same) >= 38  # rounding may turn a near tie, once in twenty texts
    np.testing.assert_allclose(there.log_probs[same], here.log_probs[same], atol=1e-3)
    assert len({tuple(ids) for ids in here.ids}) > 2


def test_steps_of_training_agree(models, texts):
    """Five steps on the ELBO with z at the posterior's mean, as the noise of training is the device's own."""
    losses = []
    for model in models:
        optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
        batch = texts.batch(range(len(texts))).to(next(model.parameters()).device)
        losses.append([])
        for _ in range(5):
            terms = model.train()(batch, noise=False)
            loss = (terms.kl - terms.log_px[0]).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            losses[-1].append(loss.item())
    here, there = losses
    assert here[-1] < here[0] - 0.01
    np.testing.assert_allclose(there, here, rtol=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_on_a_gpu_learns_and_comes_home(precision):
    """Texts that are one word over and over: V nats a word to tell which, and then none."""
    words = np.random.default_rng(0).integers(4, VOCAB, 300)
    texts = Dataset([np.array([1, *[word] * 8, 2], np.int32) for word in words])
    config = small_config(train={"steps": 300, "lr": 0.01, "precision": precision})
    model = small_model()
    outcome = Trainer(
        model,
        build_objective(config, VOCAB),
        texts,
        texts,
        config.train,
        folder=None,
        watcher=Silent(),
        device=GPU,
    ).run()
    assert outcome.validation_loss is not None
    # the first word costs log(26) = 3.3 nats; eight of them and the end, each for itself, would cost 26
    assert outcome.validation_loss < 10
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())
