"""Distributions on a sphere of R^Z: von Mises-Fisher and uniform. Densities are per unit of its surface."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Beta, Distribution, constraints, register_kl

# From this order on, four terms of the expansion in it are exact to 1e-10.
_LARGE_ORDER = 50
# Gauss-Legendre nodes, and how many standard deviations of the density they are spread over.
_NODES, _REACH = 64, 16.0


class UniformSphere(Distribution):
    """The uniform distribution on the sphere of ``radius`` around ``centre`` (Z,)."""

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, centre: Tensor, radius: float = 1.0):
        self.centre, self.radius = centre, radius
        super().__init__(event_shape=centre.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.centre

    @property
    def variance(self) -> Tensor:
        return torch.full_like(self.centre, self.radius**2 / len(self.centre))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        direction = torch.randn(shape, dtype=self.centre.dtype, device=self.centre.device)
        return self.centre + self.radius * direction / direction.norm(dim=-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        dim = len(self.centre)
        return value.new_full(value.shape[:-1], -_log_area(dim) - (dim - 1) * math.log(self.radius))


class VonMisesFisher(Distribution):
    """q(z) = C(κ) exp(κ μᵀz / r) / r^(Z−1) on the sphere of radius r.

    C(κ) = κ^ν / ((2π)^(Z/2) I_ν(κ)) with ν = Z/2 − 1. ``loc`` μ is (*B, Z), of length 1; ``concentration`` κ > 0
    broadcasts to (*B,). Bessel functions are computed in float64 by their logarithms, so that neither a large Z nor a
    large κ overflows. Samples are drawn by rejection (Wood 1994) and differentiable in μ and in κ: in κ by the implicit
    function theorem (Figurnov et al. 2018), which needs no correction, as differentiating through the accepted
    proposals does (Davidson et al. 2018).
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor, radius: float = 1.0):
        self.loc, self.radius = loc, radius
        self.concentration = concentration.double()
        self._log_bessel, self._ratio = log_bessel(self.dim / 2 - 1, self.concentration)
        batch_shape = torch.broadcast_shapes(loc.shape[:-1], concentration.shape)
        super().__init__(batch_shape, loc.shape[-1:], validate_args=False)

    @property
    def dim(self) -> int:
        """Z."""
        return self.loc.shape[-1]

    @property
    def mean_cosine(self) -> Tensor:
        """A(κ) = E[μᵀz / r] = I_{Z/2}(κ) / I_{Z/2−1}(κ), float64."""
        return self._ratio

    @property
    def log_normaliser(self) -> Tensor:
        """log C(κ) on the unit sphere, float64."""
        order = self.dim / 2 - 1
        return order * self.concentration.log() - self.dim / 2 * math.log(2 * math.pi) - self._log_bessel

    @property
    def mode(self) -> Tensor:
        return (self.radius * self.loc).expand(*self.batch_shape, self.dim)

    @property
    def mean(self) -> Tensor:
        return self.mode * self.mean_cosine[..., None].to(self.loc)

    @property
    def variance(self) -> Tensor:
        """(*B, Z) diagonal of the covariance."""
        a, along = self.mean_cosine, self.loc.double() ** 2
        across = a / self.concentration
        spread = 1 - (self.dim - 1) * across - a**2
        total = along * spread[..., None] + (1 - along) * across[..., None]
        return (self.radius**2 * total).to(self.loc)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        cosine = self._cosines(shape[:-1])[..., None]
        noise = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        # what is left of a normal vector once its part along μ is gone has a uniform direction
        tangent = noise - (noise * self.loc).sum(-1, keepdim=True) * self.loc
        tangent = tangent / tangent.norm(dim=-1, keepdim=True)
        sine = (1 - cosine**2).clamp_min(1e-30).sqrt()
        return self.radius * (cosine.to(noise) * self.loc + sine.to(noise) * tangent)

    def log_prob(self, value: Tensor) -> Tensor:
        cosine = (value * self.loc).sum(-1) / self.radius
        surface = (self.dim - 1) * math.log(self.radius)
        return self.concentration.to(value) * cosine + (self.log_normaliser - surface).to(value)

    def _cosines(self, shape: torch.Size) -> Tensor:
        """μᵀz / r for as many z, float64, with a gradient in κ."""
        kappa = self.concentration.expand(shape)
        with torch.no_grad():
            drawn = _wood(kappa, self.dim)
            slope = (
                _slope(drawn, kappa, self.mean_cosine, self.dim) if self.concentration.requires_grad else 0
            )
        return drawn + slope * (kappa - kappa.detach())


@register_kl(VonMisesFisher, UniformSphere)
def _kl_vmf_uniform(q: VonMisesFisher, p: UniformSphere) -> Tensor:
    """κ A(κ) + log C(κ) + log of the unit sphere's area (Davidson et al. 2018); the radius cancels."""
    kl = q.concentration * q.mean_cosine + q.log_normaliser + _log_area(q.dim)
    return kl.to(q.loc).expand(q.batch_shape)


