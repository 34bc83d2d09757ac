"""One process or several, a processor or a GPU: what must be the same code on all."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor, nn

from textvae.errors import TextVAEError

# A process that ends is noticed at once; this is for one that is cut off or stands still. It has to leave time
# for what one process does alone while the others wait.
_PATIENCE = timedelta(minutes=10)


class Processes:
    """The processes that work on one model together, started by ``torchrun`` or ``accelerate launch``.

    Every process calls the same methods in the same order. Where one of them is lost, the others get a
    ``TextVAEError`` from the method that they are in.

    Gradients are added up here and not by a wrapper around the model: phases train different parameters, some
    of them the objective's own, and a wrapper would wait for those that a phase leaves out.
    """

    def __init__(self, device: torch.device) -> None:
        if dist.is_available() and not dist.is_initialized():
            # an earlier training in this process may have used another device
            AcceleratorState._reset_state(True)
        with _in_touch():
            accelerator = Accelerator(
                cpu=device.type == "cpu", kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)]
            )
        self.device = accelerator.device
        self.index, self.count = accelerator.process_index, accelerator.num_processes
        self.is_main = accelerator.is_main_process

    def total(self, values: Tensor) -> Tensor:
        """The sum over processes, where ``values`` are."""
        if self.count == 1:
            return values
        return _summed(values.to(self.device)).to(values.device)

    def gather(self, values: Tensor) -> Tensor:
        """The values of all processes, (*) on each -> (count, *)."""
        if self.count == 1:
            return values[None]
        everyone = values.new_empty(self.count, *values.shape, device=self.device)
        with _in_touch():
            dist.all_gather(list(everyone), values.to(self.device).contiguous())
        return everyone.to(values.device)

    def gather_rows(self, rows: np.ndarray, indices: np.ndarray, total: int) -> np.ndarray | None:
        """The rows of all processes in the order of the input.

        Args:
            rows: (n, *), this process's own; n may be 0 and differs between processes, * does not.
            indices: (n,) their places in the input; between all processes each of 0 … total - 1 once.
            total: rows of the input.

        Returns:
            (total, *) on the main process, None on the others.
        """
        if self.count == 1:
            sent = [(rows, indices)]
        else:
            places = self._to_main(np.asarray(indices, np.int64))
            sent = list(zip(self._to_main(rows), places, strict=True))
        if not self.is_main:
            return None
        ordered = np.empty((total, *rows.shape[1:]), rows.dtype)
        for values, places in sent:
            ordered[places] = values
        return ordered

    def _to_main(self, rows: np.ndarray) -> list[np.ndarray]:
        """The rows of each process, on the main process; an empty list elsewhere."""
        counts = self.gather(torch.tensor(len(rows))).tolist()
        width = rows.dtype.itemsize * math.prod(rows.shape[1:])
        padded = torch.zeros(max(counts), width, dtype=torch.uint8)  # bytes, as not every type can be sent
        padded[: len(rows)] = torch.from_numpy(np.ascontiguousarray(rows).view(np.uint8).reshape(-1, width))
        padded = padded.to(self.device)
        received = [torch.empty_like(padded) for _ in counts] if self.is_main else None
        with _in_touch():
            dist.gather(padded, received)
        return [
            part[:count].cpu().numpy().view(rows.dtype).reshape(count, *rows.shape[1:])
            for part, count in zip(received or [], counts, strict=False)
        ]

    def agree_on(self, value: str, what: str) -> None:
        """Nothing, if all processes come with the same value of ``what``.

        Raises:
            TextVAEError: on all of them, if not.
        """
        digest = torch.tensor(list(hashlib.sha256(value.encode()).digest()), dtype=torch.uint8)
        if (self.gather(digest) != digest).any():
            raise TextVAEError(f"The processes have different {what}: each has to be started with the same.")

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces each gradient by its sum over processes, all in one exchange.

        A parameter without a gradient on any process stays without one.
        """
        if self.count == 1:
            return
        held = [p for p in parameters if p.requires_grad]
        present = torch.tensor([p.grad is not None for p in held], device=self.device)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in held]
        flat = torch.cat([present.to(held[0].dtype), *(g.flatten() for g in gradients)])
        with _in_touch():
            dist.all_reduce(flat)
        present, *sums = flat.split([len(held), *(p.numel() for p in held)])
        for p, there, summed in zip(held, present.tolist(), sums, strict=True):
            p.grad = summed.view_as(p) if there else None

    def agree(self, progress: float, stop: bool) -> tuple[float, bool]:
        """The main process's progress, and whether any process wants to stop."""
        if self.count == 1:
            return progress, stop
        everyone = self.gather(torch.tensor([progress, stop], dtype=torch.float64))
        return float(everyone[0, 0]), bool(everyone[:, 1].any())


def mean_over_batch(values: Tensor) -> Tensor:
    """The mean over the texts of a batch, those of other processes included: (B, *) -> (*).

    For what training makes of a mean and is not linear in it, such as a bound. The loop weighs each process's loss
    by its share of the texts and adds up the gradients; so the gradient is that of the whole batch in one process.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return values.mean(0)
    texts = _Sum.apply(values.new_tensor(len(values)))
    return _Sum.apply(values.sum(0)) / texts  # pyright: ignore


class _Sum(torch.autograd.Function):
    """The sum over processes, whose gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        return _summed(own)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore
        return _summed(gradient)


def _summed(values: Tensor) -> Tensor:
    summed = values.clone(memory_format=torch.contiguous_format)
    with _in_touch():
        dist.all_reduce(summed)
    return summed


def of_main(values: Tensor) -> Tensor:
    """The main process's values, on every process: for what is drawn at random and has to be the same."""
    if dist.is_available() and dist.is_initialized():
        with _in_touch():
            dist.broadcast(values, src=0)
    return values


@contextmanager
def _in_touch() -> Iterator[None]:
    """Says in one sentence that another process is lost, whatever the library's words for it."""
    try:
        yield
    except RuntimeError as error:
        raise TextVAEError(
            "This process lost touch with the others: one of them has ended, stands still or can't be reached."
        ) from error
