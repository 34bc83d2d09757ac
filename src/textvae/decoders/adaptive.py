"""An output layer that spends little on rare words."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from textvae.likelihoods import Softmax, linear_cross_entropy
from textvae.types import SPECIAL_TOKENS


def class_sizes(vocab_size: int) -> list[int]:
    """How many ids are in the head and in each class after it, which have far more and are far rarer.

    Measured for Zipf's law at 10k and 50k ids: two classes are much better than one, and three no better.
    """
    head = max(len(SPECIAL_TOKENS), int(min(10 * math.sqrt(vocab_size), vocab_size / 5)))
    ends = sorted({head, int(math.sqrt(head * vocab_size)), vocab_size})
    return [stop - start for start, stop in pairwise([0, *ends])]


class AdaptiveSoftmax(Softmax):
    """The frequent tokens compete with one another and with whole classes of rarer ones.

    p(v) = p(class of v) · p(v | class), after Grave et al. 2017, "Efficient softmax approximation for GPUs". The
    likelihood is exact, and a state is compared with the words of a class only where one of them follows. Ids
    run from frequent to rare, or nearly, whatever the tokeniser; where they don't, this is slower, not wrong.
    Unlike in the paper, rare words keep the full width, so that every word's vector can be tied to the
    embedding; the classes' own vectors are all that is new.
    """

    def __init__(self, dim: int, vocab_size: int):
        super().__init__(dim, vocab_size)
        self.sizes = class_sizes(vocab_size)
        self.classes = nn.Linear(dim, len(self.sizes) - 1)
        nn.init.zeros_(self.classes.bias)

    @torch.no_grad()
    def set_unigram_bias(self, frequencies: Tensor) -> None:
        """Starts at the corpus's word frequencies (V,)."""
        super().set_unigram_bias(frequencies)
        self.classes.bias.copy_(torch.stack([rare.logsumexp(0) for rare in self.bias.split(self.sizes)[1:]]))

    def nll(self, hidden: Tensor, target: Tensor) -> Tensor:
        """-log p of ``target`` (N,) after the states ``hidden`` (N, D): (N,) nats, float32."""
        (frequent, *rare), (bias, *biases) = self.weight.split(self.sizes), self.bias.split(self.sizes)
        starts = torch.tensor(self.sizes, device=target.device).cumsum(0)[:-1]
        place = torch.bucketize(target, starts, right=True)  # 0 in the head, else 1 + the class
        label = torch.where(place == 0, target, self.sizes[0] + place - 1)
        weight, bias = torch.cat([frequent, self.classes.weight]), torch.cat([bias, self.classes.bias])
        nll = linear_cross_entropy(hidden, weight, bias, label)
        for i, (weight, bias) in enumerate(zip(rare, biases, strict=True)):
            rows = (place == i + 1).nonzero()[:, 0]
            inside = linear_cross_entropy(hidden[rows], weight, bias, target[rows] - starts[i])
            nll = nll.index_add(0, rows, inside)
        return nll

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Log p of every token after the states ``hidden`` (N, D): (N, V) float32."""
        frequent, *rare = self.scores(hidden).split(self.sizes, 1)
        head = torch.cat([frequent, self.classes(hidden).float()], 1).log_softmax(1)
        frequent, classes = head.split([self.sizes[0], len(rare)], 1)
        inside = [scores.log_softmax(1) + classes[:, i, None] for i, scores in enumerate(rare)]
        return torch.cat([frequent, *inside], 1)
