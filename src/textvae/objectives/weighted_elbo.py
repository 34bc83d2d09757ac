"""The evidence lower bound with a weight on the KL, which several objectives minimise."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from textvae.objectives.phase import Losses
from textvae.processes import mean_over_batch
from textvae.registry import PartConfig
from textvae.schedules import TargetRate, beta_at


class WeightedElboConfig(PartConfig):
    """How much the KL costs."""

    beta: float = Field(default=1.0, ge=0, description="final weight of the KL")
    schedule: Literal["constant", "linear", "cyclical"] = "linear"
    warmup: float = Field(
        default=0.05, ge=0, le=1, description="share of training (or of a cycle) over which beta rises"
    )
    cycles: int = Field(default=4, gt=0, description="cycles of the cyclical schedule")
    free_bits: float = Field(
        default=0.0, ge=0, description="nats of KL that cost nothing, over all dimensions"
    )
    free_bits_per: Literal["dimension", "text", "dimension_of_text"] = Field(
        default="dimension",
        description="what has an equal share of them: a dimension's mean over the batch, each text's sum over "
        "its dimensions, or each dimension of each text",
    )
    target_kl: float | None = Field(
        default=None, gt=0, description="hold the KL of held-out texts near this many nats by moving beta"
    )

    @model_validator(mode="after")
    def _one_controller(self) -> Self:
        if self.target_kl is not None and self.free_bits > self.target_kl:
            raise ValueError(
                f"objective.free_bits {self.free_bits} is above objective.target_kl {self.target_kl}: "
                "the target could never be reached"
            )
        return self


class WeightedElbo(nn.Module):
    """-E_q[log p(x|z)] + β · KL, in nats per text, averaged over a batch.

    - β: constant (Higgins et al. 2017), linear (Bowman et al. 2016), cyclical (Fu et al. 2019), or moved by a
      controller to hold KL at ``target_kl`` (Shao et al. 2020).
    - Free bits: λ nats of KL cost nothing. Per dimension, Σ_d max(λ/Z, mean over the batch of KL_d) (Kingma et
      al. 2016, eq. 15); per text, the mean over the batch of max(λ, Σ_d KL_d); per dimension of a text, the mean
      over the batch of Σ_d max(λ/Z, KL_d) (Li et al. 2019). A KL that does not factorise counts as one dimension.
    """

    def __init__(self, config: WeightedElboConfig):
        super().__init__()
        self.config = config
        self.rate = TargetRate(config.target_kl) if config.target_kl is not None else None

    def selects(self, kl: float) -> float | None:
        """β in the loss by which weights may be compared: the one that is minimised in the end, but for free bits.

        While a controller holds ``kl``, that of validation texts, models differ in their reconstruction, and any β
        would do.
        """
        if self.rate is not None:
            return 1.0 if self.rate.holds(kl) else None
        return None if self.config.schedule == "cyclical" else self.config.beta

    def beta(self, progress: float) -> Tensor:
        """The KL's weight now."""
        if self.rate is not None:
            return self.rate.beta
        c = self.config
        return torch.tensor(
            beta_at(progress, shape=c.schedule, beta=c.beta, warmup=c.warmup, cycles=c.cycles)
        )

    def forward(self, terms: Any, progress: float) -> Losses:
        """The loss of a batch; a controller also takes note of its KL."""
        if self.rate is not None:
            self.rate(mean_over_batch(terms.kl))
        beta = self.beta(progress)
        return Losses.of(terms, self.loss(terms, beta), beta)

    def loss(self, terms: Any, beta: Tensor | float) -> Tensor:
        """The same at a given β, a scalar."""
        return -terms.log_px.mean() + beta * self.charged(terms)

    def charged(self, terms: Any) -> Tensor:
        """The KL that costs something, averaged over the batch."""
        free = self.config.free_bits
        if free == 0:
            return terms.kl.mean()
        dims = terms.kl[:, None] if terms.kl_dims is None else terms.kl_dims  # (B, Z)
        if self.config.free_bits_per == "text":
            return dims.sum(1).clamp_min(free).mean()
        if self.config.free_bits_per == "dimension":
            dims = mean_over_batch(dims)[None]
        return dims.clamp_min(free / dims.shape[1]).sum(1).mean()
