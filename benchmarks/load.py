"""Many clients at once against ``textvae explore``: requests a second, how long they take, and whether memory is flat.

    python benchmarks/load.py MODEL [FILE] --clients 64 --seconds 60 --json load.json

Every client asks one thing after the other, in the shares of a person at the page: mostly latents to write, as a slider
moves, some texts to encode, neighbours, searches, samples. A client that is told 503 waits for a moment, as the answer
asks it to. Anything else but 200 is an error, and the script then ends with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psutil

PAUSE = 0.05  # seconds after a 503


def asked(rng: random.Random, latent_dim: int, texts: list[str]) -> tuple[str, dict[str, Any]]:
    """One request: its operation and its body."""
    z = [[rng.gauss(0, 1) for _ in range(latent_dim)]]
    text = rng.choice(texts)
    kind = rng.choices(
        ["decode", "encode", "neighbours", "search", "sample", "interpolate"], [12, 3, 2, 2, 1, 1]
    )[0]
    bodies = {
        "decode": {"z": z},
        "encode": {"texts": [text]},
        "neighbours": {"of": [text]},
        "search": {"query": text.split()[0]},
        "sample": {"n": 4, "writing": {"method": "sample", "seed": rng.randrange(2**31)}},
        "interpolate": {"a": text, "b": rng.choice(texts), "steps": 5},
    }
    return kind, bodies[kind]


async def client(
    number: int,
    url: str,
    until: float,
    world: tuple[int, list[str]],
    statuses: Counter[int],
    took: list[tuple[str, float]],
) -> None:
    """One person who never rests."""
    rng = random.Random(number)
    async with httpx2.AsyncClient(base_url=url, timeout=60) as session:
        while time.monotonic() < until:
            operation, body = asked(rng, *world)
            begun = time.monotonic()
            answer = await session.post(f"/api/{operation}", json=body)
            statuses[answer.status_code] += 1
            if answer.status_code == 200:
                took.append((operation, time.monotonic() - begun))
            else:
                await asyncio.sleep(PAUSE)


async def watch(process: psutil.Process, until: float, memory: list[float]) -> None:
    """The server's resident memory in MiB, every second."""
    while time.monotonic() < until:
        memory.append(process.memory_info().rss / 2**20)
        await asyncio.sleep(1)


async def load(url: str, clients: int, seconds: float, process: psutil.Process) -> dict[str, Any]:
    """The figures of so many clients over so long, after a tenth of that to warm up."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as session:
        model = (await session.get("/api/model")).json()
        texts = [text for text in (await session.get("/api/map")).json()["text"] if text.strip()]
    world = model["latent_dim"], texts

    async def run(length: float) -> tuple[Counter[int], list[tuple[str, float]], list[float]]:
        statuses: Counter[int] = Counter()
        took: list[tuple[str, float]] = []
        memory: list[float] = []
        until = time.monotonic() + length
        people = [client(i, url, until, world, statuses, took) for i in range(clients)]
        await asyncio.gather(watch(process, until, memory), *people)
        return statuses, took, memory

    await run(seconds / 10)
    begun = time.monotonic()
    statuses, took, memory = await run(seconds)
    length = time.monotonic() - begun
    milliseconds = {"all": np.array([duration for _, duration in took]) * 1000}
    milliseconds |= {
        kind: np.array([duration for own, duration in took if own == kind]) * 1000
        for kind in {own for own, _ in took}
    }
    # the middle of the first and of the last quarter: what is allocated once is not growth
    quarter = max(len(memory) // 4, 1)
    return {
        "clients": clients,
        "seconds": length,
        "statuses": dict(statuses),
        "requests_per_second": len(took) / length,
        "milliseconds": {
            kind: {"p50": float(np.quantile(values, 0.5)), "p99": float(np.quantile(values, 0.99))}
            for kind, values in sorted(milliseconds.items())
        },
        "memory_mib": {
            "first_quarter": float(np.median(memory[:quarter])),
            "last_quarter": float(np.median(memory[-quarter:])),
            "highest": max(memory),
        },
    }


@contextmanager
def serving(model: Path, file: str | None) -> Iterator[tuple[str, psutil.Process]]:
    """``textvae explore`` in a process of its own: its address, and the process."""
    words = ["explore", str(model), *([file] if file else []), "--port", "0", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "textvae", *words], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            yield json.loads(server.stdout.readline())["url"], psutil.Process(server.pid)
        finally:
            server.terminate()


def main() -> None:
    """Starts the server, asks, tells."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("file", nargs="?", help="texts for the map and the search")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    given = parser.parse_args()
    with serving(given.model, given.file) as (url, process):
        figures = asyncio.run(load(url, given.clients, given.seconds, process))
    print(json.dumps(figures, indent=2))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    if set(figures["statuses"]) - {200, 503}:
        sys.exit(1)


if __name__ == "__main__":
    main()
