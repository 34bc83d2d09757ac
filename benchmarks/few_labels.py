"""What unlabelled texts are worth where labels are few: VAEs against classifiers of the labelled texts alone.

    python benchmarks/few_labels.py MODEL DATA [--sizes 100 1000] [--seeds 0 1 2] [--semi 40000] [--json]

MODEL is a VAE trained on the texts without labels, DATA the folder of short_yelp. Of each seed the labelled texts are
drawn anew from the 10,000, but for seed 0, whose are the first. All methods choose what there is to choose (the
regularisation of linear models, learning rate and dropout of networks, when to stop) on the same 1,000 validation
texts. The networks' grid is searched with the first seed's texts of each size. With --semi a VAE of preset kingma2014,
of a small size, learns from the labelled texts and so many of the training file without their labels, anew for each
seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
from classifiers import Classifier, Labelled, Tuning, read, tuned
from command import measure, parser, say
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from textvae import TextVAE

_TRAIN = "short_yelp.train_rebuilt_100k.txt.gz"
_VALIDATION, _TEST = 1_000, 10_000
_STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)  # C of a logistic regression
_SEMI_EPOCHS = 2
_SEMI = {  # a smaller model than the preset's, in fewer and longer steps
    "objective.free_bits": 8.0,
    "train.lr": 4e-3,
    "train.batch_tokens": 2000,
    "train.validations": 2,
    **{f"{part}.embedding": 128 for part in ("encoder", "decoder")},
    **{f"{part}.hidden": 192 for part in ("encoder", "decoder")},
}


def linear(
    train: Labelled, validation: Labelled, test: Labelled, features: Callable[[list[str]], Any]
) -> float:
    """Accuracy of a logistic regression on features, with the C that is best on the validation texts."""
    x, held = features(train.texts), features(validation.texts)
    fits = [LogisticRegression(C=c, max_iter=2000).fit(x, train.labels) for c in _STRENGTHS]
    best = max(fits, key=lambda fit: fit.score(held, validation.labels))
    return float(best.score(features(test.texts), test.labels))


def semi_supervised(
    train: Labelled, unlabelled: list[str], validation: Labelled, test: Labelled, seed: int
) -> float:
    """Accuracy of q(y|x) of a VAE that saw the labelled texts and others."""
    vae = TextVAE("kingma2014", epochs=_SEMI_EPOCHS, seed=seed, set=_SEMI)
    labels = [*train.labels.tolist(), *[None] * len(unlabelled)]
    vae.fit([*train.texts, *unlabelled], labels, validation=validation.texts)
    return float((vae.predict(test.texts).astype(int) == test.labels).mean())


class Latents:
    """z of texts, each encoded once."""

    def __init__(self, vae: TextVAE, *known: Labelled):
        texts = [text for some in known for text in some.texts]
        self._of = dict(zip(texts, vae.encode(texts), strict=True))

    def __call__(self, texts: list[str]) -> np.ndarray:
        return np.stack([self._of[text] for text in texts])


def words(train: Labelled) -> Callable[[list[str]], Any]:
    """TF-IDF of words and pairs of words in the labelled texts."""
    return (
        TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
        .fit(train.texts)
        .transform
    )


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each method and number of labels."""
    pool = read(options.data / "short_yelp.train.10000.txt")
    validation = read(options.data / "short_yelp.valid.txt").first(_VALIDATION)
    test = read(options.data / "short_yelp.test.txt").first(_TEST)
    latents = Latents(TextVAE.from_pretrained(options.model), pool, validation, test)
    unlabelled = read(options.data / _TRAIN).first(options.semi).texts if options.semi else []
    methods = ["vae features", "tf-idf", *options.networks, *(["semi-supervised vae"] if unlabelled else [])]
    rows = []
    for size in options.sizes:
        scores: dict[str, list[float]] = {name: [] for name in methods}
        chosen: dict[str, Tuning] = {}
        for seed in options.seeds:
            rng = np.random.default_rng(seed)
            places = np.arange(size) if seed == 0 else rng.choice(len(pool), size, replace=False)
            train = pool.at(places)
            scores["vae features"].append(linear(train, validation, test, latents))
            scores["tf-idf"].append(linear(train, validation, test, words(train)))
            for name in options.networks:
                if name in chosen:
                    network = Classifier(name, train, validation, chosen[name], seed)
                else:
                    network = tuned(name, train, validation, seed)
                    chosen[name] = network.tuning
                scores[name].append(network.accuracy(test))
            if unlabelled:
                scores["semi-supervised vae"].append(
                    semi_supervised(train, unlabelled, validation, test, seed)
                )
        for name, found in scores.items():
            rows.append({"labels": size, "method": name, **interval(found), "accuracies": found})
            spread = f"± {rows[-1]['half']:.1%}" if len(found) > 1 else "(one draw)"
            say(options, f"{size:>6} labels  {name:<20} {rows[-1]['mean']:.1%} {spread}")
    return rows


def interval(scores: list[float]) -> dict[str, float | None]:
    """Mean over seeds, and half of its 95% interval by Student's t, of two seeds at least."""
    n = len(scores)
    half = float(scipy.stats.t.ppf(0.975, n - 1) * np.std(scores, ddof=1) / n**0.5) if n > 1 else None
    return {"mean": float(np.mean(scores)), "half": half}


def main() -> None:
    """Measures and prints."""
    options = parser(__doc__)
    options.add_argument("model", type=Path)
    options.add_argument("data", type=Path)
    options.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 1_000, 10_000])
    options.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    options.add_argument(
        "--networks", nargs="*", default=["cnn", "lstm"], help="encoders; they take the time"
    )
    options.add_argument("--semi", type=int, default=0, help="unlabelled texts of a semi-supervised VAE")
    measure(options.parse_args(), run)


if __name__ == "__main__":
    main()
