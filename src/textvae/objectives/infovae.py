"""The information-maximising VAE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field, model_validator

from textvae.objectives.mmd import Kernel, mmd_to_prior
from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.registry import PartConfig, register


class InfoVaeConfig(PartConfig):
    """Options of InfoVAE."""

    alpha: float = Field(default=0.5, le=1, description="weight of the information of x and z")
    divergence: float = Field(
        default=10.0, ge=0, description="λ, the weight of the divergence between all texts' z and the prior"
    )
    kernel: Kernel = Field(default="rbf", description="of the maximum mean discrepancy")

    @model_validator(mode="after")
    def _weights_stay_positive(self) -> Self:
        if self.alpha + self.divergence < 1:
            raise ValueError(
                f"objective.alpha {self.alpha} and objective.divergence {self.divergence} add up to less than 1: "
                "the divergence between all texts' z and the prior would be rewarded"
            )
        return self


@register("objective", "infovae", InfoVaeConfig, requires=("rsample", "kl"))
class InfoVae(Objective):
    """-E_q[log p(x|z)] + (1 − α) KL(q(z|x) ‖ p(z)) + (α + λ − 1) MMD²(q(z), p(z)) (Zhao et al. 2019, equation 6).

    KL(q(z|x) ‖ p(z)) is I(x; z) + KL(q(z) ‖ p(z)). α of it is given back: of the information for good, of the
    divergence between all texts' z and the prior in another measure of it. α = 0, λ = 1 is the ELBO; α = 1 is
    ``wae`` with λ for its weight.
    """

    def __init__(self, config: InfoVaeConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config = config

    def phases(self, model: Any) -> Iterator[Phase]:
        """One phase. The ELBO is not what is raised, so it selects no weights."""
        yield Phase("infovae", 1.0, [Update(list(model.parameters()), self._loss)], validated=True)

    def _loss(self, model: Any, batch: Any, progress: float) -> Losses:
        c = self.config
        terms = model(batch)
        divergence = mmd_to_prior(model, terms.z[0], c.kernel)
        loss = -terms.log_px.mean() + (1 - c.alpha) * terms.kl.mean()
        return Losses.of(terms, loss + (c.alpha + c.divergence - 1) * divergence, 1 - c.alpha)
