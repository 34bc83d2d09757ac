"""Whether the decoder listens to z: what the right z is worth against a wrong one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from textvae.errors import TextVAEError
from textvae.metrics.draws import posterior_draws
from textvae.model import VAE, evaluating
from textvae.noise import prior_draws
from textvae.text.batch import token_batches
from textvae.types import Data


@dataclass(frozen=True)
class LatentUse:
    """log p(x|z) in nats with three kinds of z, each (N,): a text's own, another text's, the prior's."""

    own: np.ndarray
    shuffled: np.ndarray
    prior: np.ndarray

    @property
    def gain(self) -> float:
        """Nats per text that the right z gains over another text's."""
        return float((self.own - self.shuffled).mean())

    @property
    def gain_stderr(self) -> float:
        """Standard error of ``gain`` over the texts."""
        return float((self.own - self.shuffled).std(ddof=1) / math.sqrt(len(self.own)))

    @property
    def gain_over_prior(self) -> float:
        """Nats per text that the right z gains over one drawn from the prior."""
        return float((self.own - self.prior).mean())


def latent_use(
    model: VAE, dataset: Data, *, texts: int = 1000, seed: int = 0, max_tokens: int = 16_384
) -> LatentUse:
    """Decodes up to ``texts`` texts, chosen at random, with their own z ~ q(z|x) and with two wrong ones.

    A decoder that ignores z scores all three alike. The gain is no mutual information: a z that is
    confidently wrong may cost any number of nats.
    """
    if len(dataset) < 2:
        raise TextVAEError("Comparing a text's latent with another text's needs at least two texts.")
    rng = np.random.default_rng(seed)
    # Each text takes the z of the next in a random ring, so none keeps its own.
    ring = rng.permutation(len(dataset))[:texts]
    batches = [ring[part] for part in token_batches(dataset.lengths[ring], max_tokens)]
    place = np.empty(len(dataset), np.int64)
    place[ring] = np.arange(len(ring))
    with evaluating(model) as device, torch.autocast(device.type, enabled=False):
        own = torch.empty(len(ring), model.latent_dim, device=device)
        for indices in batches:
            batch = dataset.batch(indices).to(device)
            own[place[indices]] = posterior_draws(model, model.encode(batch), batch, 1, seed)[0]
        prior = prior_draws(model.prior(), len(ring), seed)
        kinds = own, own.roll(-1, 0), prior
        log_px = np.empty((len(kinds), len(ring)))
        for indices in batches:
            batch = dataset.batch(indices).to(device)
            for kind, z in enumerate(kinds):
                scores = model.decode(z[place[indices]], batch).log_prob(batch)
                log_px[kind, place[indices]] = scores.cpu().double()
    return LatentUse(*log_px)