def log_bessel(order: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """log I_v(x) and I_{v+1}(x) / I_v(x) for the order v >= 0 and x > 0, float64, differentiable.

    At large orders by the uniform expansion (DLMF 10.41.3). From there down to v by the recurrence of the ratios,
    I_v / I_{v−1} = 1 / (2v/x + I_{v+1} / I_v), whose errors shrink from step to step.
    """
    steps = max(0, math.ceil(_LARGE_ORDER - order))
    log_i = _large_order(order + steps, x)
    ratio = (_large_order(order + steps + 1, x) - log_i).exp()
    for step in reversed(range(steps)):
        ratio = 1 / (2 * (order + step + 1) / x + ratio)
        log_i = log_i - ratio.log()
    return log_i, ratio


def _large_order(v: float, x: Tensor) -> Tensor:
    z = x / v
    root = (1 + z**2).sqrt()
    p = 1 / root
    eta = root + (z / (1 + root)).log()
    q = p**2
    terms = (
        p * (3 - 5 * q) / 24,
        q * (81 - 462 * q + 385 * q**2) / 1152,
        p * q * (30375 - 369603 * q + 765765 * q**2 - 425425 * q**3) / 414720,
        q**2 * (4465125 - 94121676 * q + 349922430 * q**2 - 446185740 * q**3 + 185910725 * q**4) / 39813120,
    )
    series = sum(term / v ** (k + 1) for k, term in enumerate(terms))
    return v * eta + 0.5 * (p / (2 * math.pi * v)).log() + torch.log1p(torch.as_tensor(series))


def _log_area(dim: int) -> float:
    """Of the unit sphere in R^dim."""
    return math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)


def _wood(kappa: Tensor, dim: int) -> Tensor:
    """Cosines with density proportional to (1 − w²)^((Z−3)/2) exp(κw), as many as there are κ (Wood 1994)."""
    m = dim - 1
    flat = kappa.flatten()
    b = m / (2 * flat + (4 * flat**2 + m**2).sqrt())
    x = (1 - b) / (1 + b)
    c = flat * x + m * ((4 * b).log() - 2 * b.log1p())  # 1 − x² without cancellation
    proposals = Beta(flat.new_tensor(m / 2), flat.new_tensor(m / 2))
    drawn = torch.empty_like(flat)
    waiting = torch.arange(len(flat), device=flat.device)
    while len(waiting):
        y, u = proposals.sample(waiting.shape), torch.rand_like(flat[waiting])
        kappa_, b_, x_, c_ = (part[waiting] for part in (flat, b, x, c))
        w = (1 - (1 + b_) * y) / (1 - (1 - b_) * y)
        taken = kappa_ * w + m * torch.log1p(-x_ * w) - c_ >= u.log()
        drawn[waiting[taken]] = w[taken]
        waiting = waiting[~taken]
    return drawn.view(kappa.shape)


def _slope(cosine: Tensor, kappa: Tensor, mean_cosine: Tensor, dim: int) -> Tensor:
    """∂w/∂κ of cosines w at a fixed value F of their distribution function: −(∂F/∂κ) / (∂F/∂w).

    In the angle θ = arccos w the density is proportional to exp ℓ(θ), ℓ = (Z−2) log sin θ + κ cos θ, and ∂F/∂κ is
    the integral of (cos φ − A) times the density from θ to π, or less that from 0 to θ, as the whole is 0. It is taken
    on the side where ℓ falls, by Gauss-Legendre quadrature.
    """
    theta = cosine.clamp(-1, 1).arccos()
    highest = 2 * kappa / (dim - 2 + ((dim - 2) ** 2 + 4 * kappa**2).sqrt())  # cos θ where ℓ is largest
    reach = _REACH * (kappa / highest + kappa * highest).rsqrt()
    right = theta > highest.arccos()
    end = torch.where(right, (theta + reach).clamp_max(math.pi), (theta - reach).clamp_min(0))
    nodes, weights = (torch.as_tensor(a).to(theta) for a in np.polynomial.legendre.leggauss(_NODES))
    half = ((end - theta) / 2)[..., None]  # its sign turns that of the integral from 0 to θ
    phi = theta[..., None] + half * (1 + nodes)

    def log_density(angle: Tensor) -> Tensor:
        k = kappa if angle.ndim == kappa.ndim else kappa[..., None]
        return torch.xlogy(angle.new_tensor(dim - 2.0), angle.sin()) + k * angle.cos()

    density = (log_density(phi) - log_density(theta)[..., None]).exp()
    integral = ((phi.cos() - mean_cosine[..., None]) * density * weights * half).sum(-1)
    return -theta.sin() * integral
