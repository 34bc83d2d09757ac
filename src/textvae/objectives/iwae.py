"""The importance-weighted bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field
from torch import Tensor

from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.registry import PartConfig, register
from textvae.schedules import beta_at


class IwaeConfig(PartConfig):
    """Options of the importance-weighted bound."""

    samples: int = Field(default=8, gt=0, description="K, the draws of z for each text")
    estimator: Literal["iwae", "dreg"] = Field(
        default="dreg", description="of the encoder's gradient: the bound's own, or doubly reparameterised"
    )
    warmup: float = Field(
        default=0.05, ge=0, le=1, description="share of training over which the weight of p(z)/q(z|x) rises"
    )


@register("objective", "iwae", IwaeConfig, requires=("rsample", "log_prob", "prior_log_prob"))
class Iwae(Objective):
    """-log 1/K Σ_k w_k, with w_k = p(x|z_k) (p(z_k) / q(z_k|x))^β, z_k ~ q(z|x) (Burda et al. 2016, equation 8).

    An upper bound of −log p(x) once β = 1, tighter the larger K; with K = 1 it is −ELBO. β rises linearly, as for
    the ELBO, which it keeps from collapse at the start.

    The encoder's gradient by ``iwae`` is the bound's: its signal falls against its noise as K grows (Rainforth et
    al. 2018). By ``dreg`` it is E Σ_k w̃_k² ∂log w_k/∂z_k ∂z_k/∂φ at β = 1, with w̃ the normalised weights, which
    has the same expectation and not this fault (Tucker et al. 2019, equation 8); at another β their argument gives
    w̃_k (1 − β (1 − w̃_k)) in the place of w̃_k².
    """

    def __init__(self, config: IwaeConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.config = config

    def phases(self, model: Any) -> Iterator[Phase]:
        """One phase. The ELBO is another bound than the one that is raised, so it selects no weights."""
        yield Phase("iwae", 1.0, [Update(list(model.parameters()), self._loss)], validated=True)

    def _loss(self, model: Any, batch: Any, progress: float) -> Losses:
        beta = beta_at(progress, shape="linear", beta=1.0, warmup=self.config.warmup, cycles=1)
        terms = model(batch, samples=self.config.samples)
        log_w = self._log_weights(model, terms, beta)
        bound = log_w.logsumexp(0) - math.log(self.config.samples)
        return Losses.of(terms, -bound.mean(), beta)

    def _log_weights(self, model: Any, terms: Any, beta: float) -> Tensor:
        """log w (K, B), in whose gradients the estimator lies."""
        # of a copy of z, as the q of a flow remembers the way to its own samples, and z itself is passed by
        z, log_q = terms.z, terms.q.log_prob(terms.z.clone())
        if self.config.estimator == "dreg":
            # the density's dependence on φ is taken out, but for that through z
            log_q = log_q - terms.q.log_prob(z.detach()) + log_q.detach()
        log_w = terms.log_px + beta * (model.prior().log_prob(z) - log_q)
        if self.config.estimator == "dreg" and z.requires_grad:
            # the bound's own gradient has the first factor w̃ already
            factor = 1 - beta * (1 - log_w.detach().softmax(0)[..., None])
            z.register_hook(lambda gradient: gradient * factor)
        return log_w
