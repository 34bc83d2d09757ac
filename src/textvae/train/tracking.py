"""What a training tells: rows of figures to a file and to whoever watches."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Protocol

from textvae.errors import TextVAEError
from textvae.language import translate
from textvae.store import write_atomically

Row = dict[str, Any]


class Watcher(Protocol):
    """Someone who follows a training."""

    def phase(self, name: str) -> None:
        """A phase begins."""

    def progress(self, done: float) -> None:
        """After every step: progress in [0, 1]."""

    def row(self, row: Row) -> None:
        """After every interval: its figures, as in ``metrics.jsonl``."""

    def close(self) -> None:
        """Training has ended, well or not."""


class Silent:
    """Watches without a word."""

    def phase(self, name: str) -> None: ...
    def progress(self, done: float) -> None: ...
    def row(self, row: Row) -> None: ...
    def close(self) -> None: ...


class Recorder:
    """Keeps the rows that it passes on."""

    def __init__(self, watcher: Watcher):
        self.watcher = watcher
        self.rows: list[Row] = []

    def phase(self, name: str) -> None:
        self.watcher.phase(name)

    def progress(self, done: float) -> None:
        self.watcher.progress(done)

    def row(self, row: Row) -> None:
        self.rows.append(row)
        self.watcher.row(row)

    def close(self) -> None:
        self.watcher.close()


class Lines:
    """A plain line per interval on stderr, where there is no terminal."""

    def phase(self, name: str) -> None:
        print(translate(f"phase: {translate(name)}"), file=sys.stderr, flush=True)

    def progress(self, done: float) -> None: ...

    def row(self, row: Row) -> None:
        print(describe(row), file=sys.stderr, flush=True)

    def close(self) -> None: ...


class Display:
    """A progress bar and, below it, the latest figures, on a terminal."""

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn(translate("left")),
            TimeRemainingColumn(),
        )
        self._task = self._bar.add_task(translate("training"), total=1.0)
        self._live = Live(console=console or Console(stderr=True), refresh_per_second=4)

    def phase(self, name: str) -> None:
        self._bar.update(self._task, description=translate(name))
        self._show("")
        self._live.start()

    def progress(self, done: float) -> None:
        self._bar.update(self._task, completed=done)

    def row(self, row: Row) -> None:
        self._show(describe(row, short=True))

    def close(self) -> None:
        self._live.stop()

    def _show(self, figures: str) -> None:
        from rich.console import Group
        from rich.text import Text

        self._live.update(Group(self._bar, Text(figures)))


def watcher_for(stream: Any = None, silent: bool = False) -> Watcher:
    """A progress bar on a terminal, lines elsewhere."""
    if silent:
        return Silent()
    return Display() if (stream or sys.stderr).isatty() else Lines()


def describe(row: Row, short: bool = False) -> str:
    """The figures of a row in a line."""
    parts = [
        f"reconstruction {row['reconstruction']:.1f}",
        f"KL {row['kl']:.1f}",
        f"active units {row['active_units']}",
        f"{row['tokens_per_second']:,.0f} tokens/s",
    ]
    if "validation_loss" in row:
        parts.append(f"validation {row['validation_loss']:.2f}")
    if not short:
        parts = [f"step {row['step']}", f"epoch {row['epoch']:.2f}", f"{row['seconds']:.0f} s", *parts]
    return "  ".join(map(translate, parts))


class MetricsFile:
    """``metrics.jsonl``: one JSON object an interval; a resumed training cuts off what it will write again."""

    def __init__(self, path: Path, resumed_at: int):
        self.path = path
        kept = [row for row in read_rows(path) if row["step"] <= resumed_at] if resumed_at else []
        write_atomically(path, "".join(json.dumps(row) + "\n" for row in kept).encode())

    def add(self, row: Row) -> None:
        """Appends a row."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise TextVAEError(f"Could not write {self.path}: {error.strerror}.") from error


def read_rows(path: Path) -> list[Row]:
    """The rows of a ``metrics.jsonl``; a last line cut off by a crash is left out."""
    rows = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows
