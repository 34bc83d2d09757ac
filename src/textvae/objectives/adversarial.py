"""The adversarial autoencoder, and its denoising kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.registry import PartConfig, register
from textvae.types import EOS, PAD, Batch


class AdversarialConfig(PartConfig):
    """Options of the adversarial autoencoder."""

    divergence: float = Field(
        default=10.0, ge=0, description="λ, the weight of what the discriminator finds out"
    )
    hidden: int = Field(default=512, gt=0, description="width of the discriminator")
    word_drop: float = Field(
        default=0.0, ge=0, lt=1, description="share of the words that are taken out of what the encoder reads"
    )

    @property
    def needs(self) -> frozenset[str]:
        """Only from a text can words be taken."""
        return frozenset({"words"} if self.word_drop > 0 else ())


@register("objective", "adversarial", AdversarialConfig, requires=("rsample",))
class Adversarial(Objective):
    """-E_q[log p(x|z)] − λ E_q[log D(z)], against a discriminator D of latents from draws of the prior.

    D(z) is the probability that z is a draw of p(z) (Makhzani et al. 2016). D lowers
    −E_p(z)[log D(z)] − E_q(z)[log(1 − D(z))]; encoder and decoder lower the above, so that the latents of all
    texts together come to look like the prior's (Shen et al. 2020, section 3, with λ_adv = 10).

    Denoising: the encoder reads the text without some of its words, and the decoder has to write all of it. Texts
    with many words in common then lie close to each other (Shen et al. 2020, theorem 1).
    """

    def __init__(self, config: AdversarialConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config = config
        self.discriminator = nn.Sequential(
            nn.Linear(latent_dim, config.hidden), nn.ReLU(), nn.Linear(config.hidden, 1)
        )

    def phases(self, model: Any) -> Iterator[Phase]:
        """One phase: autoencoder and discriminator in turn. The ELBO says nothing of how far they are."""
        autoencoder = Update(list(model.parameters()), self._autoencoder_loss)
        discriminator = Update(list(self.discriminator.parameters()), self._discriminator_loss)
        yield Phase("adversarial", 1.0, [autoencoder, discriminator], momentum=0.5)

    def _autoencoder_loss(self, model: Any, batch: Any, progress: float) -> Losses:
        terms = model.terms(model.encode(self._noisy(batch)), batch)
        taken_for_prior = F.softplus(-self._score(terms.z[0])).mean()  # -log D
        return Losses.of(terms, -terms.log_px.mean() + self.config.divergence * taken_for_prior, 0.0)

    def _discriminator_loss(self, model: Any, batch: Any, progress: float) -> Losses:
        with torch.no_grad():
            terms = model.terms(model.encode(self._noisy(batch)), batch, decode=False)
        z = terms.z[0]
        prior = model.prior().sample((len(z),))
        loss = F.softplus(-self._score(prior)).mean() + F.softplus(self._score(z)).mean()
        return Losses.of(terms, loss, 0.0)

    def _noisy(self, batch: Any) -> Any:
        return drop_words(batch, self.config.word_drop) if self.config.word_drop > 0 else batch

    def _score(self, z: Tensor) -> Tensor:
        """The log odds of D(z): (B,)."""
        with torch.autocast(z.device.type, enabled=False):
            return self.discriminator(z.float())[:, 0]


def drop_words(batch: Batch, p: float) -> Batch:
    """The texts, each without about a share ``p`` of its words; those that stay move up, start and end stay."""
    tokens = batch.tokens
    dropped = torch.rand(tokens.shape, device=tokens.device) < p
    dropped &= tokens > EOS
    order = dropped.long().argsort(dim=1, stable=True)  # what is dropped goes behind everything else
    moved = tokens.masked_fill(dropped, PAD).gather(1, order)
    return Batch(moved, batch.index)
