"""One configuration, the same words in Python, in TOML and on the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from textvae.device import Precision
from textvae.errors import TextVAEError
from textvae.registry import Entry, PartConfig, find, names

_LENGTHS = frozenset({"epochs", "steps", "time_budget"})  # the ways to say how long to train
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Part(NamedTuple):
    """A choice of part: its registered name and its options."""

    name: str
    options: PartConfig


def _part(kind: str, usual: str) -> Any:
    """The type of a part's field: read from ``{name = …, option = …}``, written back as the same."""

    def read(value: Any) -> Part:
        if isinstance(value, Part):
            return value
        options = {"name": value} if isinstance(value, str) else dict(value)
        entry = find(kind, options.pop("name", usual))
        return Part(entry.name, entry.config(**options))

    def write(part: Part) -> dict[str, Any]:
        return {"name": part.name, **part.options.model_dump()}

    return Annotated[Any, BeforeValidator(read), PlainSerializer(write)]


def seconds(value: Any) -> Any:
    """``'90s'``, ``'20m'``, ``'1.5h'`` or a number of seconds -> seconds."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", value)
    if not match:
        raise ValueError(f"'{value}' is not a time such as 90s, 20m or 1.5h")
    return float(match[1]) * _UNITS[match[2] or "s"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextConfig(_Section):
    """How texts become tokens."""

    tokenizer: Literal["auto", "word", "bpe", "unigram", "char", "jieba"] = "auto"
    vocab_size: int = Field(
        default=10_000, ge=1, description="ordinary tokens at most; the special ones come on top"
    )
    max_length: int = Field(
        default=200, ge=2, description="texts with more tokens are left out of training, and counted"
    )


class TrainConfig(_Section):
    """How long and how fast to train: one of ``epochs``, ``steps`` and ``time_budget``, or else 20 epochs."""

    epochs: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, gt=0)
    time_budget: Annotated[float | None, BeforeValidator(seconds)] = Field(
        default=None, gt=0, description="seconds"
    )
    batch_tokens: int = Field(
        default=1400,
        gt=0,
        description="tokens in a batch, pads and all processes included; a row of a matrix is one",
    )
    lr: float | None = Field(
        default=None,
        gt=0,
        description="peak learning rate of Adam; without one 8e-3, falling to 2e-3 over the first 8,000 steps",
    )
    warmup: float = Field(
        default=0.02, ge=0, lt=1, description="share of each phase over which the rate rises"
    )
    clip: float = Field(default=5.0, gt=0, description="largest norm of the gradient")
    dropout_rise: float = Field(
        default=0.0,
        ge=0,
        description="passes over the texts, in each phase, until dropout has its full rates; 0: at once",
    )
    patience: int | None = Field(
        default=None, gt=0, description="stop after this many validations without a better one; none: never"
    )
    held_out: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="share of the texts, documents or rows kept from training where none are given to watch it by",
    )
    validations: int = Field(default=20, gt=0, description="validations in the whole of training")
    precision: Precision = "auto"
    seed: int = Field(default=0, ge=0, lt=2**63)

    @model_validator(mode="before")
    @classmethod
    def _some_length(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and all(given.get(name) is None for name in _LENGTHS):
            return {**given, "epochs": 20.0}
        return given

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        given = [n for n in sorted(_LENGTHS) if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"train.{given[0]} and train.{given[1]} both say how long to train: give one")
        return self


class Config(_Section):
    """Everything that decides what a training run does."""

    latent_dim: int = Field(default=32, gt=0, description="Z, the number of latent dimensions")
    text: TextConfig = TextConfig()
    encoder: _part("encoder", "lstm") = Field(default="lstm", validate_default=True)  # pyright: ignore
    posterior: _part("posterior", "gaussian") = Field(default="gaussian", validate_default=True)  # pyright: ignore
    prior: _part("prior", "standard") = Field(default="standard", validate_default=True)  # pyright: ignore
    decoder: _part("decoder", "lstm") = Field(default="lstm", validate_default=True)  # pyright: ignore
    objective: _part("objective", "elbo") = Field(default="elbo", validate_default=True)  # pyright: ignore
    train: TrainConfig = TrainConfig(epochs=20.0)

    @property
    def reads(self) -> Literal["tokens", "rows", "topics"]:
        """What a model like this is trained on: tokenised texts, rows of a matrix, or counts of words for topics."""
        decoder = find("decoder", self.decoder.name)
        if "topics" in decoder.provides:
            return "topics"
        return "tokens" if "tokens" in decoder.requires else "rows"

    @model_validator(mode="before")
    @classmethod
    def _usual_partners(cls, given: Any) -> Any:
        """Beside a posterior that needs a prior of its own, that prior is the default."""
        if not isinstance(given, Mapping) or "posterior" not in given:
            return given
        posterior = given["posterior"]
        name = posterior.get("name", "gaussian") if isinstance(posterior, Mapping) else posterior
        name = posterior.name if isinstance(posterior, Part) else name
        return {**find("posterior", name).defaults, **given}

    @model_validator(mode="after")
    def _longest_text_fits_a_batch(self) -> Self:
        if self.reads == "tokens" and self.text.max_length > self.train.batch_tokens:
            raise ValueError(
                f"text.max_length {self.text.max_length} is above train.batch_tokens {self.train.batch_tokens}: "
                "a batch must hold the longest text"
            )
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        kinds = ("encoder", "posterior", "prior", "decoder", "objective")
        entries = {kind: find(kind, getattr(self, kind).name) for kind in kinds}
        for kind, entry in entries.items():
            offered = frozenset().union(*(e.provides for k, e in entries.items() if k != kind))
            if missing := (entry.requires | getattr(self, kind).options.needs) - offered:
                raise ValueError(_misfit(entry, missing, [e for k, e in entries.items() if k != kind]))
        return self

    @model_validator(mode="after")
    def _parts_have_the_latent_dim(self) -> Self:
        for part in (self.posterior, self.prior):
            part.options.check_latent_dim(self.latent_dim)
        return self

    @model_validator(mode="after")
    def _rate_can_be_held(self) -> Self:
        target = getattr(self.objective.options, "target_kl", None)
        if target is not None and self.posterior.options.fixed_rate:
            raise ValueError(
                f"objective.target_kl {target} can't be held with posterior {self.posterior.name}, "
                "whose options alone set the KL"
            )
        return self


def _misfit(entry: Entry, missing: Set[str], others: Sequence[Entry]) -> str:
    """What ``entry`` needs and none of ``others`` offers, by the names of the parts that do."""
    for other in others:
        offers = {name: find(other.kind, name).provides & missing for name in names(other.kind)}
        most = frozenset().union(*offers.values())
        if most and (able := [name for name, offered in offers.items() if offered == most]):
            return (
                f"{entry.kind} {entry.name} and {other.kind} {other.name} don't go together: "
                f"{entry.name} needs {other.kind} {_either(able)}"
            )
    listed = ", ".join(f"{other.kind} {other.name}" for other in others)
    return f"{entry.kind} {entry.name} needs {', '.join(sorted(missing))}, which none of {listed} offers"


def _either(choices: Sequence[str]) -> str:
    """``a, b or c``."""
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last


def read_config(tree: Mapping[str, Any]) -> Config:
    """Validates a nested mapping.

    Raises:
        TextVAEError: an unknown or impossible option, in one sentence.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise TextVAEError(_one_sentence(error)) from error


