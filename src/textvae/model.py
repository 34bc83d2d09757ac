"""The variational autoencoder: four parts, composed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from textvae.config import Config
from textvae.distributions.divergence import kl_by_dimension, kl_to_prior
from textvae.distributions.rotated import rotated, turn
from textvae.objectives.phase import Objective
from textvae.posteriors.none import NoPosterior
from textvae.registry import find
from textvae.types import AnyBatch, Likelihood


@dataclass(frozen=True)
class Terms:
    """The terms of a batch, per text, in nats.

    ``q`` is q(z|x); ``z`` (K, B, Z) its samples; ``log_px`` (K, B) = log p(x|z); ``kl`` (B,) =
    KL(q(z|x) ‖ p(z)); ``kl_dims`` (B, Z) the same per dimension, where it factorises. ``penalty`` (B,) is what q
    and the decoder add to any loss, such as the commitment of vector quantisation: no part of the ELBO.
    """

    q: Distribution
    z: Tensor
    log_px: Tensor
    kl: Tensor
    kl_dims: Tensor | None
    penalty: Tensor


@contextmanager
def evaluating(module: nn.Module) -> Iterator[torch.device]:
    """Evaluation mode without gradients; yields the module's device and restores every part's mode."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield next((t.device for t in (*module.parameters(), *module.buffers())), torch.device("cpu"))
    finally:
        for part, training in modes:
            part.training = training


class VAE(nn.Module):
    """Encoder, posterior, prior, decoder (Kingma & Welling 2014).

    ELBO(x) = E_q(z|x)[log p(x|z)] − KL(q(z|x) ‖ p(z)).
    """

    def __init__(self, encoder: nn.Module, posterior: nn.Module, prior: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.posterior, self.prior = encoder, posterior, prior
        self.decoder: Any = decoder  # what it can do beyond p(x|z), such as writing, depends on what x is
        if hasattr(prior, "bind"):
            prior.bind(self)  # pyright: ignore[reportCallIssue]

    @property
    def latent_dim(self) -> int:
        """Z."""
        return self.prior().event_shape[0]

    @property
    def has_latent(self) -> bool:
        """Whether there is anything that z could say: a language model's is a constant."""
        return not isinstance(self.posterior, NoPosterior)

    def encode(self, batch: AnyBatch) -> Distribution:
        """q(z|x), batch shape (B,), event shape (Z,)."""
        return self.posterior(self.encoder(batch))

    def decode(self, z: Tensor, batch: AnyBatch) -> Likelihood:
        """p(x|z) for z (*, B, Z): its ``log_prob(batch)`` is (*, B) nats."""
        return self.decoder(z, batch)

    def forward(self, batch: AnyBatch, samples: int = 1, noise: bool = True, decode: bool = True) -> Terms:
        """The terms of the ELBO under the encoder's q(z|x); options as in ``terms``."""
        return self.terms(self.encode(batch), batch, samples, noise, decode)

    def terms(
        self, q: Distribution, batch: AnyBatch, samples: int = 1, noise: bool = True, decode: bool = True
    ) -> Terms:
        """The terms of the ELBO from ``samples`` draws of z ~ ``q``, which may be another than the encoder's.

        Without ``noise``, z is the posterior's mode; without ``decode``, ``log_px`` is left as zeros. A KL that
        has no closed form is estimated from the draws.
        """
        p = self.prior()
        drawn = q.rsample((samples,))
        z = drawn if noise else q.mode.expand(drawn.shape)
        with torch.autocast(z.device.type, enabled=False):
            dims = kl_by_dimension(q, p)
            kl = kl_to_prior(q, p, drawn) if dims is None else dims.sum(-1)
        penalty = getattr(q, "penalty", torch.zeros_like(kl))
        if not decode:
            return Terms(q, z, z.new_zeros(z.shape[:-1]), kl, dims, penalty)
        likelihood = self.decode(z, batch)
        penalty = penalty + getattr(likelihood, "penalty", 0.0)
        return Terms(q, z, likelihood.log_prob(batch), kl, dims, penalty)


class Rotation(nn.Module):
    """The orthogonal matrix R (Z, Z) between a model's own axes and those it is used in: z·R."""

    def __init__(self, matrix: Tensor):
        super().__init__()
        self.matrix: Tensor
        self.register_buffer("matrix", matrix)

    def undo(self, z: Tensor) -> Tensor:
        """Rotated z (*, Z) in the model's own axes."""
        return turn(z, self.matrix.T)


class RotatedPosterior(nn.Module):
    """The distribution of z·R for z ~ ``base``'s q(z|x)."""

    def __init__(self, base: nn.Module, rotation: Rotation):
        super().__init__()
        self.base, self.rotation = base, rotation

    def forward(self, features: Tensor) -> Distribution:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        return rotated(self.base(features), self.rotation.matrix)


class RotatedDecoder(nn.Module):
    """What ``base`` makes of z·Rᵀ; in all else it is ``base``."""

    def __init__(self, base: nn.Module, rotation: Rotation):
        super().__init__()
        self.base, self.rotation = base, rotation

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("base"), name)

    def forward(self, z: Tensor, *batch: AnyBatch) -> Likelihood:
        return self.base(self.rotation.undo(z), *batch)

    def start(self, z: Tensor) -> Any:
        return self.base.start(self.rotation.undo(z))  # pyright: ignore[reportCallIssue]


def rotate(model: VAE, matrix: Tensor) -> VAE:
    """The model in the coordinates z·R, R (Z, Z) orthogonal: ``encode`` gives them, and ``decode`` takes them.

    Where the prior is N(0, I), every ELBO stays what it was. The parts are shared with ``model``.
    """
    posterior, decoder = model.posterior, model.decoder
    matrix = matrix.to(next(model.parameters()))
    if isinstance(posterior, RotatedPosterior) and isinstance(decoder, RotatedDecoder):
        matrix = posterior.rotation.matrix @ matrix
        posterior, decoder = posterior.base, decoder.base
    rotation = Rotation(matrix)
    return VAE(
        model.encoder, RotatedPosterior(posterior, rotation), model.prior, RotatedDecoder(decoder, rotation)
    ).train(model.training)


def build(config: Config, vocab_size: int, frequencies: Tensor | None = None) -> VAE:
    """The model a configuration describes, freshly drawn from torch's random state.

    ``vocab_size`` is V, or D where the model is one of rows of a matrix. ``frequencies`` (V,) are the counts of
    the tokens as targets; they start the output layer.
    """
    z = config.latent_dim
    encoder = _class("encoder", config)(config.encoder.options, vocab_size)
    posterior = _class("posterior", config)(config.posterior.options, encoder.out_features, z)
    decoder = _class("decoder", config)(config.decoder.options, vocab_size, z)
    if frequencies is not None:
        decoder.set_unigram_bias(frequencies)
    return VAE(encoder, posterior, build_prior(config), decoder)


def build_prior(config: Config) -> nn.Module:
    """The prior a configuration describes; one that is made of other parts gets them from its ``VAE``."""
    return _class("prior", config)(config.prior.options, config.latent_dim)


def build_objective(config: Config, vocab_size: int) -> Objective:
    """The objective a configuration describes."""
    return _class("objective", config)(config.objective.options, vocab_size, config.latent_dim)


def _class(kind: str, config: Config) -> type:
    return find(kind, getattr(config, kind).name).cls
