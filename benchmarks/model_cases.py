"""The cases in which both sides do the same work with the same weights: training, likelihood, encoding, sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from statistics import median
from typing import Any

import numpy as np
import torch
from contest import Result, Timing, interleave, timed
from flops import Flops, flops, peak
from reference import BATCH, ReferenceVAE, Sizes
from texts import Texts
from training import (
    Shuffled,
    configuration,
    new_model,
    of_one_length,
    on_device,
    shuffled,
    train_reference,
    train_textvae,
)

from textvae.config import Config
from textvae.device import Precision, uses_bf16
from textvae.latent.encode import encode
from textvae.latent.generate import generate
from textvae.metrics.likelihood import evaluate_likelihood
from textvae.model import VAE
from textvae.text.batch import Dataset, evenly, token_batches
from textvae.train.order import Order
from textvae.types import EOS

_WARM = 3  # steps before the clock runs
_IW_SAMPLES = 100
_MAX_LENGTH = 100
_TRAINED = 300  # steps before sampling, so that texts end where real ones do


_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Setting:
    """What the cases have in common; ``scale`` is how much work a round is, 1 being right for two cores."""

    texts: Texts
    device: torch.device
    rounds: int
    scale: float
    batch_tokens: int
    precision: Precision

    @property
    def sizes(self) -> Sizes:
        """The usual ones at the texts' vocabulary."""
        return Sizes(self.texts.vocab_size)

    @property
    def flops(self) -> Flops:
        """Per token."""
        return flops(self.sizes)

    def config(self, **train: Any) -> Config:
        """textvae's configuration."""
        return configuration(
            self.sizes, batch_tokens=self.batch_tokens, precision=self.precision, validations=1, **train
        )

    def some(self, texts: int) -> Dataset:
        """So many training texts (times ``scale``), evenly spaced."""
        train = self.texts.train
        return Dataset([train[i] for i in evenly(len(train), round(texts * self.scale))])

    @cached_property
    def peaks(self) -> dict[str, float]:
        """Operations a second of matrix products, by number format."""
        return {name: peak(self.device, dtype) for name, dtype in _DTYPES.items()}

    @cached_property
    def trained(self) -> tuple[ReferenceVAE, VAE]:
        """The two models with the same weights, on the device, trained for a little while."""
        config = self.config(steps=_TRAINED)
        model = new_model(config, self.texts)
        train_textvae(model, config, self.texts, self.device)
        reference = ReferenceVAE(self.sizes)
        reference.copy_weights(model)
        return reference.to(self.device).eval(), model.to(self.device).eval()

    def rates(self, runs: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
        """What ``runs`` do by turns, each returning how much it did: a second, one figure a round."""
        return interleave({name: partial(timed, run, self.device) for name, run in runs.items()}, self.rounds)

    @property
    def format(self) -> str:
        """Of textvae's matrix products where ``precision`` decides; the reference's are in fp32."""
        return "bf16" if uses_bf16(self.device, self.precision) else "fp32"

    def result(
        self,
        case: str,
        unit: str,
        figures: dict[str, list[float]],
        operations: float,
        format: str = "fp32",
        **facts: Any,
    ) -> Result:
        """With the share of the peak, where a unit takes so many ``operations`` and textvae's are in ``format``."""
        used = {name: "fp32" if name.startswith("reference") else format for name in figures}
        shares = {n: median(rates) * operations / self.peaks[used[n]] for n, rates in figures.items()}
        return Result(case, unit, figures, shares, {"format of textvae": format, **facts})


def training(setting: Setting) -> Result:
    """Steps of training: tokens of the texts' own a second."""
    texts, device = setting.texts, setting.device
    lengths, data = texts.train.lengths, texts.train
    steps = _WARM + round(20 * setting.scale)
    plain = on_device(data, shuffled(lengths, 0)[:steps], device)
    padless = on_device(data, of_one_length(lengths, 0)[:steps], device)
    reference = ReferenceVAE(setting.sizes).to(device)

    same = setting.config(steps=steps)
    tokens_a_batch = lengths.sum() / len(token_batches(lengths, setting.batch_tokens))
    fewer = math.ceil(BATCH * lengths.mean() / tokens_a_batch * (steps - _WARM))
    own = setting.config(steps=_WARM + fewer)
    model = new_model(same, texts)

    def textvae(config: Config, order: type[Order]) -> Timing:
        timing, _ = train_textvae(model, config, texts, device, order=order, warm=_WARM)
        return timing

    figures = interleave(
        {
            "reference, 32 texts in random order": partial(train_reference, reference, plain, _WARM, device),
            "reference, 32 texts of one length": partial(train_reference, reference, padless, _WARM, device),
            "textvae, 32 texts in random order": partial(textvae, same, Shuffled),
            f"textvae, {setting.batch_tokens} tokens": partial(textvae, own, Order),
        },
        setting.rounds,
    )
    return setting.result("train", "tokens/s", figures, setting.flops.training, setting.format)


def likelihood(setting: Setting) -> Result:
    """Importance-weighted NLL with 100 samples: tokens times samples a second."""
    reference, model = setting.trained
    data = setting.some(16)
    singles = on_device(data, [np.array([i]) for i in range(len(data))], setting.device)
    work = float(data.lengths.sum()) * _IW_SAMPLES

    def plain() -> float:
        for text in singles:
            reference.iw_nll(text, _IW_SAMPLES).sum().item()
        return work

    def textvae() -> float:
        evaluate_likelihood(model, data, iw_samples=_IW_SAMPLES, precision=setting.precision)
        return work

    runs = {"reference, text by text": plain, "textvae": textvae}
    figures = setting.rates(runs)
    operations = setting.flops.scoring + setting.flops.encoder / _IW_SAMPLES
    return setting.result(
        "likelihood", "token samples/s", figures, operations, setting.format, texts=len(data)
    )


def encoding(setting: Setting) -> Result:
    """Means and deviations of q(z|x): texts a second."""
    reference, model = setting.trained
    data = setting.some(1000)
    in_order = on_device(data, np.split(np.arange(len(data)), range(BATCH, len(data), BATCH)), setting.device)

    @torch.no_grad()
    def plain() -> float:
        moments = []
        for batch in in_order:
            mean, log_variance = reference.encode(batch)
            moments.append((mean.cpu(), (0.5 * log_variance).exp().cpu()))
        return len(data)

    def textvae() -> float:
        encode(model, data)
        return len(data)

    runs = {"reference, 32 texts in order": plain, "textvae": textvae}
    figures = setting.rates(runs)
    operations = setting.flops.encoder * float(data.lengths.mean())
    return setting.result("encode", "texts/s", figures, operations, texts=len(data))


def sampling(setting: Setting) -> Result:
    """Texts drawn word by word from z ~ p(z): written tokens a second, `</s>` counted."""
    reference, model = setting.trained
    texts = round(128 * setting.scale)
    z = torch.randn(texts, setting.sizes.latent, generator=torch.Generator().manual_seed(0))
    parts = z.to(setting.device).split(BATCH)
    written = {"reference": 0.0, "textvae": 0.0}

    def plain() -> float:
        written["reference"] = sum(count_tokens(reference.sample(part, _MAX_LENGTH)) for part in parts)
        return written["reference"]

    def textvae() -> float:
        ids = generate(
            model.decoder, z, method="sample", max_length=_MAX_LENGTH, precision=setting.precision
        ).ids
        # a text that was not cut has its </s> besides its ids
        written["textvae"] = sum(min(len(text) + 1, _MAX_LENGTH) for text in ids)
        return written["textvae"]

    runs = {"reference, 32 texts": plain, "textvae": textvae}
    figures = setting.rates(runs)
    means = {name: round(tokens / texts, 1) for name, tokens in written.items()}
    return setting.result(
        "sample", "tokens/s", figures, setting.flops.scoring, setting.format, texts=texts, mean_lengths=means
    )


def count_tokens(written: torch.Tensor) -> int:
    """Of texts (B, T), up to and with each one's first `</s>`."""
    after = (written == EOS).cumsum(1) - (written == EOS).int()  # (B, T) how many `</s>` stand before
    return int((after == 0).sum())