def _one_sentence(error: ValidationError) -> str:
    reasons = []
    for e in error.errors():
        where = ".".join(str(part) for part in e["loc"])
        if e["type"] == "extra_forbidden":
            reasons.append(f"there is no option '{where}'")
        else:
            reasons.append(f"{where}: {e['msg'].removeprefix('Value error, ')}".removeprefix(": "))
    return f"The configuration can't be used: {'; '.join(reasons)}."


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``, table by table.

    A part given by another name starts from that part's defaults; a length of training replaces another.
    """
    replaced = _LENGTHS if _LENGTHS & over.keys() else frozenset()
    merged = {key: value for key, value in base.items() if key not in replaced}
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            other_part = "name" in value and value["name"] != old.get("name", value["name"])
            merged[key] = dict(value) if other_part else merge(old, value)
        else:
            merged[key] = value
    return merged


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """``['decoder.dropout=0.3', 'encoder.name=gru']`` -> a nested mapping; values are TOML, or else plain strings.

    Raises:
        TextVAEError: an assignment without ``=`` or without a name.
    """
    tree: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip():
            raise TextVAEError(f"'{assignment}' is not of the form section.option=value.")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        branch: Any = value
        for key in reversed(path.strip().split(".")):
            branch = {key: branch}
        tree = merge(tree, branch)
    return tree
