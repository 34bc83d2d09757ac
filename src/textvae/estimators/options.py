"""From the options of an estimator to a configuration."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

from textvae.config import Config, merge, parse_assignments, read_config
from textvae.errors import TextVAEError
from textvae.presets import load_preset

# The options with names of their own: section of the configuration -> names in it ("" is the top).
_NAMED = {
    "": ("latent_dim",),
    "text": ("tokenizer", "vocab_size"),
    "train": ("epochs", "steps", "time_budget", "seed"),
    "objective": ("target_kl",),
}


class _Kind(NamedTuple):
    """An estimator: what its models are models of, and the preset it starts from."""

    name: str
    of: str
    preset: str


_KINDS = {
    "tokens": _Kind("TextVAE", "texts", "default"),
    "rows": _Kind("MatrixVAE", "the rows of a matrix", "dense"),
    "topics": _Kind("TopicVAE", "topics", "topics"),
}
# of [objective]: other says in what the KL costs than a target for it
_WEIGHTS = frozenset({"beta", "schedule", "warmup", "cycles", "free_bits"})
# of [train]; the rest of it may change
_FIXED_ON_RESUME = ("seed", "batch_tokens", "held_out", "validations")


def configuration(
    options: Mapping[str, Any],
    saved: Config | None = None,
    reads: Literal["tokens", "rows", "topics"] = "tokens",
) -> Config:
    """What an estimator's options ask for: preset, then ``config``, then options by name, then ``set``.

    ``reads`` is 'tokens' for ``TextVAE``, 'rows' for ``MatrixVAE``, 'topics' for ``TopicVAE``. A training that is
    resumed keeps its ``saved`` configuration: how long and how fast to train may change, the model may not.

    Raises:
        TextVAEError: an option that doesn't exist or can't be used, or a model of other data.
    """
    given, named = _config_tree(options["config"])
    asked = _asked(options, given)
    name = options["preset"] if options["preset"] is not None else named
    preset = load_preset(_KINDS[reads].preset if name is None else name).config
    if saved is not None:
        return _resumed(saved, asked if name is None else _laid_on(preset, asked))
    return check_reads(read_config(_laid_on(preset, asked)), reads)


def check_reads(config: Config, reads: str) -> Config:
    """The configuration, if it is one of models of texts ('tokens'), of rows ('rows') or of topics ('topics').

    Raises:
        TextVAEError: it is one of another kind.
    """
    if config.reads != reads:
        other = _KINDS[config.reads]
        raise TextVAEError(
            f"A model with decoder {config.decoder.name} is one of {other.of}, not of {_KINDS[reads].of}: "
            f"use textvae.{other.name}."
        )
    return config


def _asked(options: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for section, names in _NAMED.items():
        given = {name: options[name] for name in names if options.get(name) is not None}
        if given:
            tree = merge(tree, {section: given} if section else given)
    return merge(merge(config, tree), _set_tree(options["set"]))


def _laid_on(preset: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for, laid on a preset, whose own way to hold the KL gives way to it.

    A target of the preset is dropped where another weight or free bits are asked for, or another posterior, which may
    have a KL of its own; its free bits don't hold the KL above a target asked for.
    """
    tree = merge(preset, asked)
    objective = tree.get("objective")
    if not isinstance(objective, dict) or objective.get("target_kl") is None:
        return tree
    wished = asked.get("objective", {})
    if "target_kl" not in wished:
        without = merge(tree, {"objective": {"target_kl": None}})
        if (
            _WEIGHTS & wished.keys()
            or read_config(without).posterior.name != read_config(preset).posterior.name
        ):
            return without
    if "free_bits" in objective and "free_bits" not in wished:
        free = min(objective["free_bits"], objective["target_kl"] / 2)
        return merge(tree, {"objective": {"free_bits": free}})
    return tree


def _resumed(saved: Config, wanted: Mapping[str, Any]) -> Config:
    before = saved.model_dump(mode="json")
    config = read_config(merge(before, wanted))
    after = config.model_dump(mode="json")
    changed = [key for key in before if key != "train" and before[key] != after[key]]
    changed += [f"train.{key}" for key in _FIXED_ON_RESUME if before["train"][key] != after["train"][key]]
    if changed:
        raise TextVAEError(
            f"The training to resume was started with another {', '.join(changed)}: "
            "resume without these options, or start anew with --overwrite."
        )
    return config


def _config_tree(
    config: str | PathLike[str] | Mapping[str, Any] | None,
) -> tuple[dict[str, Any], str | None]:
    """The options of a configuration, and the preset that it names, if any."""
    tree = dict(config or {}) if config is None or isinstance(config, Mapping) else _read_toml(Path(config))
    preset = tree.pop("preset", None)
    # in a preset's own file, the table of this name says what it is
    return tree, None if preset is None or isinstance(preset, Mapping) else str(preset)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TextVAEError(f"Can't read the configuration {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TextVAEError(f"{path} is no TOML: {error}.") from error


def _set_tree(options: Mapping[str, Any] | Iterable[str] | None) -> dict[str, Any]:
    if options is None:
        return {}
    if isinstance(options, str):
        return parse_assignments([options])
    if not isinstance(options, Mapping):
        return parse_assignments(options)
    tree: dict[str, Any] = {}
    for path, value in options.items():
        for key in reversed(path.split(".")):
            value = {key: value}
        tree = merge(tree, value)
    return tree
