"""How much one request may ask for, how many may wait, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from starlette.requests import Request

from textvae.explore.failures import Failure

BODY_BYTES = 2**20
TEXT_CHARACTERS = 5_000
BATCH = 64  # texts or latents in a request
SECONDS = 20.0  # from a request's arrival to its answer
WAITING = 48  # requests in the queue, the one at work counted

T = TypeVar("T")


async def read_body(request: Request) -> bytes:
    """The body of a request, refused as soon as it is too long or too slow.

    Raises:
        Failure: 413 or 408.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > BODY_BYTES:
                    raise Failure(413, "too_large", f"A request may have {BODY_BYTES:,} bytes at most.")
    except TimeoutError as error:
        raise Failure(408, "slow", f"The request did not arrive within {SECONDS:g} seconds.") from error
    return bytes(body)


class Desk:
    """One worker, and a queue before it: torch gains nothing from several, and what one draws would disturb another's.

    A request is at work for seconds at most, as texts and batches are limited; one that waits longer than its time is
    taken out of the queue.
    """

    def __init__(self, waiting: int = WAITING, seconds: float = SECONDS) -> None:
        self._most, self._seconds = waiting, seconds
        self._open = 0
        self._worker: ThreadPoolExecutor | None = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While it is open; on leaving what is at work is finished, and what waits is dropped."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="textvae-explore")
        try:
            yield
        finally:
            self._worker.shutdown(wait=True, cancel_futures=True)

    async def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns, once it had its turn.

        Raises:
            Failure: 503, as the queue is full or the time is up.
        """
        if self._open >= self._most:
            raise Failure(503, "busy", f"{self._most} requests are waiting already: try again in a moment.")
        self._open += 1
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except TimeoutError as error:
            raise Failure(
                503, "late", f"No answer within {self._seconds:g} seconds: ask for less."
            ) from error
        finally:
            self._open -= 1
