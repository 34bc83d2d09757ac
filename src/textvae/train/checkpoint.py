"""Checkpoints from which a training goes on bit for bit: safetensors and JSON, replaced atomically."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from textvae.errors import TextVAEError
from textvae.store import load_tensors, read_tensors, tensors, write_tensors

_FILE = "state.safetensors"


@dataclass
class Position:
    """Where a training stands."""

    phase: int = 0
    phase_step: int = 0  # steps before this phase
    phase_epoch: float = 0.0  # and passes over the texts
    step: int = 0
    epoch: int = 0
    texts: int = 0  # of this epoch already seen
    tokens: int = 0
    seconds: float = 0.0
    validations: int = 0
    best: float | None = None
    worse_since: int = 0  # validations since the best one


def write_checkpoint(
    folder: Path,
    position: Position,
    modules: dict[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    best: dict[str, Tensor] | None,
) -> None:
    """One file, so that it is whole or absent; the position travels inside it as bytes of JSON."""
    named = {"position": _bytes(json.dumps(asdict(position)))}
    for name, module in modules.items():
        named |= {f"{name}/{key}": tensor for key, tensor in tensors(module).items()}
    for index, state in optimiser.state_dict()["state"].items():
        named |= {f"optimiser/{index}/{key}": value for key, value in state.items()}
    for key, tensor in (best or {}).items():
        named[f"best/{key}"] = tensor
    write_tensors(folder / _FILE, named)


@dataclass
class Checkpoint:
    """A checkpoint as read; ``apply`` puts it into effect."""

    path: Path
    position: Position
    named: dict[str, Tensor]

    def apply(
        self, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer
    ) -> dict[str, Tensor] | None:
        """Sets modules and optimiser; returns the best weights so far, if any."""
        for name, module in modules.items():
            load_tensors(module, self._under(name), self.path)
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in self._under("optimiser").items():
            index, _, name = key.partition("/")
            state.setdefault(int(index), {})[name] = tensor
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})
        return self._under("best") or None

    def _under(self, prefix: str) -> dict[str, Tensor]:
        start = f"{prefix}/"
        return {k.removeprefix(start): t for k, t in self.named.items() if k.startswith(start)}


def read_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in ``folder``.

    Raises:
        TextVAEError: there is none, or it is damaged.
    """
    path = folder / _FILE
    if not path.exists():
        raise TextVAEError(f"There is no checkpoint in {folder} to resume from.")
    named = read_tensors(path)
    try:
        position = Position(**json.loads(bytes(named.pop("position").tolist())))
    except (KeyError, TypeError, ValueError) as error:
        raise TextVAEError(f"{path} is not a textvae checkpoint.") from error
    return Checkpoint(path, position, named)


def _bytes(text: str) -> Tensor:
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)
