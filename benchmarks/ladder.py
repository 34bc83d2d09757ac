"""What each step from research code to textvae gains in training, and what gains nothing.

    python benchmarks/ladder.py [--data ptb.train.txt.gz] [--rounds 5] [--json ladder.json]

Every rung keeps what the rungs before it brought. They take turns in one run, so compare the ratios. What stands
aside is textvae with one thing changed. The model is that of `reference.py`, with dropout .5.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from contest import Result, Timing, interleave, show
from flops import flops, peak, synchronize
from reference import CLIP, ReferenceVAE, Sizes
from rich.console import Console
from speed import machine
from texts import ZIPF, Texts, prepare
from torch import Tensor, nn
from training import configuration, new_model, on_device, shuffled, train_textvae

from textvae import likelihoods
from textvae.config import TrainConfig
from textvae.device import autocast
from textvae.layers import LockedDropout
from textvae.likelihoods import Softmax, TokenSequence
from textvae.text.batch import epoch_batches
from textvae.types import Batch

_STEPS = 24  # timed in a round, in batches of about 700 tokens
_WARM = 3
_DROPOUT = 0.5


class Climber(ReferenceVAE):
    """The reference with some of what textvae does otherwise."""

    def __init__(self, sizes: Sizes, *, fused: bool, locked: bool):
        super().__init__(sizes, _DROPOUT)
        self.fused = fused
        self.output = Softmax(sizes.hidden, sizes.vocab)
        if locked:
            self.dropout_in, self.dropout_out = LockedDropout(_DROPOUT), LockedDropout(_DROPOUT)

    def reconstruction_error(self, batch: Batch, z: Tensor) -> Tensor:
        if not self.fused:
            return super().reconstruction_error(batch, z)
        return -TokenSequence(self.states(batch, z), self.output).log_prob(batch)[:, None]


def climb(
    texts: Texts,
    device: torch.device,
    *,
    bf16: bool = False,
    fused: bool = False,
    locked: bool = False,
    adam: bool = False,
    batch_tokens: int | None = None,
) -> Callable[[], Timing]:
    """A rung: ``_STEPS`` steps, in batches of 32 texts or of texts of like length with ``batch_tokens``."""
    torch.manual_seed(0)
    model = Climber(Sizes(texts.vocab_size), fused=fused, locked=locked).to(device).train()
    optimiser = (
        torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        if adam
        else torch.optim.SGD(model.parameters(), lr=1.0)
    )
    lengths = texts.train.lengths
    order = shuffled(lengths, 0)
    if batch_tokens is not None:
        order = list(epoch_batches(lengths, batch_tokens, seed=0, epoch=0))
    batches = on_device(texts.train, order[: _WARM + _STEPS], device)

    def run() -> Timing:
        tokens = 0
        for number, batch in enumerate(batches):
            if number == _WARM:
                synchronize(device)
                started, tokens = time.perf_counter(), 0
            with autocast(device, "bf16") if bf16 else nullcontext():
                loss = model.loss(batch)[0].mean()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            optimiser.zero_grad()
            tokens += int(batch.lengths.sum())
        synchronize(device)
        return Timing(tokens, time.perf_counter() - started)

    return run


def own(texts: Texts, device: torch.device, batch_tokens: int) -> Timing:
    """textvae's own trainer."""
    config = configuration(
        Sizes(texts.vocab_size),
        _DROPOUT,
        batch_tokens=batch_tokens,
        steps=_WARM + _STEPS,
        validations=1,
        precision="bf16",
    )
    return train_textvae(new_model(config, texts), config, texts, device, warm=_WARM)[0]


@contextmanager
def changed(owner: Any, name: str, value: Any):
    """``owner.name`` is ``value`` for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def with_change(owner: Any, name: str, value: Any, run: Callable[[], Timing]) -> Callable[[], Timing]:
    """``run`` under a change."""

    def other() -> Timing:
        with changed(owner, name, value):
            return run()

    return other


def torchs_own(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor) -> Tensor:
    """torch's fused loss in the place of ours."""
    return F.linear_cross_entropy(hidden, weight, target, linear_bias=bias, reduction="none")


def plain(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor) -> Tensor:
    """Logits of all rows at once, and a loss over them."""
    return F.cross_entropy(F.linear(hidden, weight, bias).float(), target, reduction="none")


def main() -> None:
    """Climbs, prints the table, writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=ZIPF, help="a file or a built-in corpus; without: drawn texts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = torch.device("cpu")
    texts = prepare(options.data, 10_000)
    usual = TrainConfig().batch_tokens
    load = os.getloadavg()

    rung = partial(climb, texts, device)
    steps = {
        "research code: fp32, 32 texts, SGD": rung(),
        "+ bf16": rung(bf16=True),
        "+ fused cross-entropy, pads left out": rung(bf16=True, fused=True),
        "+ one dropout mask a text": rung(bf16=True, fused=True, locked=True),
        "+ Adam, fused, instead of SGD": rung(bf16=True, fused=True, locked=True, adam=True),
        f"+ texts of like length, {usual:,} tokens a batch": rung(
            bf16=True, fused=True, locked=True, adam=True, batch_tokens=usual
        ),
        "textvae: + tied embedding, its own loop": partial(own, texts, device, usual),
    }
    run = partial(own, texts, device, usual)
    rows = 10_000  # of the vocabulary: chunks are counted in logits
    aside = {
        "textvae": run,
        "chunks of 128 rows": with_change(likelihoods, "_CHUNK_ELEMENTS", 128 * rows, run),
        "chunks of 2,048 rows": with_change(likelihoods, "_CHUNK_ELEMENTS", 2048 * rows, run),
        "torch's linear_cross_entropy": with_change(likelihoods, "linear_cross_entropy", torchs_own, run),
        "all logits at once": with_change(likelihoods, "linear_cross_entropy", plain, run),
        "5,600 tokens a batch": partial(own, texts, device, 4 * usual),
    }
    needed = flops(Sizes(texts.vocab_size)).training
    most = peak(device, torch.bfloat16)
    results = []
    for name, contestants in (("the ladder", steps), ("aside", aside)):
        rates = interleave(contestants, options.rounds)
        used = {who: float(np.median(values)) * needed / most for who, values in rates.items()}
        results.append(Result(name, "tokens/s", rates, used))
    show(results, Console(width=150))
    facts = {"machine": machine(device), "peak_bf16": most, "load": [load, os.getloadavg()]}
    if options.json:
        report = {**facts, "results": [result.as_dict() for result in results]}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
