"""q(z|x) of documents: as the encoder guesses it, and refined for each document."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.distributions import Distribution, Independent, Normal

from textvae.matrix import RowsDataset
from textvae.model import VAE, evaluating
from textvae.types import Rows

_STEPS, _RATE = 50, 0.1


def inferred(
    model: VAE, documents: RowsDataset, most: int
) -> Iterator[tuple[np.ndarray, Rows, Distribution]]:
    """Of at most so many documents at a time, without gradients: their places, their counts and their q(z|x)."""
    with evaluating(model) as device:
        for start in range(0, len(documents), most):
            places = np.arange(start, min(start + most, len(documents)))
            batch = documents.batch(places).to(device)
            yield places, batch, model.encode(batch)


def refine(model: VAE, batch: Rows, q: Distribution) -> Distribution:
    """The Gaussian that the ELBO of each document is highest at, starting from the encoder's guess.

    What an encoder's guesses lack beside these is its amortisation gap (Cremer, Li & Duvenaud 2018). 50 steps of
    Adam on (μ, log σ), with the expectation over z taken at μ ± σ s: s are signs, the same for all documents and
    others at each step, so that a document's result does not depend on its company. A posterior that is no diagonal
    Gaussian stays as it is.
    """
    if not (isinstance(q, Independent) and isinstance(q.base_dist, Normal)):
        return q
    prior = model.prior()
    at = torch.stack([q.mean, q.stddev.log()]).detach()  # (2, B, Z)
    generator = torch.Generator().manual_seed(0)
    first, second = torch.zeros_like(at), torch.zeros_like(at)
    for step in range(_STEPS):
        signs = torch.randint(0, 2, at.shape[2:], generator=generator).to(at) * 2 - 1
        with torch.enable_grad():
            at.requires_grad_()
            mean, scale = at[0], at[1].exp()
            z = torch.stack([mean + scale * signs, mean - scale * signs])
            joint = model.decode(z, batch).log_prob(batch) + prior.log_prob(z)
            elbo = joint.mean(0) + at[1].sum(-1)
            (gradient,) = torch.autograd.grad(elbo.sum(), at)
        # Adam, by hand as it is the same for each number whatever the batch
        first = 0.9 * first + 0.1 * gradient
        second = 0.9 * second + 0.1 * gradient.square()
        rate = _RATE * (1 - step / _STEPS) / (1 - 0.9 ** (step + 1)) ** 0.5
        at = (at + rate * first / (second.sqrt() + 1e-6)).detach()
    return Independent(Normal(at[0], at[1].exp(), validate_args=False), 1)
