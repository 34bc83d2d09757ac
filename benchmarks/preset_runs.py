"""Every preset trained at every rate with every seed, as the options of a benchmark ask."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textvae import TextVAE
from textvae.config import parse_assignments


@dataclass(frozen=True)
class Run:
    """One training to make: of a preset, with the KL held at so many nats if at any, and with a seed."""

    preset: str
    target_kl: float | None
    seed: int

    def train(self, options: argparse.Namespace, texts: Sequence[str]) -> TextVAE:
        """The model that these texts make of it."""
        return TextVAE(
            self.preset,
            latent_dim=options.latent_dim,
            target_kl=self.target_kl,
            steps=options.steps,
            seed=self.seed,
            set=parse_assignments(options.set),
        ).fit(texts)


def add_options(parser: argparse.ArgumentParser, *, seeds: int, latent_dim: int) -> None:
    """What to train and how long, with a benchmark's own defaults."""
    parser.add_argument("--presets", default="default")
    parser.add_argument("--target-kl", default="", help="nats, for each of which every preset is trained")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--latent-dim", type=int, default=latent_dim)
    parser.add_argument("--set", action="append", default=[], metavar="A=B", help="any option; repeatable")


def all_runs(options: argparse.Namespace) -> Iterator[Run]:
    """All seeds of a preset at a rate, then its next rate, then the next preset."""
    targets = [float(nats) for nats in options.target_kl.split(",") if nats] or [None]
    for preset, target, seed in itertools.product(options.presets.split(","), targets, range(options.seeds)):
        yield Run(preset, target, seed)
