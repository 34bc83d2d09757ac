"""z predicting the words of a text without their order."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from textvae.types import Batch


class BagOfWords(nn.Linear):
    """log p(words|z) = Σ_t log softmax(W z + b)[x_t]: one softmax for all places (Zhao et al. 2017, eq. 6)."""

    def log_prob(self, z: Tensor, batch: Batch) -> Tensor:
        """z (B, Z) -> (B,) nats."""
        log_words = F.log_softmax(self(z).float(), -1)  # (B, V)
        return (log_words.gather(1, batch.targets) * batch.mask).sum(1)
