"""What an objective is, and what it gives the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Losses:
    """A batch's loss and what it is made of: scalars, nats per text. ``loss`` carries the gradient.

    ``posterior_mean`` (B, Z) goes along so that active units can be counted.
    """

    loss: Tensor
    reconstruction: Tensor
    kl: Tensor
    beta: Tensor
    posterior_mean: Tensor

    @classmethod
    def of(cls, terms: Any, loss: Tensor, beta: Tensor | float = 1.0) -> Losses:
        """A loss made of a model's terms, with the posterior's own penalty on top, and their figures beside it."""
        reconstruction = -terms.log_px.mean()
        loss = loss + terms.penalty.mean()
        return cls(loss, reconstruction, terms.kl.mean(), torch.as_tensor(beta), terms.q.mean)


@dataclass(frozen=True)
class Update:
    """A step of the optimiser: moves ``parameters``, and nothing else, to lower ``loss``.

    ``loss(model, batch, progress)`` gets progress in [0, 1) within the phase.
    """

    parameters: Sequence[nn.Parameter]
    loss: Callable[[Any, Any, float], Losses]


def _no_weights(kl: float) -> None:
    """Another loss than the ELBO is minimised throughout."""


@dataclass(frozen=True)
class Phase:
    """A stretch of training, ``share`` of the whole, that makes ``updates`` in turn with every batch.

    Attributes:
        validated: the −ELBO of validation texts means something in this phase.
        selects: told the KL of the validation texts, in nats, at every validation, gives its weight in the loss that
            says which weights are the best, or None while that is another loss than the one minimised.
        turn: where not every batch is for all updates: gives those for the next batch, from progress in [0, 1)
            within the phase. It is asked once a batch; what it goes by has to be in the objective's buffers.
        momentum: β_1 of Adam: less than usual where two updates work against each other, and what was learnt of the
            other a few steps ago is out of date (Radford et al. 2016).
        heeds_information: is told I(x; z) over the validation texts, in nats, at every validation.
    """

    name: str
    share: float
    updates: Sequence[Update]
    validated: bool = False
    selects: Callable[[float], float | None] = _no_weights
    turn: Callable[[float], Sequence[Update]] | None = None
    momentum: float = 0.9
    heeds_information: Callable[[float], None] | None = None


class Objective(nn.Module, ABC):
    """What training minimises. Its own parameters and buffers are trained and kept in checkpoints."""

    @abstractmethod
    def phases(self, model: Any) -> Iterator[Phase]:
        """The phases in order. What stands between two yields happens between two phases."""
