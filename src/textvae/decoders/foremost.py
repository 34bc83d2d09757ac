"""Which words stand for a topic."""

from __future__ import annotations

import torch
from torch import Tensor

_EXCLUSIVE = 1.3  # weight of a word's share of the topic against its probability in the topic
_COMPANY = 5.0  # weight of its likeness to the topic's other words
_SHARPNESS = 4.0  # of who those are
_ROUNDS = 3


def foremost_words(log_topics: Tensor, vectors: Tensor) -> Tensor:
    """(K, V) scores that put the words of topics in the order in which they tell a reader what the topic is.

    score_kv = log p(v|k) + 1.3 log p(k|v) + 5 cos(v, k): a word is frequent in the topic, is the topic's rather than
    others' (as in FREX, Bischof & Airoldi 2012; all topics of one size), and keeps company with its other foremost
    words. cos(v, k) = ρ_v · Σ_u w_ku ρ_u with w_k = softmax(4 score_k), which a few rounds settle.

    Args:
        log_topics: (K, V) log p(v|k).
        vectors: (V, E) the words' vectors ρ, of length 1.
    """
    alone = log_topics + _EXCLUSIVE * log_topics.log_softmax(0)
    scores = alone
    for _ in range(_ROUNDS):
        topic = torch.softmax(_SHARPNESS * scores, 1) @ vectors  # (K, E)
        scores = alone + _COMPANY * topic @ vectors.T
    return scores
