"""How much arithmetic a token takes, and how much of it the machine could do."""

from __future__ import annotations

import time
from functools import partial
from typing import NamedTuple

import torch
from reference import Sizes

_PEAK_RUNS = 20


class Flops(NamedTuple):
    """Floating-point operations of one token's forward pass; a multiplication and an addition are two.

    Each LSTM multiplies its input and its state by the matrices of four gates, the output layer the state by the
    output matrix. What is left out (gates, softmax, the posterior, once a text) is below a hundredth:

    - encoder 2 · 4H · (E + H)
    - decoder 2 · 4H · (E + Z + H)
    - output  2 · H · V

    Training takes three times as much: the backward pass multiplies by every matrix's transpose twice, for the
    gradients of inputs and of weights. Tokens are a text's own, words and `</s>`: what is spent on pads is waste.
    """

    encoder: int
    decoder: int
    output: int

    @property
    def training(self) -> int:
        """Forward and backward through all of it."""
        return 3 * sum(self)

    @property
    def scoring(self) -> int:
        """log p(x|z) for one sample of z; also what writing a token takes."""
        return self.decoder + self.output


def flops(sizes: Sizes) -> Flops:
    """Per token, for the model of the benchmark."""
    vocab, embedding, hidden, latent = sizes
    return Flops(
        8 * hidden * (embedding + hidden), 8 * hidden * (embedding + latent + hidden), 2 * hidden * vocab
    )


def peak(device: torch.device, dtype: torch.dtype, size: int | None = None) -> float:
    """Operations a second of a product of square matrices, the best of many runs, with torch's own settings.

    On the CPU `torch.mm` has one library for float32 and recurrent nets another, oneDNN, which is twice as fast on some
    machines: the peak is that of the faster one.
    """
    size = size or (8192 if device.type == "cuda" else 1024)
    a, b = torch.randn(2, size, size, device=device, dtype=dtype)
    products = [partial(torch.mm, a, b)]
    if device.type == "cpu" and dtype == torch.float32 and torch.backends.mkldnn.is_available():
        products.append(partial(torch.ops.aten.mkldnn_linear, a.to_mkldnn(), b.to_mkldnn(), None))
    best = float("inf")
    for product in products * _PEAK_RUNS:
        synchronize(device)
        started = time.perf_counter()
        product()
        synchronize(device)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def synchronize(device: torch.device) -> None:
    """Waits until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
