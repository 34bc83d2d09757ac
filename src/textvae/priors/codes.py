"""Priors over the codes of a discrete posterior."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from textvae.distributions.codes import Codes, nearest
from textvae.registry import PartConfig, register


class CodesPriorConfig(PartConfig):
    """Priors over codes have no options."""


@register("prior", "uniform_codes", CodesPriorConfig, provides=("prior_log_prob", "codes"))
class UniformCodes(nn.Module):
    """p(z) = K^−M: every code is as likely as any other (van den Oord et al. 2017, section 3.1).

    KL to it is M ln K minus the entropy of q(z|x), so M ln K where q is a point mass.
    """

    def __init__(self, config: CodesPriorConfig, latent_dim: int):
        super().__init__()

    def bind(self, model: Any) -> None:
        """Takes over the posterior's codes, however they go on changing."""
        self._of_model = (model.posterior,)  # in a tuple, so that it is no part of this part

    @property
    def codebook(self) -> Tensor:
        """(M, K, Z/M)."""
        return self._of_model[0].codebook

    def forward(self) -> Codes:
        """p(z), event shape (Z,)."""
        return Codes(self.log_probs(), self.codebook)

    def log_probs(self) -> Tensor:
        """(M, K) of the choices."""
        return self.codebook.new_zeros(self.codebook.shape[:2]).log_softmax(1)


@register("prior", "learned_codes", CodesPriorConfig, provides=("prior_log_prob", "codes", "learned"))
class LearnedCodes(UniformCodes):
    """p(z) = Π_m π_m[z_m], π learned: codes that are used more cost less, each on its own.

    The paper's autoregressive prior (van den Oord et al. 2017, section 3.3) would also see which codes go together.
    """

    def bind(self, model: Any) -> None:
        super().bind(model)
        self.logits = nn.Parameter(torch.zeros(self.codebook.shape[:2]))

    def log_probs(self) -> Tensor:
        return self.logits.log_softmax(1)

    @torch.no_grad()
    def start(self, z: Tensor) -> None:
        """Starts from how often the codes come in z (N, Z), each once more."""
        index = nearest(z, self.codebook)
        for m, chosen in enumerate(index.unbind(1)):
            counts = torch.bincount(chosen, minlength=self.logits.shape[1])
            self.logits[m] = (counts + 1.0).log()
