"""Where the arithmetic runs, and in which number format."""

from __future__ import annotations

from typing import Literal

import torch

from textvae.errors import TextVAEError

Precision = Literal["auto", "bf16", "fp32"]


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
    """Whether the device multiplies bf16 matrices in hardware; elsewhere bf16 is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        features = torch.cpu.get_capabilities()
        return any(features.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


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
