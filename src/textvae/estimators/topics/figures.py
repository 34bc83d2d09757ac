"""The figures of a topic model as a reader wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textvae.estimators.card import Figure


def topic_figures(evaluation: Mapping[str, Any]) -> list[Figure]:
    """What ``TopicVAE.evaluate`` gives, in the order to read it; purity and NMI where there were labels."""
    e = evaluation
    rows = []
    if e["npmi"] is not None:
        meaning = f"do a topic's words occur together? in {e['reference']}; -1 to 1"
        rows.append(Figure("NPMI", f"{e['npmi']:.3f}", meaning))
    rows += [
        Figure("C_V", f"{e['c_v']:.3f}", "do they keep the same company? 0 to 1"),
        Figure(
            "diversity",
            f"{e['diversity']:.2f}",
            f"share of different words among the first {e['top']} of all topics",
        ),
        Figure("perplexity", f"{e['perplexity']['per_corpus']:.1f}", "per word, a bound; lower is better"),
        Figure(
            "… per document",
            f"{e['perplexity']['per_document']:.1f}",
            "the mean over documents in the exponent",
        ),
        Figure(
            "completion",
            f"{e['completion_perplexity']:.1f}",
            "perplexity of half of the words given the others",
        ),
        Figure("a topic fits", f"{e['fits']:.1%}", "of the documents"),
    ]
    if "purity" in e:
        rows += [
            Figure(
                "purity", f"{e['purity']:.3f}", "share of documents with their topic's most frequent label"
            ),
            Figure("NMI", f"{e['nmi']:.3f}", "what topics tell about labels; 0 to 1"),
        ]
    return rows
