"""The ELBO with an encoder that is kept from lagging behind its decoder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.objectives.weighted_elbo import WeightedElbo, WeightedElboConfig
from textvae.processes import mean_over_batch
from textvae.registry import register


class LaggingConfig(WeightedElboConfig):
    """Options of aggressive training of the inference network."""

    schedule: Literal["constant", "linear", "cyclical"] = "constant"
    inner: int = Field(default=100, gt=0, description="most updates of the encoder before one of the decoder")
    window: int = Field(
        default=15, gt=0, description="encoder updates between two looks at whether its loss still falls"
    )
    aggressive: float = Field(
        default=0.5, ge=0, le=1, description="share of training that may go by in this way at most"
    )


@register("objective", "lagging", LaggingConfig, requires=("rsample", "log_prob", "kl", "tokens"))
class Lagging(Objective):
    """Aggressive training of the inference network (He et al. 2019, algorithm 1).

    The encoder is updated alone, batch after batch, until its loss over a window of batches, in nats per token,
    no longer falls; then the decoder once. So q(z|x) keeps up with the model's posterior p(z|x), which early in
    training moves away from it and leaves z unused. When the mutual information of x and z over the validation
    texts falls for the first time, encoder and decoder go on together, as in any VAE.

    Unlike the authors', updates of the encoder count as steps of training and take the batches as they come,
    and the mutual information is looked at whenever there is a validation, not once an epoch.
    """

    def __init__(self, config: LaggingConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config = config
        self.elbo = WeightedElbo(config)
        self.lags: Tensor  # 1 while the decoder has to wait for the encoder
        self.information: Tensor  # at the last validation
        self.updates: Tensor  # of the encoder since the decoder's last
        self.window: Tensor  # nats and tokens of the window's batches, each a mean over texts
        self.before: Tensor  # nats per token of the window before
        self.register_buffer("lags", torch.ones(()))
        self.register_buffer("information", torch.zeros(()))
        self.register_buffer("updates", torch.zeros(()))
        self.register_buffer("window", torch.zeros(2))
        self.register_buffer("before", torch.tensor(math.inf))

    def phases(self, model: Any) -> Iterator[Phase]:
        """One phase, whose turns differ."""
        inference = [*model.encoder.parameters(), *model.posterior.parameters()]
        own = {id(p) for p in inference}
        generation = [p for p in model.parameters() if id(p) not in own]
        encoder = Update(inference, self._encoder_loss)
        decoder = Update(generation, self._loss)
        both = Update([*inference, *generation], self._loss)
        yield Phase(
            "lagging",
            1.0,
            [encoder, decoder, both],
            validated=True,
            selects=self.elbo.selects,
            turn=partial(self._turn, encoder, decoder, both),
            heeds_information=self._look_at_information,
        )

    def _loss(self, model: Any, batch: Any, progress: float) -> Losses:
        return self.elbo(model(batch), progress)

    def _encoder_loss(self, model: Any, batch: Any, progress: float) -> Losses:
        losses = self._loss(model, batch, progress)
        nats = losses.loss.detach().float().expand(len(batch))
        self.window += mean_over_batch(torch.stack([nats, batch.lengths], 1))
        self.updates += 1
        return losses

    def _turn(self, encoder: Update, decoder: Update, both: Update, progress: float) -> Sequence[Update]:
        if progress >= self.config.aggressive or not self.lags:
            return [both]
        if not self._caught_up():
            return [encoder]
        self.updates.zero_()
        self._open_window(math.inf)
        return [decoder]

    def _caught_up(self) -> bool:
        """Whether the encoder has done enough for one update of the decoder."""
        updates, rises = int(self.updates), False
        if updates and updates % self.config.window == 0:
            now = float(self.window[0] / self.window[1])
            rises = now > float(self.before)
            self._open_window(now)
        return rises or updates >= self.config.inner

    def _open_window(self, before: float) -> None:
        self.before.fill_(before)
        self.window.zero_()

    def _look_at_information(self, information: float) -> None:
        if information < self.information:
            self.lags.zero_()
        self.information.fill_(information)
