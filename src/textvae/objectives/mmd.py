"""How far two sets of samples are from one distribution: the maximum mean discrepancy."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

Kernel = Literal["imq", "rbf", "diffusion"]

# The bandwidths of Tolstikhin et al.'s code, in units of the usual distance between samples.
_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def mmd(x: Tensor, y: Tensor, kernel: Kernel) -> Tensor:
    """The unbiased estimate of MMD² between the distributions of x (N, Z) and y (M, Z): a scalar, maybe below 0.

    1/(N(N−1)) Σ_{i≠j} k(x_i, x_j) + 1/(M(M−1)) Σ_{i≠j} k(y_i, y_j) − 2/(NM) Σ_{ij} k(x_i, y_j) (Gretton et al. 2012,
    equation 3). From a single sample nothing can be told: 0.

    Args:
        kernel: ``imq``, Σ_s C_s / (C_s + ‖x − y‖²); or ``rbf``, exp(−‖x − y‖² / 2Z). C_s = s · 2Z, where 2Z is what
            ‖x − y‖² is on average between two draws of a standard normal (Tolstikhin et al. 2018, section 4).
            ``diffusion``, for shares of one whole: exp(−arccos² Σ_d √(x_d y_d)) (Nan et al. 2019, equation 9).
    """
    if min(len(x), len(y)) < 2:
        return x.sum() * 0
    with torch.autocast(x.device.type, enabled=False):
        x, y = x.float(), y.float()
        return _others(x, kernel) + _others(y, kernel) - 2 * _similarity(x, y, kernel).mean()


def mmd_to_prior(model: Any, z: Tensor, kernel: Kernel) -> Tensor:
    """MMD² between a batch's latents z (B, Z) and as many draws of the model's prior."""
    return mmd(z, model.prior().sample((len(z),)), kernel)


def _others(x: Tensor, kernel: Kernel) -> Tensor:
    """The mean similarity of two different samples."""
    similar = _similarity(x, x, kernel)
    return (similar.sum() - similar.diagonal().sum()) / (len(x) * (len(x) - 1))


def _similarity(x: Tensor, y: Tensor, kernel: Kernel) -> Tensor:
    """k(x_i, y_j): (N, M)."""
    if kernel == "diffusion":
        # short of 1, where the arc cosine has no finite slope; a square root has none at 0
        cosine = x.clamp_min(1e-8).sqrt() @ y.clamp_min(1e-8).sqrt().T
        return (-cosine.clamp_max(1 - 1e-4).arccos().square()).exp()
    usual = 2 * x.shape[1]
    distance = (x[:, None] - y).square().sum(2)
    if kernel == "rbf":
        return (-distance / usual).exp()
    return sum(((s * usual) / (s * usual + distance) for s in _SCALES), torch.zeros_like(distance))
