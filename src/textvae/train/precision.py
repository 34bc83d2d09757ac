"""Which number format the matrix products run in."""

from __future__ import annotations

import contextlib
from typing import Literal

import torch


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware; elsewhere bf16 is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        features = torch.cpu.get_capabilities()
        return any(features.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def autocast(
    device: torch.device, precision: Literal["auto", "bf16", "fp32"]
) -> contextlib.AbstractContextManager:
    """Autocast to bf16 where asked for, or under ``auto`` where it is fast; parameters stay float32."""
    wanted = precision == "bf16" or (precision == "auto" and has_fast_bf16(device))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)
