"""How the weight of the KL moves while training: functions of progress in [0, 1], and a controller."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Shape = Literal["constant", "linear", "cyclical"]

_HELD = 0.1  # relative error of a KL that counts as held
_RATIOS = 0.25, 4.0  # believed of the KL of held-out texts and of batches: near 0 it is that of two noises


def beta_at(progress: float, *, shape: Shape, beta: float, warmup: float, cycles: int) -> float:
    """The KL weight at ``progress``.

    ``constant`` is beta throughout; ``linear`` rises from 0 over the first ``warmup`` share (Bowman et
    al. 2016); ``cyclical`` repeats a rise over the ``warmup`` share of each of ``cycles`` equal parts
    (Fu et al. 2019, with R = warmup, M = cycles).
    """
    if shape == "constant" or warmup == 0:
        return beta
    if shape == "cyclical":
        progress = progress * cycles % 1.0 if progress < 1 else 1.0
    return beta * min(1.0, progress / warmup)


class TargetRate(nn.Module):
    """Holds KL near a target by moving beta: integral control on log beta (Shao et al. 2020, ControlVAE).

    That is also the multiplier of a Lagrangian for KL = target, updated as GECO's (Rezende & Viola 2018), by the
    relative error.

    beta grows while the smoothed KL lies above the target and falls while it lies below. An encoder learns the texts
    it is trained on by heart, so their KL comes to lie above that of others: it is the KL of held-out texts that is
    held, by what was last seen of the ratio of the two. It is that to the mean of all batches since the look before,
    as batches of texts of like length differ. Its numbers are buffers, so that a checkpoint holds them.
    """

    def __init__(self, target: float, gain: float = 0.02, smoothing: float = 0.95, limits=(1e-3, 20.0)):
        super().__init__()
        self.target, self.gain, self.smoothing = target, gain, smoothing
        self.floor, self.ceiling = (math.log(limit) for limit in limits)
        self.log_beta: Tensor
        self.kl: Tensor  # of the batches, smoothed
        self.ratio: Tensor  # of the KL of held-out texts to that of batches, smoothed
        self.seen: Tensor  # sum and number of the batches' KLs since held-out texts were last looked at
        self.register_buffer("log_beta", torch.tensor(math.log(0.1)))
        self.register_buffer("kl", torch.tensor(float(target)))
        self.register_buffer("ratio", torch.tensor(1.0))
        self.register_buffer("seen", torch.zeros(2))

    @property
    def beta(self) -> Tensor:
        """The weight as it stands: a scalar."""
        return self.log_beta.exp()

    def holds(self, kl: float) -> bool:
        """Takes note of the mean KL of held-out texts, in nats; whether it is within a tenth of the target."""
        total, batches = self.seen.tolist()
        if batches:
            ratio = min(max(kl * batches / max(total, 1e-6), _RATIOS[0]), _RATIOS[1])
            self.ratio.lerp_(torch.full_like(self.ratio, ratio), 0.5)
            self.seen.zero_()
        return abs(kl - self.target) <= _HELD * self.target

    def forward(self, kl: Tensor) -> Tensor:
        """The weight for a batch whose mean KL is ``kl`` nats (a scalar); moves the controller when training."""
        if self.training:
            with torch.no_grad():
                kl = kl.detach().float()
                self.kl.lerp_(kl, 1 - self.smoothing)
                self.seen += torch.stack([kl, torch.ones_like(kl)])
                # the error is cut so that the first, wild batches can't throw beta to its limits
                error = (self.ratio * self.kl / self.target - 1).clamp(-1, 1)
                self.log_beta.add_(self.gain * error).clamp_(self.floor, self.ceiling)
        return self.beta
