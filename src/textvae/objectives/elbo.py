"""The evidence lower bound, with the means against posterior collapse that factor into weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from textvae.objectives.bag_of_words import BagOfWords
from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.objectives.weighted_elbo import WeightedElbo, WeightedElboConfig
from textvae.registry import register


class ElboConfig(WeightedElboConfig):
    """Options of the ELBO."""

    bag_of_words: float = Field(
        default=0.0, ge=0, description="weight of a loss by which z predicts the words without their order"
    )
    pretrain: float = Field(
        default=0.0, ge=0, lt=1, description="share of training spent on the autoencoder alone"
    )
    pretrain_decoder: Literal["own", "bag_of_words"] = Field(
        default="own",
        description="what reconstructs the text in pre-training: the model's decoder, or one word softmax",
    )
    reset_decoder: bool = Field(default=True, description="draw the decoder anew after pre-training with it")

    @property
    def predicts_words(self) -> bool:
        """Whether z predicts the words without their order, in pre-training or throughout."""
        return self.bag_of_words > 0 or (self.pretrain > 0 and self.pretrain_decoder == "bag_of_words")

    @property
    def needs(self) -> frozenset[str]:
        """Words to predict, and the decoder's bias for them to start from."""
        return frozenset({"words"}) if self.predicts_words else frozenset()


@register("objective", "elbo", ElboConfig, requires=("rsample", "kl"))
class Elbo(Objective):
    """The weighted ELBO, as ``WeightedElbo`` has it, and what may come before and beside it.

    - An auxiliary loss: z predicts the words of the text without their order (Zhao et al. 2017, eq. 6).
    - Pre-training as an autoencoder without KL, then a fresh decoder (Li et al. 2019); or with a
      decoder that sees words without their order, at a small part of the cost. There z is noisy and KL is
      charged: with the β of the end of training or, under a target, with one that holds KL at it, as at β = 1 z would
      stay empty for the first hundred steps. When the model's own decoder takes over, β starts anew.
    """

    def __init__(self, config: ElboConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config = config
        self.elbo = WeightedElbo(config)
        self.pretraining = WeightedElbo(config)  # its controller has another decoder's β to find
        self.words = BagOfWords(latent_dim, vocab_size) if config.predicts_words else None

    def phases(self, model: Any) -> Iterator[Phase]:
        """Pre-training, if any, then the ELBO."""
        c = self.config
        words = [] if self.words is None else list(self.words.parameters())
        if self.words is not None:
            # the decoder's bias is the log frequency of the words: the best start here too
            self.words.bias.data.copy_(model.decoder.output.bias.data)
        if c.pretrain > 0 and c.pretrain_decoder == "bag_of_words":
            parameters = [*model.encoder.parameters(), *model.posterior.parameters(), *words]
            yield Phase("pretraining", c.pretrain, [Update(parameters, self._bag_of_words_loss)])
        elif c.pretrain > 0:
            update = Update(list(model.parameters()), self._autoencoder_loss)
            yield Phase("pretraining", c.pretrain, [update])
            if c.reset_decoder:
                model.decoder.reset()
        update = Update([*model.parameters(), *words], self._elbo_loss)
        yield Phase("elbo", 1 - c.pretrain, [update], validated=True, selects=self.elbo.selects)

    def _elbo_loss(self, model: Any, batch: Any, progress: float) -> Losses:
        terms = model(batch)
        losses = self.elbo(terms, progress)
        if self.config.bag_of_words == 0:
            return losses
        assert self.words is not None
        words = -self.words.log_prob(terms.z[0], batch).mean()
        return replace(losses, loss=losses.loss + self.config.bag_of_words * words)

    def _autoencoder_loss(self, model: Any, batch: Any, progress: float) -> Losses:
        terms = model(batch, noise=False)
        return Losses.of(terms, -terms.log_px.mean(), 0.0)

    def _bag_of_words_loss(self, model: Any, batch: Any, progress: float) -> Losses:
        assert self.words is not None
        terms = model(batch, decode=False)
        terms = replace(terms, log_px=self.words.log_prob(terms.z[0], batch)[None])
        return self.pretraining(terms, 1.0)
