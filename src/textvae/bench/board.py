"""Entries side by side: which are to run, what they gave, and the table of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from textvae.bench.entry import Asked, is_of, measured
from textvae.bench.picture import PICTURE
from textvae.bench.sets import BenchmarkSet
from textvae.errors import TextVAEError
from textvae.presets import load_preset
from textvae.store import read_json, write_atomically, write_json

Entry = dict[str, Any]  # {"asked": …, "figures": …} or {"asked": …, "failed": "why"}


def run(
    asked: Iterable[Asked],
    benchmark: BenchmarkSet,
    folder: Path,
    output: Path,
    *,
    say: Callable[[str], object],
) -> list[Entry]:
    """Runs what has not run yet, one at a time, and keeps every entry in ``output``/entries as soon as it is there.

    An entry that fails is kept with the reason, and run again the next time.
    """
    entries: list[Entry] = []
    for each in asked:
        file = output / "entries" / f"{each.name}.json"
        before = read_json(file) if file.exists() else {}
        if is_of(before, each):
            say(f"{each.name}: measured before, see {file}")
            entries.append(before)
            continue
        say(f"{each.name} …")
        entry: Entry = {"asked": each.model_dump(mode="json")}
        try:
            entry["figures"] = measured(each, benchmark, folder)
        except TextVAEError as error:
            entry["failed"] = str(error)
            say(f"{each.name} failed: {error}")
        write_json(file, entry)
        entries.append(entry)
    return entries


def write_board(
    entries: Sequence[Entry], benchmark: BenchmarkSet, output: Path, command: str
) -> tuple[Path, Path]:
    """``leaderboard.md`` and ``leaderboard.json`` in ``output``."""
    page, data = output / "leaderboard.md", output / "leaderboard.json"
    write_atomically(page, markdown(entries, benchmark, command).encode())
    write_json(data, {"set": benchmark.model_dump(mode="json"), "command": command, "entries": list(entries)})
    return page, data


def markdown(entries: Sequence[Entry], benchmark: BenchmarkSet, command: str) -> str:
    """The table, best NLL first, with what its columns mean, the published figures, and what failed."""
    groups = _by_recipe(entry for entry in entries if "figures" in entry)
    rows = sorted((_row(*group) for group in groups.items()), key=lambda row: row[0])
    some = next(iter(groups.values()), [{}])[0]
    lines = [
        f"# {benchmark.title}",
        "",
        *([benchmark.note, ""] if benchmark.note else []),
        f"    {command}",
        "",
        "| " + " | ".join(_HEADINGS) + " |",
        "|" + "---|" * len(_HEADINGS),
        *("| " + " | ".join(cells) + " |" for _, cells in rows),
        *([_real_row(some)] if some else []),
        "",
        *_legend(groups),
        *(["", f"![Rate against distortion]({PICTURE})"] if groups else []),
    ]
    lines += _beside_published(groups, benchmark.published)
    failed = [entry for entry in entries if "failed" in entry]
    if failed:
        lines += ["", "## Failed", ""]
        lines += [f"- {Asked(**entry['asked']).name}: {entry['failed']}" for entry in failed]
    return "\n".join(lines) + "\n"


_HEADINGS = (
    *("preset", "NLL", "perplexity", "-ELBO", "KL", "MI", "active", "bits/byte", "BLEU"),
    *("forward", "reverse", "self-BLEU", "copied", "million weights", "epochs", "seconds", "MiB", "seeds"),
)


def _by_recipe(entries: Iterable[Entry]) -> dict[str, list[dict[str, Any]]]:
    """Figures of all seeds, by preset and target rate."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        asked = Asked(**entry["asked"])
        rate = "" if asked.target_kl is None else f", KL {asked.target_kl:g}"
        groups[asked.preset + rate].append(entry["figures"])
    return groups


def _row(name: str, figures: list[dict[str, Any]]) -> tuple[float, list[str]]:
    def mean(key: str, digits: int) -> str:
        values = [f["samples"][key] if key in f["samples"] else f[key] for f in figures]
        if any(value is None for value in values):
            return "–"
        half = (max(values) - min(values)) / 2
        spread = f" ± {half:.{digits}f}" if len(values) > 1 else ""
        return f"{fmean(values):z.{digits}f}{spread}"

    nll = fmean(f["nll"] for f in figures)
    among = f" ± {figures[0]['nll_stderr']:.2f}" if len(figures) == 1 else ""
    cells = [
        name,
        mean("nll", 2) + among,
        mean("ppl", 1),
        f"{-fmean(f['elbo'] for f in figures):.2f}",
        *(mean(key, 2) for key in ("kl", "mi")),
        f"{mean('active_units', 0)} of {figures[0]['latent_dim']}",
        mean("bits_per_byte", 3),
        mean("bleu", 1),
        *(mean(key, 1) for key in ("forward_ppl", "reverse_ppl", "self_bleu")),
        f"{fmean(f['samples']['copied'] for f in figures):.1%}",
        f"{figures[0]['parameters'] / 1e6:.1f}",
        *(mean(key, digits) for key, digits in (("epochs", 1), ("seconds", 0), ("peak_mib", 0))),
        str(len(figures)),
    ]
    return nll, cells


def _real_row(figures: dict[str, Any]) -> str:
    """What real texts would get as samples."""
    samples = figures["samples"]
    cells = [f"{samples[f'real_{key}']:.1f}" for key in ("forward_ppl", "reverse_ppl", "self_bleu")]
    cells.append(f"{samples['real_copied']:.1%}")
    before = _HEADINGS.index("forward") - 1
    after = len(_HEADINGS) - 1 - before - len(cells)
    return "| *real texts* |" + " – |" * before + " " + " | ".join(cells) + " |" + " – |" * after


def _beside_published(groups: Mapping[str, Sequence[Entry]], published: Mapping[str, str]) -> list[str]:
    """Each published figure, ours of the preset named after the paper, and how that departs from it."""
    if not published:
        return []
    lines = ["", "## Beside published figures", ""]
    lines += ["NLL in nats per text / perplexity per token.", ""]
    lines += ["| preset | published | here | how the preset departs from its paper |", "|---|---|---|---|"]
    for preset, figures in published.items():
        here = "–"
        if preset in groups:
            here = " / ".join(f"{fmean(f[key] for f in groups[preset]):.1f}" for key in ("nll", "ppl"))
        lines.append(f"| {preset} | {figures} | {here} | {load_preset(preset).deviations} |")
    return lines


def _by_regression(figures: dict[str, Any]) -> str:
    """How the bound was come by where not all texts got all samples."""
    if figures["iw_texts"] == figures["n_texts"]:
        return ""
    return f" (what {figures['iw_texts']:,} evenly spaced texts gain from them, added to the mean of all with a few)"


def _legend(groups: dict[str, list[dict[str, Any]]]) -> list[str]:
    figures = [f for group in groups.values() for f in group]
    if not figures:
        return ["Nothing was measured."]
    f = figures[0]
    return [
        f"{f['n_texts']:,} test texts, {f['n_tokens']:,} counted tokens (words and end of text). NLL, -ELBO, KL and "
        f"MI in nats per text: NLL and perplexity by importance weighting with {f['iw_samples']} samples, an upper "
        f"bound{_by_regression(f)}; ± is the standard error over texts, or with several seeds half the distance "
        "between the best and the worst. BLEU of greedy "
        f"reconstructions. Forward: perplexity of {f['samples']['n_samples']:,} samples under trigrams of the training "
        "texts; reverse: of test texts under trigrams of the samples. Copied: samples that are training texts word for "
        "word. Seconds of training; MiB at the peak of training and measuring together."
    ]
