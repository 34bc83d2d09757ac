"""The Wasserstein autoencoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from textvae.objectives.mmd import Kernel, mmd_to_prior
from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.registry import PartConfig, register


class WaeConfig(PartConfig):
    """Options of the Wasserstein autoencoder."""

    divergence: float = Field(
        default=10.0, ge=0, description="λ, the weight of the divergence between all texts' z and the prior"
    )
    kernel: Kernel = Field(default="imq", description="of the maximum mean discrepancy")


@register("objective", "wae", WaeConfig, requires=("rsample",))
class Wae(Objective):
    """-E_q[log p(x|z)] + λ · MMD²(q(z), p(z)) (Tolstikhin et al. 2018, algorithm 2, WAE-MMD).

    Only the latents of all texts together have to look like the prior's, not each text's, so nothing limits what
    a text's z tells about it. The cost is the text's negative log likelihood, in place of a distance.
    """

    def __init__(self, config: WaeConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config = config

    def phases(self, model: Any) -> Iterator[Phase]:
        """One phase. The ELBO is not what is raised, and says nothing of how far it is."""
        yield Phase("wae", 1.0, [Update(list(model.parameters()), self._loss)])

    def _loss(self, model: Any, batch: Any, progress: float) -> Losses:
        terms = model(batch)
        divergence = mmd_to_prior(model, terms.z[0], self.config.kernel)
        return Losses.of(terms, -terms.log_px.mean() + self.config.divergence * divergence, 0.0)
