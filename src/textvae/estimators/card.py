"""The model card: what a model is, how good it is, by which estimator, and how to load it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple

import jinja2

from textvae.config import Config

_ENDINGS = {
    "done": "it ran its length",
    "early": "the validation texts did no better any more",
    "interrupted": "it was interrupted, so the figures are those of an unfinished model",
}


class Figure(NamedTuple):
    """A figure as a reader wants it: its name, its value with its unit, and what it means in a line."""

    name: str
    value: str
    meaning: str


def figures(evaluation: Mapping[str, Any]) -> list[Figure]:
    """The figures of an evaluation in the order to read them; of a language model those that it has."""
    # None is no finite number, except where nothing was reconstructed
    optional = ("bleu", "exact_match")
    e = {k: math.nan if v is None and k not in optional else v for k, v in evaluation.items()}
    latent = evaluation.get("has_latent", True)  # not told by folders that are older than the figure
    nll = (
        f"surprise at a text, importance weighting with {e['iw_samples']} samples; lower is better"
        if latent
        else "surprise at a text, exact; lower is better"
    )
    rows = [Figure("NLL", f"{e['nll']:.2f} ± {e['nll_stderr']:.2f} nats per text", nll)]
    if latent:
        rows += [
            Figure("ELBO", f"{e['elbo']:.2f} nats per text", "a lower bound of -NLL: what training raises"),
            Figure(
                "reconstruction",
                f"{e['reconstruction']:.2f} nats per text",
                "surprise at a text once z is known",
            ),
            Figure("KL", f"{e['kl']:.2f} nats per text", "what z costs: how far q(z|x) lies from the prior"),
            Figure(
                "mutual information",
                f"{e['mi']:.2f} nats",
                "what z tells about its text; 0 is a collapsed model",
            ),
            Figure(
                "active units",
                f"{e['active_units']} of {e['latent_dim']}",
                "latent dimensions that vary by text",
            ),
        ]
    rows += [
        Figure("perplexity", f"{e['ppl']:.2f} per token", "exp of NLL per token, end of text included"),
        Figure("bits per byte", f"{e['bits_per_byte']:.3f}", "NLL by raw text: compares across tokenizers"),
        Figure("unknown tokens", f"{e['unk_rate']:.2%}", "share of tokens outside the vocabulary"),
    ]
    if latent and e.get("bleu") is not None:
        rows += [
            Figure("BLEU", f"{e['bleu']:.1f} of 100", "greedy reconstructions against their texts"),
            Figure("exact match", f"{e['exact_match']:.1%}", "texts reconstructed without a mistake"),
        ]
    return rows


def model_card(name: str, config: Config, metrics: Mapping[str, Any]) -> str:
    """The README.md of a model folder, from its configuration and the content of ``metrics.json``."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    environment.filters["cell"] = lambda text: text.replace("|", r"\|")
    source = resources.files("textvae.estimators") / "card.md.jinja"
    evaluation, training = metrics.get("evaluation"), metrics.get("training")
    return environment.from_string(source.read_text(encoding="utf-8")).render(
        name=name,
        latent_dim=config.latent_dim,
        config=json.dumps(config.model_dump(mode="json"), indent=2),
        evaluation=evaluation,
        figures=figures(evaluation) if evaluation else [],
        findings=metrics.get("findings", []),
        training=training,
        ending=_ENDINGS.get(training["reason"], training["reason"]) if training else "",
        data=metrics.get("data"),
        versions=metrics.get("versions", {}),
    )
