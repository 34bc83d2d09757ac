"""What `textvae train`, or with `--topics` `textvae topics train`, takes in time, memory and disk as its file grows.

    python benchmarks/large_corpus.py --lines 100000 1000000 10000000
    python benchmarks/large_corpus.py --lines 100000 1000000 --topics --steps 300 --max-words 50000

Each file has so many lines of words drawn from a Zipf distribution, 4 to 19 of a vocabulary of 50,000; the command runs
on it in a process of its own for a few steps, with other options passed on. Memory is the peak of the resident set,
mapped files included, as the kernel counts it (Linux only).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import numpy as np

_MIB = 2**20
_WORDS, _SYLLABLES = 50_000, [c + v for c in "bdfgklmnrstvwz" for v in "aeiou"]
_AT_ONCE = 100_000  # lines written
_PAUSE = 0.5  # seconds between two looks at the disk


def write_lines(path: Path, lines: int) -> None:
    """A file of random lines, the same for the same number."""
    rng = np.random.default_rng(0)
    words = np.array(list(itertools.islice(map("".join, itertools.product(_SYLLABLES, repeat=3)), _WORDS)))
    share = np.cumsum(1 / np.arange(1, _WORDS + 1))
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, lines, _AT_ONCE):
            lengths = rng.integers(4, 20, min(_AT_ONCE, lines - start))
            drawn = words[np.searchsorted(share, share[-1] * rng.random(lengths.sum()))]
            for text in np.split(drawn, np.cumsum(lengths)[:-1]):
                file.write(" ".join(text) + "\n")


def measure(lines: int, command: list[str], options: list[str]) -> dict[str, Any]:
    """One training on a file of so many lines."""
    with TemporaryDirectory() as folder:
        texts, model = Path(folder) / "texts.txt", Path(folder) / "model"
        write_lines(texts, lines)
        command = [*command, str(texts), "-o", str(model), "--json", *options]
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "textvae", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with _Largest(model) as disk:
            assert process.stderr is not None
            read, said = {}, []
            for line in process.stderr:
                said.append(line)
                if line.startswith("tokenizer "):  # said when texts are read, tokenised and on disk
                    read = {"seconds": time.perf_counter() - begun, **_so_far(process.pid)}
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        if status:
            sys.exit("".join(said))
        return {
            "lines": lines,
            "file_mib": texts.stat().st_size / _MIB,
            "read": read,
            "all": {
                "seconds": seconds,
                "cpu_seconds": used.ru_utime + used.ru_stime,
                "peak_mib": used.ru_maxrss / 1024,
            },
            "disk_mib": disk.size / _MIB,
        }


def _so_far(pid: int) -> dict[str, float]:
    """CPU time that a process has used, and the most memory it has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return {
        "cpu_seconds": sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
        "peak_mib": int(status.partition("VmHWM:")[2].split()[0]) / 1024,
    }


class _Largest:
    """Watches what a folder takes on disk."""

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._folder, self._done = folder, Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> _Largest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_PAUSE):
            self.size = max(self.size, sum(map(_size, self._folder.rglob("*"))))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _told(row: dict[str, Any]) -> str:
    read, whole = row["read"], row["all"]
    told = f"{row['lines']:,} lines, {row['file_mib']:,.0f} MiB: "
    if read:  # what reads topics' texts says no word when it is done
        told += f"read and tokenised in {read['seconds']:.0f} s, {read['cpu_seconds']:.0f} s of CPU; "
        told += f"peak memory {read['peak_mib']:.0f} MiB by then, "
    told += f"{whole['cpu_seconds']:.0f} s of CPU and {whole['peak_mib']:.0f} MiB in all; "
    return told + f"at most {row['disk_mib']:,.0f} MiB of disk"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--topics", action="store_true", help="train topic models")
    parser.add_argument("--json", action="store_true")
    options, others = parser.parse_known_args()
    command = ["topics", "train"] if options.topics else ["train"]
    rows = []
    for lines in options.lines:
        rows.append(measure(lines, command, [*others, "--steps", str(options.steps)]))
        if not options.json:
            print(_told(rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
