"""A step of training: a phase's updates, in turn, on one batch."""

from __future__ import annotations

import torch
from torch import nn

from textvae.config import TrainConfig
from textvae.device import autocast
from textvae.objectives.phase import Losses, Phase
from textvae.processes import Processes


class Stepper:
    """Takes the steps of one phase, with Adam.

    Adam's moments belong to a parameter, and one that an update leaves out keeps its own: so one optimiser is as
    good as one for each update, and two updates that share parameters and loss share what was learnt of it.
    """

    def __init__(self, phase: Phase, config: TrainConfig, processes: Processes):
        self.phase, self.config, self.processes = phase, config, processes
        moved = dict.fromkeys(p for update in phase.updates for p in update.parameters)
        fused = processes.device.type in ("cpu", "cuda")
        betas = phase.momentum, 0.999
        self.optimiser = torch.optim.Adam(list(moved), betas=betas, fused=fused)

    def step(self, model: nn.Module, batch: object, weight: float, progress: float, lr: float) -> Losses:
        """Makes the updates that are due and gives the losses of the first.

        Args:
            weight: of the batch; where several processes share its texts, of this process's part of it.
            progress: in [0, 1) within the phase.
            lr: Adam's rate for this step.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        due = self.phase.updates if self.phase.turn is None else self.phase.turn(progress)
        made: list[Losses] = []
        for update in due:
            parameters = [p for p in update.parameters if p.requires_grad]
            with autocast(self.processes.device, self.config.precision):
                losses = update.loss(model, batch, progress)
            # no gradient but theirs: what the loss has from other parts is for another update, or for none
            (losses.loss * weight).backward(inputs=parameters)
            self.processes.sum_gradients(parameters)
            nn.utils.clip_grad_norm_(parameters, self.config.clip)
            self.optimiser.step()
            self.optimiser.zero_grad()
            made.append(losses)
        return made[0]
