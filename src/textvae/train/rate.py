"""Adam's learning rate over a training."""

from __future__ import annotations

from textvae.config import TrainConfig

_LAST, _FIRST = 2e-3, 8e-3
_STEPS = 8000  # until the one has fallen to the other


def learning_rate(config: TrainConfig, within: float, step: int) -> float:
    """The rate of one step: a linear rise over ``config.warmup``, then a linear fall to 0.

    What rises and falls is ``config.lr``. Where none is given it is 8e-3 for 500 steps, then falls with the inverse
    root of the steps (Vaswani et al. 2017, 'Attention is all you need', section 5.3) to 2e-3 at 8,000: a short training
    has too few steps for a low rate, a long one ends better on it, and nobody knows how many a time budget allows.

    Args:
        within: progress of the phase, in [0, 1].
        step: its steps so far.
    """
    peak = config.lr or _LAST * min(max(_STEPS / (step + 1), 1.0) ** 0.5, _FIRST / _LAST)
    rise = (within + 1e-3) / (config.warmup + 1e-3)
    return peak * min(rise, 1.0) * (1 - within)
