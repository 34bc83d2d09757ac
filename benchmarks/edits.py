"""How well texts are rewritten toward the other sentiment: what is reached, what is kept, how fluent it is.

    python benchmarks/edits.py DATA NAME=MODEL [NAME=MODEL …] [--texts 500] [--labels 10000] [--json] > FILE
    python benchmarks/edit_curves.py FILE.json … -o PICTURE.svg

DATA is the folder of short_yelp. Directions are learned from its 10,000 labelled texts, or the first of them. Texts of
the test file are rewritten toward the label that they don't have, along a curve of strengths in standard deviations, in
two ways: `latent` writes the moved latent and no more, `edit` is what `textvae edit` does at this strength, with its
best candidate. The last row of a model is `edit` with its usual strengths at once.

Judges that no VAE has a part in, trained on the training file: of the sentiment a logistic regression on TF-IDF and, on
the first 30,000 texts, a CNN; of fluency a trigram model. Content is BLEU against the text itself.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from classifiers import Classifier, Labelled, Tuning, read
from command import measure, parser, say
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from textvae import TextVAE
from textvae.latent.directions import interval
from textvae.metrics.ngram import Trigrams
from textvae.metrics.text_quality import corpus_bleu
from textvae.text.tokenize import Tokenizer

_TRAIN = "short_yelp.train_rebuilt_100k.txt.gz"
_LATENT, _EDIT = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0), (1.5, 3.0, 5.0)  # strengths of the two curves
_JUDGED, _EPOCHS = 30_000, 2  # texts that the CNN learns from, and how often
_VALIDATION = 2_000


class Judges:
    """What says of rewritten texts how good they are."""

    def __init__(self, data: Path, seed: int):
        train, test = read(data / _TRAIN), read(data / "short_yelp.test.txt")
        validation = read(data / "short_yelp.valid.txt").first(_VALIDATION)
        self.linear = make_pipeline(
            TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True),
            LogisticRegression(C=10, max_iter=1000),
        ).fit(train.texts, train.labels)
        self.cnn = Classifier("cnn", train.first(_JUDGED), validation, Tuning(1e-3, 0.5), seed, _EPOCHS)
        self.tokenizer = Tokenizer.train(train.texts, "word", 10_000)
        self.trigrams = Trigrams(self.tokenizer.encode(train.texts), self.tokenizer.vocab_size)
        self.accuracy = {
            "linear": float(self.linear.score(test.texts, test.labels)),
            "cnn": self.cnn.accuracy(test),
        }

    def figures(self, written: Sequence[str], sources: Labelled) -> dict[str, float]:
        """Of texts that should have the label their sources don't have."""
        wanted = 1 - sources.labels
        by_linear = self.linear.predict(written) == wanted
        by_cnn = (self.cnn.positive(written) > 0.5) == wanted
        low, high = interval(by_cnn)
        return {
            "reached_cnn": float(by_cnn.mean()),
            "low": low,
            "high": high,
            "reached_linear": float(by_linear.mean()),
            "bleu": corpus_bleu(written, sources.texts),
            "perplexity": self.perplexity(written),
        }

    def perplexity(self, texts: Sequence[str]) -> float:
        """A token, of the trigram model."""
        ids = self.tokenizer.encode(texts)
        return math.exp(-float(self.trigrams.log_prob(ids).sum()) / sum(len(text) - 1 for text in ids))


def rewritten(vae: TextVAE, sources: Labelled, **options: Any) -> list[str]:
    """The best candidate of each text, toward the label that it does not have."""
    written = [""] * len(sources)
    for label in (0, 1):
        places = np.flatnonzero(sources.labels != label)
        texts = [sources.texts[i] for i in places]
        found = vae.edit(texts, f"sentiment={label}", candidates=1, **options)
        for place, (best,) in zip(places, found, strict=True):
            written[place] = best.text
    return written


def curve(vae: TextVAE, sources: Labelled, judges: Judges) -> list[dict[str, Any]]:
    """A row for each way to rewrite and each strength."""
    alone = {"release": 0, "keep": 0.0}
    ways = [("latent", strength, {"strength": strength, **alone}) for strength in _LATENT]
    ways += [("edit", strength, {"strength": strength}) for strength in _EDIT]
    ways += [("edit", "all", {})]
    return [
        {"way": way, "strength": strength, **judges.figures(rewritten(vae, sources, **options), sources)}
        for way, strength, options in ways
    ]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The curves of all models, and the judges."""
    labelled = read(options.data / "short_yelp.train.10000.txt").first(options.labels)
    test = read(options.data / "short_yelp.test.txt")
    sources = test.at(np.random.default_rng(options.seed).choice(len(test), options.texts, replace=False))
    judges = Judges(options.data, options.seed)
    found = {"judges": {**judges.accuracy, "perplexity": judges.perplexity(sources.texts)}, "models": {}}
    say(options, f"judges: {found['judges']}")
    for pair in options.models:
        name, _, folder = pair.partition("=")
        vae = TextVAE.from_pretrained(folder)
        vae.directions(labelled.texts, labelled.labels, name="sentiment", seed=options.seed)
        probe = vae.directions_["sentiment=1"].evidence["probe"]
        found["models"][name] = {"probe": probe, "rows": curve(vae, sources, judges)}
        say(options, table(name, found["models"][name]))
    return found


def table(name: str, measured: dict[str, Any]) -> str:
    """The curves of one model as Markdown."""
    lines = [
        f"\n{name}: its probe is right on {measured['probe']['accuracy']:.1%} of unseen texts\n",
        "| way | strength | reached (CNN) | reached (TF-IDF) | BLEU | perplexity |",
        "|---|---|---|---|---|---|",
    ]
    for row in measured["rows"]:
        strength = row["strength"] if row["strength"] == "all" else f"{row['strength']:g}"
        reached = f"{row['reached_cnn']:.1%} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
        lines.append(
            f"| {row['way']} | {strength} | {reached} | {row['reached_linear']:.1%} "
            f"| {row['bleu']:.1f} | {row['perplexity']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    options = parser(__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("models", nargs="+", metavar="NAME=MODEL")
    options.add_argument("--texts", type=int, default=500)
    options.add_argument("--labels", type=int, default=10_000, help="texts that directions are learned from")
    options.add_argument("--seed", type=int, default=0)
    measure(options.parse_args(), run)


if __name__ == "__main__":
    main()
