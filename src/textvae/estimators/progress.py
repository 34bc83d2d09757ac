"""A bar on stderr for what takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    name: str, shown: bool, total: float | None = None
) -> Iterator[Callable[[float], object] | None]:
    """Yields what takes how much of ``total`` is done, or None where nothing is to be shown.

    Without a total, what is done is a number of texts, which is shown as it is.
    """
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    if total is None:
        columns = (TextColumn("{task.completed:,.0f} texts"), TimeElapsedColumn())
    else:
        columns = (
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
        )
    described = TextColumn("{task.description}")
    with Progress(described, *columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.update(task, completed=done)
