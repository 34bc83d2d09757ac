"""The ELBO at posteriors that the encoder starts and gradient ascent refines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.objectives.weighted_elbo import WeightedElbo, WeightedElboConfig
from textvae.registry import register


class SemiAmortisedConfig(WeightedElboConfig):
    """Options of semi-amortised inference."""

    svi_steps: int = Field(default=10, gt=0, description="refining steps of a batch's posteriors")
    svi_rate: float = Field(default=0.05, gt=0, description="length of such a step, per nat of a text's loss")
    svi_momentum: float = Field(default=0.5, ge=0, lt=1)
    svi_clip: float = Field(default=5.0, gt=0, description="largest norm of a text's gradient")


@register("objective", "semi_amortised", SemiAmortisedConfig, requires=("rsample", "kl", "gaussian"))
class SemiAmortised(Objective):
    """Semi-amortised inference (Kim et al. 2018, algorithm 1).

    From the encoder's λ_0 = (μ, log σ), S steps of stochastic variational inference for each text:
    v_{s+1} = m·v_s − ∂L/∂λ (λ_s), λ_{s+1} = λ_s + r·v_{s+1}, with L the text's loss under a fresh draw of z and
    its gradient clipped. The loss of training is L(λ_S).

    The step's own derivative is left out: ∂L(λ_S)/∂λ_0 is taken as ∂L(λ_S)/∂λ_S, where the authors add Hessian-
    vector products by finite differences. The decoder then learns at the refined posteriors, and the encoder
    what refining leaves to be done. Evaluation is by the encoder's posteriors, without refining.
    """

    def __init__(self, config: SemiAmortisedConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config = config
        self.elbo = WeightedElbo(config)

    def phases(self, model: Any) -> Iterator[Phase]:
        """One phase."""
        update = Update(list(model.parameters()), self._loss)
        yield Phase("semi_amortised", 1.0, [update], validated=True, selects=self.elbo.selects)

    def _loss(self, model: Any, batch: Any, progress: float) -> Losses:
        q = self.refine(model, batch, model.encode(batch), self.elbo.beta(progress))
        return self.elbo(model.terms(q, batch), progress)

    def refine(self, model: Any, batch: Any, q: Distribution, beta: Tensor) -> Distribution:
        """Posteriors of lower loss, whose gradient goes to q's parameters as if the steps were constants."""
        first = torch.stack([q.mean, q.stddev.log()])  # (2, B, Z)
        at, velocity = first.detach(), torch.zeros_like(first)
        for _ in range(self.config.svi_steps):
            at.requires_grad_()
            loss = self.elbo.loss(model.terms(_gaussian(at), batch), beta) * len(batch)
            (gradient,) = torch.autograd.grad(loss, at)
            steepness = gradient.norm(dim=(0, 2), keepdim=True)
            gradient = gradient * (self.config.svi_clip / steepness).clamp_max(1.0)
            velocity = self.config.svi_momentum * velocity - gradient
            at = (at + self.config.svi_rate * velocity).detach()
        return _gaussian(first + (at - first).detach())


def _gaussian(parameters: Tensor) -> Independent:
    """(2, B, Z), means and the logarithms of standard deviations -> N(μ, diag σ²), batch shape (B,)."""
    return Independent(Normal(parameters[0], parameters[1].exp(), validate_args=False), 1)
