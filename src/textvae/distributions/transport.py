"""Optimal transport between two sets of equal weights."""

from __future__ import annotations

from torch import Tensor

_ROUND = 10  # iterations between two looks at how far it is


def transport_plan(cost: Tensor, entropy: float, iterations: int = 100, tolerance: float = 5e-3) -> Tensor:
    """(K, V) the plan π that minimises Σ π·cost − ``entropy`` · H(π), with row sums 1/K and column sums 1/V.

    By Sinkhorn's iterations (Cuturi 2013), until the rows' sums are off by ``tolerance`` of the whole at most.
    ``cost`` is (K, V).
    """
    rows, columns = cost.shape
    # a constant taken off a column's costs changes no plan, and keeps exp from underflowing everywhere
    kernel = (-(cost - cost.amin(0)) / entropy).exp()
    u, v = cost.new_full((rows,), 1 / rows), cost.new_full((columns,), 1 / columns)
    for i in range(iterations):
        v = 1 / (columns * (u @ kernel).clamp_min(1e-30))
        reached = kernel @ v
        if i % _ROUND == _ROUND - 1 and float((u * reached - 1 / rows).abs().sum()) < tolerance:
            break
        u = 1 / (rows * reached.clamp_min(1e-30))
    return u[:, None] * kernel * v
