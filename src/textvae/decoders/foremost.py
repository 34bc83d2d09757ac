"""Which words stand for a topic."""

from __future__ import annotations

import torch
from torch import Tensor

_EXCLUSIVE = 1.1  # weight of a word's share of the topic against its probability in the topic
_COMPANY = 5.0  # weight of its likeness to the topic's other words
_SHARPNESS = 4.0  # of who those are
_ROUNDS = 3
_TAKEN = 0.4  # what a word costs that tells another topic more
_FOREMOST = 10  # words that tell a topic


def foremost_words(log_topics: Tensor, vectors: Tensor) -> Tensor:
    """(K, V) scores that put the words of topics in the order in which they tell a reader what the topic is.

    score_kv = log p(v|k) + 1.1 log p(k|v) + 5 cos(v, k): a word is frequent in the topic, is the topic's rather than
    others' (as in FREX, Bischof & Airoldi 2012; all topics of one size), and keeps company with its other foremost
    words. cos(v, k) = ρ_v · Σ_u w_ku ρ_u with w_k = softmax(4 score_k), which a few rounds settle. A word that stands
    among the ten foremost of another topic, with a higher score, is then 0.4 behind: where a topic has another that is
    nearly as good, that one is shown.

    Args:
        log_topics: (K, V) log p(v|k).
        vectors: (V, E) the words' vectors ρ, of length 1.
    """
    alone = log_topics + _EXCLUSIVE * log_topics.log_softmax(0)
    scores = alone
    for _ in range(_ROUNDS):
        topic = torch.softmax(_SHARPNESS * scores, 1) @ vectors  # (K, E)
        scores = alone + _COMPANY * topic @ vectors.T
    least = scores.topk(min(_FOREMOST, scores.shape[1]), 1).values[:, -1:]
    highest = scores.masked_fill(scores < least, -torch.inf).amax(0)  # (V,) in a topic that the word tells
    return scores - _TAKEN * (scores < highest)
