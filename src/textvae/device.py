"""Where the arithmetic runs, and in which number format."""

from __future__ import annotations

from functools import cache
from time import perf_counter
from typing import Literal

import torch

from textvae.errors import TextVAEError

Precision = Literal["auto", "bf16", "fp32"]

# bf16 rounds more, so it has to gain something: as many times as fast as float32 at least.
_LEAST_GAIN = 1.2


def resolve_device(device: str) -> torch.device:
    """'auto' is a CUDA device where there is one, else the CPU.

    Raises:
        TextVAEError: an unknown device, or CUDA where there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise TextVAEError(f"There is no device called '{device}'; there are: auto, cpu, cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise TextVAEError("There is no usable CUDA device here; use cpu or auto.")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device multiplies matrices faster in bf16 than in float32.

    On a processor that claims to, this is measured, once a process, in some hundredths of a second: with avx512_bf16
    and without AMX, bf16 was twice as fast as float32 on an AMD EPYC and half as fast on an Intel Xeon.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        features = torch.cpu.get_capabilities()
        claimed = any(features.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
        return claimed and _cpu_gain() > _LEAST_GAIN
    return False


@cache
def _cpu_gain() -> float:
    """How many times as fast as in float32 a product of matrices is in bf16."""
    factors = {
        dtype: (torch.ones(256, 512, dtype=dtype), torch.ones(512, 1024, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    }
    least = dict.fromkeys(factors, float("inf"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several would wait for each other on a busy machine
    try:
        for _ in range(5):  # by turns, and the least of each: what else the machine does tells least there
            for dtype, (left, right) in factors.items():
                start = perf_counter()
                torch.mm(left, right)
                least[dtype] = min(least[dtype], perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return least[torch.float32] / least[torch.bfloat16]


def uses_bf16(device: torch.device, precision: Precision) -> bool:
    """Whether products run in bf16: where asked for, or under ``auto`` where it is fast.

    Raises:
        TextVAEError: there is no such precision.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise TextVAEError(f"There is no precision called '{precision}'; there are: auto, fp32, bf16.")
    return precision == "bf16" or (precision == "auto" and has_fast_bf16(device))


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Autocast to bf16 where ``uses_bf16``; parameters stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=uses_bf16(device, precision))
