"""What an objective is, and what it gives the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from textvae.types import Batch


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


@dataclass(frozen=True)
class Phase:
    """A stretch of training: ``share`` of the whole, moving ``parameters`` to lower ``loss``.

    ``loss(model, batch, progress)`` gets progress in [0, 1) within the phase. ``validated`` says that
    the −ELBO of validation texts means something in this phase, ``selects`` that a lower one means better
    weights (not so while another loss is minimised).
    """

    name: str
    share: float
    parameters: list[nn.Parameter]
    loss: Callable[[nn.Module, Batch, float], Losses]
    validated: bool = False
    selects: bool = False


class Objective(nn.Module, ABC):
    """What training minimises. Its own parameters and buffers are trained and kept in checkpoints."""

    @abstractmethod
    def phases(self, model: nn.Module) -> Iterator[Phase]:
        """The phases in order. What stands between two yields happens between two phases."""
