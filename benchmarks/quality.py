"""What the time buys: both sides trained for the same epochs, and how probable they then find other texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np
import torch
from contest import Result
from flops import synchronize
from model_cases import Setting
from reference import LEARNING_RATE, ReferenceVAE
from torch.nn import Parameter
from torch.optim import SGD, Adam, Optimizer
from training import Shuffled, new_model, on_device, shuffled, train_textvae

from textvae.metrics.likelihood import evaluate_likelihood
from textvae.noise import posterior_normals
from textvae.text.batch import Dataset, evenly, token_batches
from textvae.train.order import Order

_IW_SAMPLES = 30
_VALIDATION_TEXTS = 500
_KL_RISES = 0.05  # the share of training over which the KL's weight rises: textvae's default, for both sides
_PATIENCE = 1  # at the second epoch without a better validation the rate is halved, as in He et al. 2019

_OPTIMISERS: dict[str, Callable[[Iterable[Parameter]], Optimizer]] = {
    "reference, SGD": lambda parameters: SGD(parameters, lr=LEARNING_RATE),
    "reference, Adam": lambda parameters: Adam(parameters, lr=1e-3),
}


def quality(setting: Setting, epochs: int) -> list[Result]:
    """The validation texts' NLL after training, and the seconds that the steps of training took.

    Both sides' NLL is by importance weighting with 30 samples in float32, with the same noise for each text.
    """
    held, device = setting.texts.validation, setting.device
    validation = Dataset([held[i] for i in evenly(len(held), _VALIDATION_TEXTS)])
    nll: dict[str, np.ndarray] = {}  # (N,)
    seconds: dict[str, list[float]] = {}
    for name, optimiser in _OPTIMISERS.items():
        torch.manual_seed(0)
        model = ReferenceVAE(setting.sizes).to(device)
        seconds[name] = [_train(model, optimiser(model.parameters()), setting, validation, epochs)]
        nll[name] = reference_nll(model, validation, _IW_SAMPLES)

    lengths = setting.texts.train.lengths
    own = token_batches(lengths, setting.batch_tokens)
    for name, order, batches in (
        ("textvae, 32 texts", Shuffled, shuffled(lengths, 0)),
        (f"textvae, {setting.batch_tokens} tokens", Order, own),
    ):
        config = setting.config(steps=epochs * len(batches))
        model = new_model(config, setting.texts)
        timing, _ = train_textvae(model, config, setting.texts, device, order=order)
        model.to(device)
        found = evaluate_likelihood(model, validation, iw_samples=_IW_SAMPLES, precision="fp32")
        seconds[name], nll[name] = [timing.seconds], found.iw_nll
    facts = {"epochs": epochs, "validation texts": len(validation), "format of textvae": setting.format}
    first, *others = nll
    for name in others:
        more = nll[name] - nll[first]  # text by text, so that how hard the texts are cancels out
        error = more.std(ddof=1) / len(more) ** 0.5
        facts[f"{name}, above {first}"] = f"{more.mean():+.2f} ± {error:.2f} nats"
    figures = {name: [float(each.mean())] for name, each in nll.items()}
    return [
        Result("quality: validation NLL", "nats/text", figures, facts=facts, compared=False),
        Result("quality: training", "seconds", seconds),
    ]


def reference_nll(model: ReferenceVAE, data: Dataset, samples: int) -> np.ndarray:
    """(N,) nats: the same estimate as ``evaluate_likelihood``, down to the noise."""
    model.eval()
    device, latent = model.output.weight.device, model.first_state.in_features
    nll = np.empty(len(data))
    for i in range(len(data)):
        noise = torch.from_numpy(posterior_normals([i], samples, latent, seed=0)).to(device)
        nll[i] = model.iw_nll(data.batch([i]).to(device), samples, noise=noise).item()
    return nll


def _train(
    model: ReferenceVAE, optimiser: Optimizer, setting: Setting, validation: Dataset, epochs: int
) -> float:
    """The seconds of the steps; batches are made, and the rate is halved, in between."""
    data, device = setting.texts.train, setting.device
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=_PATIENCE)
    seconds, step = 0.0, 0
    for epoch in range(epochs):
        batches = on_device(data, shuffled(data.lengths, epoch), device)
        model.train()
        started = time.perf_counter()
        for batch in batches:
            weight = min(1.0, step / (_KL_RISES * epochs * len(batches)))
            model.train_on([batch], optimiser, weight)
            step += 1
        synchronize(device)
        seconds += time.perf_counter() - started
        plateau.step(reference_nll(model, validation, 1).mean())
    return seconds
