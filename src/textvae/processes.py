"""One process or several, a processor or a GPU: what the loop needs to be the same code on all."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn


class Processes:
    """The processes that train one model together, through ``accelerate``.

    Gradients are averaged here and not by a wrapper around the model: phases train different parameters, some
    of them the objective's own, and a wrapper would wait for those that a phase leaves out.
    """

    def __init__(self, device: torch.device) -> None:
        if torch.distributed.is_available() and not torch.distributed.is_initialized():
            # an earlier training in this process may have used another device
            AcceleratorState._reset_state(True)
        self._accelerator = Accelerator(cpu=device.type == "cpu")
        self.device = self._accelerator.device
        self.index, self.count = self._accelerator.process_index, self._accelerator.num_processes
        self.is_main = self._accelerator.is_main_process

    def wait(self) -> None:
        """Until every process has come here."""
        self._accelerator.wait_for_everyone()

    def total(self, values: Tensor) -> Tensor:
        """The sum over processes."""
        return values if self.count == 1 else self._accelerator.reduce(values, "sum")  # pyright: ignore

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces each gradient by its mean over processes, all in one exchange."""
        if self.count == 1:
            return
        held = [p for p in parameters if p.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in held]
        flat = self._accelerator.reduce(torch.cat([g.flatten() for g in gradients]), "mean")
        for p, mean in zip(held, flat.split([p.numel() for p in held]), strict=True):  # pyright: ignore
            p.grad = mean.view_as(p)

    def agree(self, progress: float, stop: bool) -> tuple[float, bool]:
        """The main process's progress, and whether any process wants to stop."""
        if self.count == 1:
            return progress, stop
        mine = torch.tensor([[progress, float(stop)]], dtype=torch.float64, device=self.device)
        everyone = self._accelerator.gather(mine)
        return float(everyone[0, 0]), bool(everyone[:, 1].any())  # pyright: ignore
