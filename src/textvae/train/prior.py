"""A prior fitted after training: to the aggregate posterior, everything else left as it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from textvae.errors import TextVAEError
from textvae.model import VAE, evaluating
from textvae.noise import seeded
from textvae.store import tensors
from textvae.text.batch import token_batches
from textvae.types import Data

_BATCH, _RATE, _CLIP = 256, 2e-3, 5.0
_EPOCHS, _PATIENCE = 100, 5
_HELD_DRAWS = 4  # of each validation text's q(z|x)
_MAX_TOKENS = 16_384


@dataclass(frozen=True)
class FittedDensity:
    """How a fit ended: after how many epochs, and with which mean log p(z) of held-out z, in nats."""

    epochs: int
    log_density: float


def fit_prior(
    model: VAE,
    train: Data,
    validation: Data,
    *,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> FittedDensity:
    """Moves the parameters of ``model.prior``, and no others, to raise E log p(z) for z ~ q(z|x) of the training texts.

    The mean KL(q(z|x) ‖ p(z)) falls by what E log p(z) gains, and the ELBO rises by as much: what an unfitted prior
    charges for the gap between itself and the aggregate posterior (Hoffman & Johnson 2016) is paid back. Also
    known as ex-post density estimation (Ghosh et al. 2020) and as the second stage of Dai & Wipf 2019.

    Args:
        train: each epoch sees one new z of every text.
        validation: whose z say when to stop, and which weights to keep.
        seed: of the draws.
        progress: called with the share of the longest fit that is done, in (0, 1].

    Raises:
        TextVAEError: the prior has no parameters.
    """
    with evaluating(model) as device:
        inside, outside = (_posteriors(model, data, device) for data in (train, validation))
        with seeded(device, seed):
            held_out = torch.cat([_draw(outside) for _ in range(_HELD_DRAWS)])
        return fit_density(model.prior, lambda: _draw(inside), held_out, seed=seed, progress=progress)


def fit_density(
    prior: nn.Module,
    draw: Callable[[], Tensor],
    held_out: Tensor,
    *,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> FittedDensity:
    """The same for any z: ``draw`` gives (N, Z) anew for every epoch, ``held_out`` is (M, Z)."""
    parameters = [p for p in prior.parameters() if p.requires_grad]
    if not parameters:
        raise TextVAEError("There is nothing to fit in a prior without parameters.")
    optimiser = torch.optim.Adam(parameters, lr=_RATE)
    best, kept, since, epoch = -math.inf, {}, 0, 0
    for epoch in range(_EPOCHS + 1):
        with seeded(held_out.device, seed, epoch):
            z = draw()
            z = z[torch.randperm(len(z), device=z.device)]
        if epoch == 0:  # what the prior is before the first step also counts
            if hasattr(prior, "start"):
                prior.start(z)  # pyright: ignore[reportCallIssue]
        else:
            _epoch(prior, z, parameters, optimiser)
        with torch.no_grad():
            value = float(prior().log_prob(held_out).mean())
        since += 1
        if value > best:
            best, since = value, 0
            kept = {name: tensor.clone() for name, tensor in tensors(prior).items()}
        if progress:
            progress(epoch / _EPOCHS)
        if since == _PATIENCE:
            break
    with torch.no_grad():
        for name, tensor in tensors(prior).items():
            tensor.copy_(kept.get(name, tensor))
    return FittedDensity(epoch, best)


def _epoch(
    prior: nn.Module, z: Tensor, parameters: list[nn.Parameter], optimiser: torch.optim.Optimizer
) -> None:
    for part in z.split(_BATCH):
        with torch.enable_grad():
            loss = -prior().log_prob(part).mean()
            # only these: a prior may be made of parts of the model
            gradients = torch.autograd.grad(loss, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        torch.nn.utils.clip_grad_norm_(parameters, _CLIP)
        optimiser.step()
    optimiser.zero_grad()


def _posteriors(model: VAE, data: Data, device: torch.device) -> list[Distribution]:
    """q(z|x) of every text, in batches."""
    batches = token_batches(data.lengths, max(_MAX_TOKENS, int(data.lengths.max())))
    return [model.encode(data.batch(indices).to(device)) for indices in batches]


def _draw(posteriors: list[Distribution]) -> Tensor:
    """One z of every text, (N, Z)."""
    return torch.cat([q.rsample() for q in posteriors]).detach().float()
