"""The command line of a benchmark that prints lines while it measures, or with --json all figures at its end."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import torch


def parser(about: str | None) -> argparse.ArgumentParser:
    """With --json; a benchmark's docstring is shown as it stands."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true")
    return made


def say(options: argparse.Namespace, line: str) -> None:
    """Unless only JSON is wanted."""
    if not options.json:
        print(line, flush=True)


def measure(options: argparse.Namespace, run: Callable[[argparse.Namespace], Any]) -> None:
    """In one thread, so that no figure depends on how many a machine has."""
    torch.set_num_threads(1)
    found = run(options)
    if options.json:
        print(json.dumps(found, indent=2))
