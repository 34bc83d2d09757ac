"""How much one request may ask for, how many may wait, and for how long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from textvae.explore.failures import Failure

BODY_BYTES = 2**20
TEXT_CHARACTERS = 5_000
BATCH = 64  # texts or latents in a request
SECONDS = 20.0  # from a request's arrival to its answer
WAITING = 48  # requests in the queue, the one at work counted


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


@dataclass(frozen=True)
class Job:
    """What one request asks for.

    Attributes:
        work: from what several jobs of the same ``key`` ask for to their answers.
        asked: what this one asks for.
        size: texts or latents in it.
        key: jobs of the same key may be done as one; None for a job that is done alone.
    """

    work: Callable[[list[Any]], list[Any]]
    asked: Any = None
    size: int = 1
    key: str | None = None


class Desk:
    """One worker, and a queue before it: torch gains nothing from several, and what one draws would disturb another's.

    Those that wait and can be done as one are, as a batch of latents takes hardly longer than one. A request is at work
    for seconds at most, as texts and batches are limited; one that waits longer than its time is left out.
    """

    def __init__(self, waiting: int = WAITING, seconds: float = SECONDS) -> None:
        self._most, self._seconds = waiting, seconds
        self._open = 0
        self._queue: list[tuple[Job, Future[Any]]] = []
        self._lock = threading.Lock()
        self._worker: ThreadPoolExecutor | None = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While it is open; on leaving what is at work is finished, and what waits is dropped."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="textvae-explore")
        try:
            yield
        finally:
            self._worker.shutdown(wait=True, cancel_futures=True)

    async def run(self, job: Job) -> Any:
        """The job's answer, once it had its turn.

        Raises:
            Failure: 503, as the queue is full or the time is up.
        """
        if self._open >= self._most:
            raise Failure(503, "busy", f"{self._most} requests are waiting already: try again in a moment.")
        assert self._worker is not None
        self._open += 1
        try:
            answer: Future[Any] = Future()
            with self._lock:
                self._queue.append((job, answer))
            self._worker.submit(self._take_turn)
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(answer)
        except TimeoutError as error:
            raise Failure(
                503, "late", f"No answer within {self._seconds:g} seconds: ask for less."
            ) from error
        finally:
            self._open -= 1

    def _take_turn(self) -> None:
        """Does the first job that waits, with those that can be done as one with it; in the worker's thread."""
        with self._lock:
            waiting = [entry for entry in self._queue if not entry[1].cancelled()]
            turn = _together(waiting)
            taken = {id(answer) for _, answer in turn}
            self._queue = [entry for entry in waiting if id(entry[1]) not in taken]
        turn = [(job, answer) for job, answer in turn if answer.set_running_or_notify_cancel()]
        if not turn:
            return  # an earlier turn has done it
        jobs = [job for job, _ in turn]
        try:
            answers = jobs[0].work([job.asked for job in jobs])
        except Exception as error:
            # where one of several can't be done, the others can
            answers = [error] if len(jobs) == 1 else [_alone(job) for job in jobs]
        for (_, answer), found in zip(turn, answers, strict=True):
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)


def _together(queue: list[tuple[Job, Future[Any]]]) -> list[tuple[Job, Future[Any]]]:
    """The first of a queue, and those of the same key that make up a batch with it."""
    turn, size = queue[:1], sum(job.size for job, _ in queue[:1])
    for entry in queue[1:]:
        job = entry[0]
        if job.key is not None and job.key == turn[0][0].key and size + job.size <= BATCH:
            turn.append(entry)
            size += job.size
    return turn


def _alone(job: Job) -> Any:
    try:
        return job.work([job.asked])[0]
    except Exception as error:
        return error
