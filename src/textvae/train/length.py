"""How far training has come, as one number in [0, 1]."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from textvae.config import TrainConfig


@dataclass
class Length:
    """Measures progress by epochs, steps or time, whichever the configuration gives.

    A time budget counts from ``started`` (``time.monotonic()``). A tenth of it, 2 to 60 seconds, is kept in
    ``reserve`` for the last validation, saving and the first figures. Schedules follow the clock, so a slow
    spell costs steps, not the end.
    """

    config: TrainConfig
    started: float = field(default_factory=time.monotonic)
    spent_before: float = 0.0  # seconds of the runs that this one resumes

    @property
    def reserve(self) -> float:
        """Seconds of a time budget that are not trained in."""
        return min(max(2.0, 0.1 * (self.config.time_budget or 0.0)), 60.0)

    @property
    def seconds(self) -> float:
        """Since the start, earlier runs of the same training included."""
        return self.spent_before + time.monotonic() - self.started

    def progress(self, step: int, epoch: float) -> float:
        """In [0, 1]; 1 is the end."""
        if self.config.time_budget is not None:
            usable = max(self.config.time_budget - self.reserve, 0.5 * self.config.time_budget)
            done = self.seconds / usable
        elif self.config.steps is not None:
            done = step / self.config.steps
        else:
            assert self.config.epochs is not None
            done = epoch / self.config.epochs
        return min(done, 1.0)
