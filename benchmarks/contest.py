"""Two or more ways to do the same work, timed by turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import torch
from flops import synchronize
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Timing:
    """How much was done, in the unit of the case, in how many seconds."""

    amount: float
    seconds: float

    @property
    def rate(self) -> float:
        """A second."""
        return self.amount / self.seconds


def timed(work: Callable[[], float], device: torch.device) -> Timing:
    """Runs ``work``, which returns how much it did."""
    synchronize(device)
    started = time.perf_counter()
    amount = work()
    synchronize(device)
    return Timing(amount, time.perf_counter() - started)


def interleave(contestants: Mapping[str, Callable[[], Timing]], rounds: int) -> dict[str, list[float]]:
    """Rates of each contestant, one a round.

    They take turns, A B A B …, so that a slow spell of the machine hits all alike. The first round warms up
    and does not count.
    """
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            timing = run()
            if turn > 0:
                rates[name].append(timing.rate)
    return rates


@dataclass(frozen=True)
class Result:
    """A case: the figures of every contestant, one a round.

    Where they are ``compared``, the first one is what the others are held against.
    """

    case: str
    unit: str
    figures: dict[str, list[float]]
    utilisation: dict[str, float] = field(default_factory=dict)  # share of the peak of matrix products
    facts: dict[str, Any] = field(default_factory=dict)
    compared: bool = True

    @property
    def ratios(self) -> dict[str, list[float]]:
        """Each contestant's figures over the first one's of the same round."""
        if not self.compared:
            return {}
        first, *others = self.figures
        base = self.figures[first]
        return {name: [a / b for a, b in zip(self.figures[name], base, strict=True)] for name in others}

    def as_dict(self) -> dict[str, Any]:
        """For a file of JSON, with the ratios and the medians of everything."""
        medians = {name: median(values) for name, values in self.figures.items()}
        ratios = {name: {"median": median(values), "rounds": values} for name, values in self.ratios.items()}
        return {**asdict(self), "medians": medians, "ratios": ratios}


def show(results: list[Result], console: Console) -> None:
    """A table: medians with the least and the greatest of all rounds, and the facts below it."""
    table = Table("case", "contestant")
    for heading in ("rounds", "median", "least – greatest", "× the first", "least – greatest", "of peak"):
        table.add_column(heading, justify="right")
    for result in results:
        label = f"{result.case}\n{result.unit}"
        for name, values in result.figures.items():
            ratios = result.ratios.get(name)
            used = result.utilisation.get(name)
            first = name == next(iter(result.figures))
            table.add_row(
                label if first else "",
                name,
                str(len(values)),
                _number(median(values)),
                _spread(values),
                "" if ratios is None else f"{median(ratios):.2f}",
                "" if ratios is None else _spread(ratios),
                "" if used is None else f"{used:.0%}",
                end_section=name == list(result.figures)[-1],
            )
    console.print(table)
    for result in results:
        for name, fact in result.facts.items():
            console.print(f"{result.case}: {name}: {_number(fact) if isinstance(fact, float) else fact}")


def _spread(values: list[float]) -> str:
    return f"{_number(min(values))} – {_number(max(values))}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
