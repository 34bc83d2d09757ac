"""The evidence lower bound, with the means against posterior collapse that factor into weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from textvae.objectives.phase import Losses, Objective, Phase
from textvae.registry import PartConfig, register
from textvae.schedules import TargetRate, beta_at
from textvae.types import Batch


class ElboConfig(PartConfig):
    """Options of the ELBO."""

    beta: float = Field(default=1.0, ge=0, description="final weight of the KL")
    schedule: Literal["constant", "linear", "cyclical"] = "linear"
    warmup: float = Field(
        default=0.05, ge=0, le=1, description="share of training (or of a cycle) over which beta rises"
    )
    cycles: int = Field(default=4, gt=0, description="cycles of the cyclical schedule")
    free_bits: float = Field(
        default=0.0,
        ge=0,
        description="nats of KL that cost nothing, over all dimensions, shared equally between them",
    )
    target_kl: float | None = Field(
        default=None, gt=0, description="hold KL near this many nats by moving beta"
    )
    pretrain: float = Field(
        default=0.0, ge=0, lt=1, description="share of training spent on the autoencoder alone"
    )
    pretrain_decoder: Literal["own", "bag_of_words"] = Field(
        default="own",
        description="what reconstructs the text in pre-training: the model's decoder, or one word softmax",
    )
    reset_decoder: bool = Field(default=True, description="draw the decoder anew after pre-training with it")

    @model_validator(mode="after")
    def _one_controller(self) -> Self:
        if self.target_kl is not None and self.free_bits > self.target_kl:
            raise ValueError(
                f"objective.free_bits {self.free_bits} is above objective.target_kl {self.target_kl}: "
                "the target could never be reached"
            )
        return self


@register("objective", "elbo", ElboConfig, requires=("rsample", "kl"))
class Elbo(Objective):
    """-E_q[log p(x|z)] + β · KL, in nats per text, averaged over a batch.

    - β: constant, linear (Bowman et al. 2016), cyclical (Fu et al. 2019), or moved by a controller
      to hold KL at ``target_kl`` (Shao et al. 2020).
    - Free bits (Kingma et al. 2016, eq. 15): Σ_d max(λ, mean over the batch of KL_d), λ = free_bits / Z.
    - Pre-training as an autoencoder without KL, then a fresh decoder (Li et al. 2019); or with a
      decoder that sees words without their order, at a small part of the cost. There z is noisy and KL is
      charged in full, and β rises once more when the model's own decoder takes over.
    """

    def __init__(self, config: ElboConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config, self.latent_dim = config, latent_dim
        self.rate = TargetRate(config.target_kl) if config.target_kl is not None else None
        bag = config.pretrain > 0 and config.pretrain_decoder == "bag_of_words"
        self.bag_of_words = nn.Linear(latent_dim, vocab_size) if bag else None

    def phases(self, model: nn.Module) -> Iterator[Phase]:
        """Pre-training, if any, then the ELBO."""
        if self.bag_of_words is not None:
            # the decoder's bias is the log frequency of the words: the best start here too
            self.bag_of_words.bias.data.copy_(model.decoder.output.bias.data)  # pyright: ignore
            parts = (model.encoder, model.posterior, self.bag_of_words)
            parameters = [p for part in parts for p in part.parameters()]  # pyright: ignore
            yield Phase("pretraining", self.config.pretrain, parameters, self._bag_of_words_loss)
        elif self.config.pretrain > 0:
            yield Phase("pretraining", self.config.pretrain, list(model.parameters()), self._autoencoder_loss)
            if self.config.reset_decoder:
                model.decoder.reset()  # pyright: ignore
        c = self.config
        selects = self.rate is None and c.beta == 1 and c.schedule != "cyclical"
        yield Phase("elbo", 1 - c.pretrain, list(model.parameters()), self._elbo_loss, True, selects)

    def _elbo_loss(self, model: nn.Module, batch: Batch, progress: float) -> Losses:
        terms = model(batch)
        reconstruction, kl = -terms.log_px.mean(), terms.kl.mean()
        beta = self.beta(progress, kl)
        loss = reconstruction + beta * self._charged(terms.kl_dims, kl)
        return Losses(loss, reconstruction, kl, beta, terms.q.mean)

    def _autoencoder_loss(self, model: nn.Module, batch: Batch, progress: float) -> Losses:
        terms = model(batch, noise=False)
        reconstruction = -terms.log_px.mean()
        zero = reconstruction.new_zeros(())
        return Losses(reconstruction, reconstruction, terms.kl.mean(), zero, terms.q.mean)

    def _bag_of_words_loss(self, model: nn.Module, batch: Batch, progress: float) -> Losses:
        assert self.bag_of_words is not None
        terms = model(batch, decode=False)
        log_words = F.log_softmax(self.bag_of_words(terms.z[0]).float(), -1)
        picked = log_words.gather(1, batch.targets) * batch.mask
        reconstruction, kl = -picked.sum(1).mean(), terms.kl.mean()
        loss = reconstruction + self._charged(terms.kl_dims, kl)
        return Losses(loss, reconstruction, kl, torch.ones(()), terms.q.mean)

    def beta(self, progress: float, kl: Tensor) -> Tensor:
        """The KL's weight now; a controller also takes note of the batch's KL."""
        if self.rate is not None:
            return self.rate(kl)
        c = self.config
        weight = beta_at(progress, shape=c.schedule, beta=c.beta, warmup=c.warmup, cycles=c.cycles)
        return torch.tensor(weight, device=kl.device)

    def _charged(self, kl_dims: Tensor | None, kl: Tensor) -> Tensor:
        """The KL that costs something: each dimension's above its free share."""
        if self.config.free_bits == 0:
            return kl
        if kl_dims is None:
            return kl.clamp_min(self.config.free_bits)
        return kl_dims.mean(0).clamp_min(self.config.free_bits / self.latent_dim).sum()
