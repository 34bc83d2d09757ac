"""The prior of a label and a latent."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from textvae.distributions.labelled import Labelled, standard_labelled
from textvae.registry import PartConfig, register


class LabelledPriorConfig(PartConfig):
    """The prior of labels has no options."""


@register(
    "prior", "labelled", LabelledPriorConfig, provides=("prior_log_prob", "labelled"), requires=("labels",)
)
class LabelledPrior(nn.Module):
    """p(y) p(z') = Cat(y; π) N(z'; 0, I), with π learned (Kingma et al. 2014, equation 2)."""

    def __init__(self, config: LabelledPriorConfig, latent_dim: int):
        super().__init__()
        self.latent_dim = latent_dim

    def bind(self, model: Any) -> None:
        """Has as many labels as the model's posterior."""
        self.logits = nn.Parameter(torch.zeros(model.posterior.labels))

    def forward(self) -> Labelled:
        """p(y, z'), event shape (Z,)."""
        return standard_labelled(self.logits.log_softmax(-1), self.latent_dim - len(self.logits))
