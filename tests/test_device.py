"""bf16 where it is faster, and nowhere else."""

import pytest
import torch

from textvae import device
from textvae.device import has_fast_bf16, uses_bf16

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("claimed", "gain", "fast"),
    [(True, 1.9, True), (True, 0.5, False), (True, 1.1, False), (False, 1.9, False)],
    ids=["twice as fast", "half as fast", "no gain worth the rounding", "not claimed"],
)
def test_a_processor_uses_bf16_where_it_claims_to_have_it_and_is_faster(monkeypatch, claimed, gain, fast):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": claimed})
    monkeypatch.setattr(device, "_cpu_gain", lambda: gain)
    assert has_fast_bf16(CPU) is fast
    assert uses_bf16(CPU, "auto") is fast
    assert uses_bf16(CPU, "bf16")
    assert not uses_bf16(CPU, "fp32")


def test_the_gain_is_the_ratio_of_the_least_times(monkeypatch):
    clock = iter(
        time for float32, bf16 in [(9, 9), (4, 2), (5, 8), (6, 3), (7, 7)] for time in (0, float32, 0, bf16)
    )
    monkeypatch.setattr(device, "perf_counter", lambda: next(clock))
    device._cpu_gain.cache_clear()
    try:
        assert device._cpu_gain() == 4 / 2
    finally:
        device._cpu_gain.cache_clear()


def test_measuring_leaves_the_threads_as_they_are():
    device._cpu_gain.cache_clear()
    threads = torch.get_num_threads()
    assert device._cpu_gain() == device._cpu_gain()  # a process decides once
    assert torch.get_num_threads() == threads
