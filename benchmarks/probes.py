"""What a linear model reads off latents, beside what it reads off words, LSA and an encoder that was never trained.

    python benchmarks/probes.py DATA --sets sst2,trec,subj,ud --presets default,zhu2020 --seeds 2 --json probes.jsonl
    python benchmarks/probes.py DATA --sets subj --sentence-model MINILM    # with a column of its vectors
    python benchmarks/probes.py DATA --sets sst2 --target-kl 2,5,8,12       # rate against what is read

DATA holds `sentence_classification` (a label and a text a line, SUBJ in one file of which a tenth is held out) and
`ud_ewt_probing` (.tsv). Encoders, words and LSA see the training texts alone, without labels; the probe is fitted on
these texts and predicts the test texts. LSA has as many dimensions as z. MINILM is the folder of a model that
sentence-transformers, which this option needs, can load: it was trained on a billion pairs of other texts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from preset_runs import add_options, all_runs
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from textvae import TextVAE, load_corpus
from textvae.estimators.strings import encode_strings
from textvae.metrics.probes import probe
from textvae.model import build

_HELD_OUT = 10  # one text in so many of a set without a test file
_NUMBERS = ("length", "tree_depth")
UD = (
    "genre",
    "tense",
    "subj_number",
    "obj_number",
    "negation",
    "question",
    "passive",
    "root_pos",
    *_NUMBERS,
)


@dataclass(frozen=True)
class Task:
    """Texts, which of them are held out (N,), and the labels (N,) that there are to read."""

    texts: list[str]
    held_out: np.ndarray
    labels: dict[str, np.ndarray]

    @property
    def train(self) -> list[str]:
        """Those fitted on."""
        return [text for text, held in zip(self.texts, self.held_out, strict=True) if not held]


def main() -> None:
    """Runs the sets, prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", default=",".join(TASKS))
    add_options(parser, seeds=1, latent_dim=32)
    parser.add_argument("--sentence-model", type=Path, help="folder of a sentence-transformers model")
    parser.add_argument("--json", type=Path, help="file of all figures, one line a probe")
    options = parser.parse_args()
    rows = []
    for name in options.sets.split(","):
        task = TASKS[name](options.data)
        for features, seed, matrix in representations(task, options):
            for label, values in task.labels.items():
                found = probe(matrix, values, held_out=task.held_out, seed=seed)
                rows.append(
                    {"set": name, "label": label, "features": features, "seed": seed, **asdict(found)}
                )
                print(json.dumps(rows[-1]), flush=True)
            if options.json:
                options.json.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(table(rows))


# ------------------------------------------------------------------ sets


def _labelled(path: Path) -> tuple[list[str], list[str]]:
    text = path.read_text(encoding="utf-8").rstrip("\n")
    lines = text.split("\n")  # not splitlines: SUBJ's texts have \x85 in them
    labels, texts = zip(*(line.strip().split(" ", 1) for line in lines), strict=True)
    return list(texts), list(labels)


def _with_test(name: str) -> Callable[[Path], Task]:
    def load(data: Path) -> Task:
        folder = data / "sentence_classification"
        train, test = (_labelled(folder / f"{name}.{part}.txt") for part in ("train", "test"))
        held_out = np.arange(len(train[0]) + len(test[0])) >= len(train[0])
        return Task(train[0] + test[0], held_out, {name: np.array(train[1] + test[1])})

    return load


def _subj(data: Path) -> Task:
    texts, labels = _labelled(data / "sentence_classification" / "subj.all.txt")
    return Task(texts, np.arange(len(texts)) % _HELD_OUT == 0, {"subj": np.array(labels)})


def _ud(data: Path) -> Task:
    train, test = (
        load_corpus(data / "ud_ewt_probing" / f"{part}.tsv", text_column="sentence", label_column=UD)
        for part in ("train", "test")
    )
    labels = {}
    for name in UD:
        both = [part.labels[name] for part in (train, test)]
        labels[name] = np.concatenate([b.astype(float if name in _NUMBERS else str) for b in both])
    held_out = np.arange(len(train) + len(test)) >= len(train)
    return Task(train.texts + test.texts, held_out, labels)


TASKS: dict[str, Callable[[Path], Task]] = {
    "sst2": _with_test("sst2"),
    "trec": _with_test("trec"),
    "subj": _subj,
    "ud": _ud,
}


# ------------------------------------------------------------------ features


def representations(task: Task, options: argparse.Namespace) -> Iterator[tuple[str, int, Any]]:
    """A name, the seed and the features (N, D) of every text."""
    words = TfidfVectorizer(token_pattern=r"\S+", min_df=2, sublinear_tf=True).fit(task.train)
    counts = words.transform(task.texts)
    yield "words (TF-IDF)", 0, counts
    lsa = TruncatedSVD(options.latent_dim, random_state=0).fit(words.transform(task.train))
    yield f"LSA, {options.latent_dim}", 0, _unit_scale(lsa.transform(counts))
    if options.sentence_model:
        vectors = _sentence_vectors(options.sentence_model, task.texts)
        yield f"sentence model, {vectors.shape[1]}", 0, _unit_scale(vectors)
    for number, run in enumerate(all_runs(options)):
        vae = run.train(options, task.train)
        if number < options.seeds:  # of the first preset alone
            yield f"{run.preset}, untrained", run.seed, _unit_scale(_untrained(vae, task.texts, run.seed))
        name = run.preset if run.target_kl is None else f"{run.preset}, KL {run.target_kl:g}"
        yield name, run.seed, vae.encode(task.texts)


def _unit_scale(features: np.ndarray) -> np.ndarray:
    """Divided by one number, so that the columns' variance is 1 on average: the scale of latents."""
    return features / np.sqrt(features.var(0).mean())


def _sentence_vectors(folder: Path, texts: list[str]) -> np.ndarray:
    from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]

    return SentenceTransformer(str(folder), device="cpu").encode(texts)


def _untrained(vae: TextVAE, texts: list[str], seed: int) -> np.ndarray:
    torch.manual_seed(seed)
    counts = torch.as_tensor(vae.tokenizer_.frequencies)
    model = build(vae.config_, vae.tokenizer_.vocab_size, counts)
    return encode_strings(model, vae.tokenizer_, texts)


def table(rows: list[Mapping[str, Any]]) -> str:
    """Markdown: a line for each label, a column for each kind of features.

    Of several seeds the mean, with ± the standard deviation over them; of one, ± the standard error over the texts.
    """
    kinds = list(dict.fromkeys(row["features"] for row in rows))
    labels = list(dict.fromkeys((row["set"], row["label"]) for row in rows))
    lines = ["| " + " | ".join(["set", "label", "without", *kinds]) + " |", "|" + "---|" * (len(kinds) + 3)]
    for group, label in labels:
        own = [row for row in rows if (row["set"], row["label"]) == (group, label)]
        cells = [group, f"{label} ({own[0]['measure']})", f"{own[0]['baseline']:.3f}"]
        for kind in kinds:
            found = [row for row in own if row["features"] == kind]
            scores = [row["score"] for row in found]
            error = stdev(scores) if len(scores) > 1 else found[0]["stderr"]
            cells.append(f"{mean(scores):.3f} ± {error:.3f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
