"""How fast textvae is beside plain PyTorch in the manner of research code, in one run and by turns.

    python benchmarks/speed.py                                   # all but quality, on texts drawn by Zipf's law
    python benchmarks/speed.py --cases train,likelihood --data ptb.train.txt.gz --rounds 9 --json speed.json
    python benchmarks/speed.py --cases quality --data ptb.train.txt.gz --validation ptb.valid.txt --epochs 3

The reference is `reference.py`; both sides have the same model, weights and texts. A case prints the median of its
rounds with the least and the greatest, how many times the reference's the figure is (median, least and greatest of
the ratios round by round), and the share of the machine's peak: the operations that the model needs
(`flops.Flops`) over those that a product of square matrices reached in the same run and number format.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from shutil import which
from typing import Any

import model_cases
import process_cases
import torch
from contest import Result, show
from model_cases import Setting
from quality import quality
from rich.console import Console
from texts import ZIPF, prepare
from topic_cases import topic_epoch

from textvae.config import TrainConfig
from textvae.device import resolve_device

_BY_TURNS = {
    "train": model_cases.training,
    "likelihood": model_cases.likelihood,
    "encode": model_cases.encoding,
    "sample": model_cases.sampling,
}
_CASES = (*_BY_TURNS, "topics", "start", "load", "memory", "quality")
_LARGER_VOCABULARY = 5  # times the other, in the case of memory


def main() -> None:
    """Runs the cases, prints the table, writes the file."""
    options = _parse()
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)  # for the processes of some cases
        torch.set_num_threads(options.threads)
    device = resolve_device(options.device)

    @cache
    def setting(source: str) -> Setting:
        return Setting(
            texts=prepare(source, options.vocab, options.validation if options.data else None),
            device=device,
            rounds=options.rounds,
            scale=options.scale,
            batch_tokens=options.batch_tokens,
            precision=options.precision,
        )

    def run(case: str) -> list[Result]:
        match case:
            case "topics":
                return [topic_epoch(device, options.rounds, options.scale)]
            case "start":
                return [process_cases.start(options.rounds)]
            case "load":
                return [process_cases.load(options.lines, options.data)]
            case "memory":
                return process_cases.memory(options.vocab, _LARGER_VOCABULARY * options.vocab, device.type)
            case "quality":
                return quality(setting(options.data or "docstrings"), options.epochs)
            case _:
                return [_BY_TURNS[case](setting(options.data or ZIPF))]

    report: dict[str, Any] = {
        "machine": machine(device),
        "options": vars(options),
        "load_before": os.getloadavg(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    results: list[Result] = []
    for case in options.cases:
        results += run(case)
        peaks = setting(options.data or ZIPF).peaks if case in _BY_TURNS else report.get("peaks")
        report |= {"peaks": peaks, "load_after": os.getloadavg(), "results": [r.as_dict() for r in results]}
        if options.json:  # after every case: a run that is cut short leaves what it has
            options.json.write_text(json.dumps(report, indent=1, default=str) + "\n", encoding="utf-8")

    console = Console(width=150)
    show(results, console)
    for name, value in report["machine"].items():
        console.print(f"{name}: {value}")
    for name, value in (report["peaks"] or {}).items():
        console.print(f"peak of matrix products, {name}: {value / 1e12:,.3g} Tflop/s")
    console.print(
        f"load of the machine before and after: {report['load_before'][0]:.1f}, {report['load_after'][0]:.1f}"
    )


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures depend on."""
    found = {name: version(name) for name in ("textvae", "torch", "numpy", "tokenizers")}
    found |= {"python": platform.python_version(), "device": device.type, "cores": str(os.cpu_count())}
    if device.type == "cpu":
        processor = torch.cpu.get_capabilities().get("cpu_name") or platform.processor()
        return {**found, "name": processor, "threads": torch.get_num_threads()}
    asked = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    driver = (
        subprocess.run(asked, stdout=subprocess.PIPE, text=True).stdout.split() if which(asked[0]) else []
    )
    name = torch.cuda.get_device_name(device)
    return {**found, "name": name, "driver": "".join(driver[:1]), "cuda": torch.version.cuda}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases", type=_cases, default=_CASES[:-1], help=f"of {','.join(_CASES)}; without: all but quality"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="work in a round; about 20 on a GPU")
    parser.add_argument(
        "--data", help="a file or a built-in corpus; without: drawn texts (quality, load: docstrings)"
    )
    parser.add_argument("--validation", help="a file; without: a twentieth of the texts")
    parser.add_argument("--vocab", type=int, default=10_000, help="ordinary words at most")
    parser.add_argument(
        "--batch-tokens", type=int, default=TrainConfig().batch_tokens, help="textvae's own batches"
    )
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto", help="textvae's")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the case load")
    parser.add_argument("--epochs", type=int, default=3, help="of the case quality")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    return parser.parse_args()


def _cases(text: str) -> list[str]:
    asked = text.split(",")
    if unknown := set(asked) - set(_CASES):
        raise argparse.ArgumentTypeError(f"there is no case {', '.join(sorted(unknown))}")
    return asked


if __name__ == "__main__":
    main()
