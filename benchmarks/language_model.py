"""The baseline of every table: the VAE's decoder as a language model, same recipe, same time.

    python benchmarks/language_model.py TRAIN VALIDATION TEST --time-budget 20m [--preset default] [--seed 0]

z is zero throughout, so nothing but the words before enters the decoder, and the NLL is exact. Tokeniser,
batches, optimiser, schedule, dropout and choice of weights by validation are those of `textvae train`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator

import torch
from torch import nn

from textvae.config import merge, parse_assignments, read_config
from textvae.device import autocast
from textvae.model import build, evaluating
from textvae.objectives.phase import Losses, Objective, Phase
from textvae.presets import load_preset
from textvae.text.batch import Dataset, drop_long, token_batches
from textvae.text.read import load_corpus
from textvae.text.tokenize import Tokenizer
from textvae.train.length import Length
from textvae.train.loop import Trainer
from textvae.train.tracking import watcher_for
from textvae.types import Batch


class LanguageModel(Objective):
    """-log p(x|z=0), with the VAE's encoder out of play."""

    def phases(self, model: nn.Module) -> Iterator[Phase]:
        yield Phase("language model", 1.0, list(model.decoder.parameters()), self._loss, True, True)

    def _loss(self, model: nn.Module, batch: Batch, progress: float) -> Losses:
        nll = negative_log_likelihood(model, batch).mean()
        zero = nll.new_zeros(())
        return Losses(nll, nll, zero, zero, nll.new_zeros(len(batch), 1))


class LanguageModelTrainer(Trainer):
    """Validates log p(x|z=0) where the VAE's trainer validates the ELBO."""

    def _validation_sums(self, batch: Batch) -> torch.Tensor:
        nll = negative_log_likelihood(self.model, batch).sum()
        return torch.stack([nll, torch.zeros_like(nll)])


def negative_log_likelihood(model: nn.Module, batch: Batch) -> torch.Tensor:
    """(B,) nats."""
    z = torch.zeros(len(batch), model.decoder.latent_dim, device=batch.tokens.device)
    return -model.decoder(z, batch).log_prob(batch)


def main() -> None:
    """Trains, measures the test file, prints a line of JSON."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs=3, metavar=("TRAIN", "VALIDATION", "TEST"))
    parser.add_argument("--time-budget", default="20m")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], dest="assignments")
    options = parser.parse_args()
    over = {"train": {"time_budget": options.time_budget, "seed": options.seed}}
    tree = merge(merge(load_preset(options.preset).config, over), parse_assignments(options.assignments))
    config = read_config(tree)
    texts = [load_corpus(file).texts for file in options.files]
    tokenizer = Tokenizer.train(texts[0], config.text.tokenizer, config.text.vocab_size)
    ids = [tokenizer.encode(part) for part in texts]
    train = Dataset([ids[0][i] for i in drop_long(ids[0], config.text.max_length)[0]])
    torch.manual_seed(config.train.seed)
    model = build(config, tokenizer.vocab_size, torch.as_tensor(tokenizer.frequencies))
    trainer = LanguageModelTrainer(
        model,
        LanguageModel(),
        train,
        Dataset(ids[1]),
        config.train,
        folder=None,
        watcher=watcher_for(),
        length=Length(config.train, started=started),
    )
    outcome = trainer.run()
    test = Dataset(ids[2])
    total = 0.0
    with evaluating(model) as device, autocast(device, config.train.precision):
        for indices in token_batches(test.lengths, 16_384):
            total += float(negative_log_likelihood(model, test.batch(indices)).sum())
    figures = {
        "nll": total / len(test),
        "ppl": math.exp(total / test.lengths.sum()),
        "n_texts": len(test),
        "n_tokens": int(test.lengths.sum()),
        "epochs": outcome.epoch,
        "seconds": outcome.seconds,
        "parameters": sum(p.numel() for p in model.decoder.parameters()),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
