"""Runs a function in several processes that can talk, and what the tests have them do."""

import functools
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from test_training import planted, trainer
from textvae.config import Config
from textvae.errors import TextVAEError
from textvae.estimators import TextVAE
from textvae.processes import Processes, mean_over_batch
from textvae.text.batch import Dataset
from textvae.train.loop import Trainer


@dataclass
class Ended:
    """How a process ended: its exit code, and what the function gave or the error it raised."""

    code: int
    value: Any


def in_processes(work: Callable[..., Any], *args: Any, count: int = 2) -> list[Ended]:
    """``work(*args)`` in each of so many processes, with what ``torchrun`` would tell them."""
    context = multiprocessing.get_context("forkserver")  # which imports torch once, not once a process
    context.set_forkserver_preload(
        ["pytest", "rich.console", "textvae.train.loop", "textvae.estimators.text_vae"]
    )
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(count):
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_one, args=(rank, count, port, sending, work, args))
        process.start()
        sending.close()
        started.append((process, receiving))
    ended = []
    for process, receiving in started:
        process.join(600)
        assert process.exitcode is not None, "a process hangs"
        ended.append(Ended(process.exitcode, receiving.recv() if process.exitcode >= 0 else None))
    return ended


def _one(rank: int, count: int, port: int, results: Any, work: Callable[..., Any], args: Any) -> None:
    told = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": count,
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": port,
    }
    os.environ.update({name: str(value) for name, value in told.items()})
    torch.set_num_threads(1)
    try:
        results.send(work(*args))
    except TextVAEError as error:
        results.send(str(error))
        raise SystemExit(1) from None


def noiseless(config: Config, folder: Path, **options: Any) -> Trainer:
    """A training whose z are the posterior's means, so that it is the same with any number of processes."""
    run = trainer(config, folder, train=uneven(), **options)
    run.model.forward = functools.partial(run.model.forward, noise=False)  # pyright: ignore
    return run


def uneven() -> Dataset:
    """Texts of two lengths, some so long that a batch holds one of them alone, less than there are processes."""
    texts = planted(300, 0)[0]
    rng = np.random.default_rng(0)
    long = [np.array([1, *rng.integers(4, 30, 250), 2], dtype=np.int32) for _ in range(4)]
    return Dataset([*(texts[i] for i in range(len(texts))), *long])


def train(config: Config, folder: Path, resume: bool = False) -> dict[str, Any]:
    """A noiseless training."""
    run = noiseless(config, folder)
    outcome = run.run(resume)
    return {
        "reason": outcome.reason,
        "step": outcome.step,
        "tokens": outcome.tokens,
        "weights": fingerprint(run),
    }


def train_until(step: int, number: signal.Signals, config: Config, folder: Path) -> dict[str, Any]:
    """The same, but that the second process gets a signal in this step."""
    run = noiseless(config, folder)
    forward = run.model.forward

    def interrupted(*args: Any, **options: Any) -> Any:
        if run.at.step == step and run.processes.index == 1:
            os.kill(os.getpid(), number)
        return forward(*args, **options)

    run.model.forward = interrupted
    outcome = run.run()
    return {"reason": outcome.reason, "step": outcome.step}


def fingerprint(run: Trainer) -> float:
    """Of the weights."""
    return float(sum(p.detach().double().abs().sum() for p in run.model.parameters()))


def exchange() -> dict[str, Any]:
    """What the processes tell each other."""
    processes = Processes(torch.device("cpu"))
    rank = processes.index
    own = np.arange(5)[1:] if rank else np.arange(5)[:1]
    rows = processes.gather_rows(np.stack([own, own**2], 1).astype(np.float32)[::-1], own[::-1], 5)
    none = processes.gather_rows(np.array([f"{rank}"] * 3 * rank, "U5"), np.arange(3 * rank), 3)

    kept, left, mine = (torch.nn.Parameter(torch.ones(2)) for _ in range(3))
    values = torch.tensor([1.0, 2.0, 6.0])[:1] if rank else torch.tensor([2.0, 6.0])
    share = len(values) / 3
    mean = mean_over_batch(values[:, None] * kept)
    ((values[:, None] * kept - mean) ** 3).mean().mul(share).backward()
    if rank:
        mine.sum().backward()
    processes.sum_gradients([kept, left, mine])
    return {
        "rows": rows,
        "words": none,
        "mean": mean.tolist(),
        "gradients": [None if p.grad is None else p.grad.tolist() for p in (kept, left, mine)],
        "agreed": processes.agree(0.1 * (rank + 1), rank == 1),
    }


def fit(folder: Path, texts: list[list[str]]) -> bool:
    """A short training on the texts of this rank."""
    vae = TextVAE(steps=3, device="cpu", latent_dim=2)
    vae.fit(texts[int(os.environ["RANK"])], output=folder)
    return True
