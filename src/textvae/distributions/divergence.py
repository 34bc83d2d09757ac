"""KL(q ‖ p): in closed form where there is one, else by Monte Carlo."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    kl_divergence,
    register_kl,
)


def kl_to_prior(q: Distribution, p: Distribution, z: Tensor) -> Tensor:
    """KL(q(z|x) ‖ p(z)), (B,) nats: in closed form where there is one, else the mean over z (K, B, Z) ~ q."""
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return (q.log_prob(z) - p.log_prob(z)).mean(0)


@register_kl(MultivariateNormal, Independent)
def _kl_full_diagonal(q: MultivariateNormal, p: Independent) -> Tensor:
    """½ Σ_d [(Σ_dd + (μ_d − m_d)²) / s_d² − 1 + log s_d²] − ½ log det Σ."""
    if not isinstance(p.base_dist, Normal) or p.reinterpreted_batch_ndims != 1:
        raise NotImplementedError
    scale = p.base_dist.scale
    quadratic = (q.variance + (q.loc - p.base_dist.loc) ** 2) / scale**2
    half_log_det = q.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return (0.5 * (quadratic - 1) + scale.log()).sum(-1) - half_log_det


def kl_by_dimension(q: Distribution, p: Distribution) -> Tensor | None:
    """(B, Z) nats where both factorise over the dimensions and a closed form is known, else None."""
    if isinstance(q, Independent) and isinstance(p, Independent):
        try:
            return kl_divergence(q.base_dist, p.base_dist)
        except NotImplementedError:
            return None
    return None
