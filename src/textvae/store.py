"""A saved model is one folder: safetensors, JSON, a tokenizer and a model card. Never pickle."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from textvae.config import Config, read_config
from textvae.errors import TextVAEError
from textvae.model import VAE, build, rotate

FORMAT_VERSION = 1
CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
METRICS, CARD, REPORT = "metrics.json", "README.md", "report.html"
DIRECTIONS, DIRECTION_TENSORS = "directions.json", "directions.safetensors"
VOCABULARY, CONTEXT = "vocabulary.json", "context.safetensors"  # of a topic model
_ROTATION = "posterior.rotation.matrix"  # is among the weights of a model whose axes were rotated
# while training
HISTORY, CHECKPOINT, TOKENS = "metrics.jsonl", "checkpoint", ".tokens"


def write_atomically(path: Path, content: bytes) -> None:
    """Writes beside ``path``, flushes to disk, then renames: a reader sees the old file or the new one.

    Raises:
        TextVAEError: the disk is full or the folder can't be written; the old file is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:  # not one of tempfile's, which only its owner may read
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise TextVAEError(
            f"Could not write {path}: {error.strerror}; what was there before is kept."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Atomically, indented, keys in the order given."""
    write_atomically(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """The JSON in ``path``.

    Raises:
        TextVAEError: the file is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TextVAEError(f"{path.parent} is not a textvae model: it has no {path.name}.") from error
    except (OSError, ValueError) as error:
        raise TextVAEError(f"{path} is damaged: it can't be read as JSON.") from error


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters, tied ones once, and the buffers that belong to the state."""
    saved = module.state_dict()
    named = dict(module.named_parameters())
    named |= {name: buffer for name, buffer in module.named_buffers() if name in saved}
    return {name: tensor.detach() for name, tensor in named.items()}


def write_tensors(path: Path, named: Mapping[str, Tensor]) -> None:
    """A safetensors file, atomically."""
    write_atomically(path, safetensors_bytes({n: t.cpu().contiguous() for n, t in named.items()}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a safetensors file.

    Raises:
        TextVAEError: the file is missing, truncated or of another kind.
    """
    if not path.is_file():
        raise TextVAEError(f"{path.parent} is not a textvae model: it has no {path.name}.")
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise TextVAEError(f"{path} is damaged: it is truncated or no safetensors file.") from error


@torch.no_grad()
def load_tensors(module: nn.Module, named: Mapping[str, Tensor], path: Path) -> None:
    """Copies tensors into a module that must have just these.

    Raises:
        TextVAEError: names or shapes differ; ``path`` is named as where they came from.
    """
    own = tensors(module)
    wrong = own.keys() ^ named.keys() | {
        n for n in own.keys() & named.keys() if own[n].shape != named[n].shape
    }
    if wrong:
        raise TextVAEError(
            f"{path} does not fit the model its configuration describes: {min(wrong)} is missing, "
            f"superfluous or of another shape ({len(wrong)} in all)."
        )
    for name, tensor in own.items():
        tensor.copy_(named[name])


def holds_model(folder: Path) -> bool:
    """Whether the folder has a model of ours in it, finished or not; any other ``config.json`` is none."""
    try:
        tree = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(tree, dict) and "format_version" in tree and "textvae_version" in tree


def write_config(folder: Path, config: Config, vocab_size: int, version: str) -> None:
    """``config.json``: the configuration and what it takes to build the model anew."""
    write_json(
        folder / CONFIG,
        {
            "format_version": FORMAT_VERSION,
            "textvae_version": version,
            "vocab_size": vocab_size,
            "config": config.model_dump(mode="json"),
        },
    )


def read_model_config(folder: Path) -> tuple[Config, int]:
    """The configuration and the vocabulary size of a saved model.

    Raises:
        TextVAEError: no model, a damaged one, or one of a later format.
    """
    if not folder.is_dir():
        raise TextVAEError(f"There is no model at {folder}.")
    tree = read_json(folder / CONFIG)
    if not holds_model(folder):
        raise TextVAEError(f"{folder / CONFIG} is not a textvae configuration.")
    if tree["format_version"] != FORMAT_VERSION:
        raise TextVAEError(
            f"{folder} has format version {tree['format_version']}, and this textvae reads version "
            f"{FORMAT_VERSION}; it was written by textvae {tree.get('textvae_version', 'unknown')}."
        )
    if "config" not in tree or not isinstance(tree.get("vocab_size"), int):
        raise TextVAEError(f"{folder / CONFIG} is damaged: it says too little to build the model.")
    return read_config(tree["config"]), tree["vocab_size"]


def read_model(folder: Path) -> tuple[VAE, Config]:
    """The trained model, in evaluation mode, on the CPU.

    Raises:
        TextVAEError: no model, a damaged one, or one of a later format.
    """
    config, vocab_size = read_model_config(folder)
    path = folder / WEIGHTS
    if not path.is_file() and (folder / CHECKPOINT).exists():
        raise TextVAEError(f"The training in {folder} was cut off; finish it with --resume.")
    with torch.random.fork_rng(
        devices=[]
    ):  # the fresh weights are thrown away: leave the user's stream alone
        model = build(config, vocab_size)
    named = read_tensors(path)
    if _ROTATION in named:
        model = rotate(model, torch.eye(config.latent_dim))
    load_tensors(model, named, path)
    return model.eval(), config


def write_model(folder: Path, model: VAE) -> None:
    """``model.safetensors``."""
    write_tensors(folder / WEIGHTS, tensors(model))
