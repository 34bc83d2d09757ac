"""The cases that need processes of their own: the start, loading a million lines, peak memory.

    python benchmarks/process_cases.py load FILE
    python benchmarks/process_cases.py memory {reference,textvae} VOCABULARY DEVICE

are these processes; each prints a line of JSON.
"""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from contest import Result

_MIB = 2**20
_MEMORY_STEPS = 12
_FLOAT_BYTES = 4


def start(rounds: int) -> Result:
    """CPU seconds, the process's own and the system's for it, with those of Python itself beside them."""
    commands = {
        "python -c pass": ("-c", "pass"),
        "import textvae": ("-c", "import textvae"),
        "textvae --help": ("-m", "textvae", "--help"),
    }
    figures: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            before = _children_seconds()
            _run(*command)
            if turn > 0:  # the first time, files come from the disk
                figures[name].append(_children_seconds() - before)
    return Result("start", "CPU seconds", figures, compared=False)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def load(lines: int, source: str | None) -> Result:
    """What `textvae train` does with a file before it trains, and encoding alone: lines a second and peak memory.

    Without a ``source`` file there are so many lines of the built-in corpus ``docstrings``, over and over.
    """
    with TemporaryDirectory() as folder:
        path = Path(source) if source else _write_lines(Path(folder) / "lines.txt", lines)
        found = json.loads(_run(__file__, "load", str(path)))
        size = path.stat().st_size
    figures = {
        "reading, splitting, learning the words, encoding": [found["lines"] / found["seconds"]],
        "encoding alone": [found["encoded"] / found["encoding_seconds"]],
    }
    facts = {
        "lines": found["lines"],
        "MiB of text": size / _MIB,
        "peak MiB": found["peak"] / _MIB,
        "peak MiB above the start": (found["peak"] - found["start"]) / _MIB,
    }
    return Result("load", "lines/s", figures, facts=facts, compared=False)


def memory(small: int, large: int, device: str) -> list[Result]:
    """Peak memory of training at two vocabularies, on either side."""
    return [_memory(side, small, large, device) for side in ("reference", "textvae")]


def _memory(side: str, small: int, large: int, device: str) -> Result:
    """Peak at both, and their ratio without what the larger vocabulary has to cost.

    That is everything whose first dimension is V (embeddings, output matrix, output bias), in float32, once each
    for the weights, their gradients and the optimiser's moments (Adam two, SGD none): the *growth*. Copies that
    training makes on top of these, such as logits or the best weights so far, count against it. On the CPU the
    peak is that of the whole process; 'above the start' leaves out what Python, the libraries and the texts held
    before the model was made. On a GPU it is what tensors held at most.
    """
    found = [json.loads(_run(__file__, "memory", side, str(vocab), device)) for vocab in (small, large)]
    peaks = [one["peak"] for one in found]
    growth = found[1]["vocabulary"] - found[0]["vocabulary"]
    above = [one["peak"] - one["start"] for one in found]
    facts = {
        "growth of the vocabulary's weights, gradients and moments, MiB": growth / _MIB,
        "ratio": peaks[1] / peaks[0],
        "ratio without the growth": (peaks[1] - growth) / peaks[0],
        "ratio without the growth, above the start": (above[1] - growth) / above[0],
    }
    figures = {f"{side}, V = {v:,}": [peak / _MIB] for v, peak in zip((small, large), peaks, strict=True)}
    return Result(f"memory, {side}", "peak MiB", figures, facts=facts)


def _run(*command: str) -> str:
    """What Python prints when run with ``command``."""
    return subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, text=True, check=True).stdout


def _write_lines(path: Path, lines: int) -> Path:
    from textvae.text.read import load_corpus

    texts = itertools.cycle(load_corpus("docstrings").texts)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{text}\n" for text in itertools.islice(texts, lines))
    return path


def _peak() -> int:
    """Most bytes that this process has had in memory."""
    status = Path("/proc/self/status")
    if status.exists():
        # not ru_maxrss: on Linux that starts at what the parent process had when it started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def loaded(path: str) -> dict[str, Any]:
    """What the process `load` prints."""
    from textvae.config import Config
    from textvae.estimators.material import prepare
    from textvae.text.read import load_corpus, read_chunks

    start, started = _peak(), time.perf_counter()
    with TemporaryDirectory() as folder:
        material = prepare(read_chunks(path), None, Config(), Path(folder))
        seconds, peak = time.perf_counter() - started, _peak()
    texts = load_corpus(path).texts
    started = time.perf_counter()
    encoded = len(material.tokenizer.encode(texts))
    return {
        "lines": material.facts["n_texts"],
        "seconds": seconds,
        "start": start,
        "peak": peak,
        "encoded": encoded,
        "encoding_seconds": time.perf_counter() - started,
    }


def trained(side: str, vocab: int, device_name: str) -> dict[str, Any]:
    """What the process `memory` prints."""
    import torch
    from reference import ReferenceVAE, Sizes
    from texts import zipf
    from training import configuration, new_model, on_device, shuffled, train_reference, train_textvae

    device = torch.device(device_name)
    texts = zipf(vocab, 5000)
    sizes = Sizes(texts.vocab_size)
    start = _peak()
    if side == "reference":
        batches = on_device(texts.train, shuffled(texts.train.lengths, 0)[:_MEMORY_STEPS], device)
        model, copies = ReferenceVAE(sizes).to(device), 2
        train_reference(model, batches, 0, device)
    else:
        config = configuration(sizes, steps=_MEMORY_STEPS, validations=1)
        model, copies = new_model(config, texts), 4
        train_textvae(model, config, texts, device, validate_on=len(texts.validation))
    numbers = sum(p.numel() for p in model.parameters() if len(p) == sizes.vocab)
    if device.type == "cuda":
        start, peak = 0, torch.cuda.max_memory_allocated(device)
    else:
        peak = _peak()
    return {"vocabulary": numbers * copies * _FLOAT_BYTES, "start": start, "peak": peak}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["load", path]:
            print(json.dumps(loaded(path)))
        case ["memory", side, vocab, device]:
            print(json.dumps(trained(side, int(vocab), device)))
        case _:
            sys.exit(__doc__)
