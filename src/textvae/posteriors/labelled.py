"""The posterior of a label and a latent: a classifier beside the encoder."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.labelled import Labelled
from textvae.posteriors.gaussian import GaussianPosterior, GaussianPosteriorConfig
from textvae.registry import PartConfig, register


class LabelledPosteriorConfig(PartConfig):
    """Options of the posterior with labels."""

    labels: tuple[str, ...] = Field(default=(), description="their names; none: those of the training texts")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="of what the classifier reads")

    def check_latent_dim(self, latent_dim: int) -> None:
        if len(self.labels) == 1:
            raise ValueError(f"posterior.labels are two or more, not {self.labels[0]!r} alone")
        if latent_dim <= len(self.labels):
            raise ValueError(
                f"latent_dim {latent_dim} leaves no dimension beside those of the {len(self.labels)} labels"
            )


@register(
    "posterior",
    "labelled",
    LabelledPosteriorConfig,
    provides=("kl", "log_prob", "labels"),
    requires=("labelled",),
    defaults={"prior": "labelled", "objective": "semi_supervised"},
)
class LabelledPosterior(nn.Module):
    """q(y, z'|x) = q(y|x) q(z'|x, y), with q(y|x) linear in the features (Kingma et al. 2014, section 3.1, M2).

    z = (√C · one-hot of y, z') is what the decoder sees: its linear maps of z are the label's embeddings.
    """

    def __init__(self, config: LabelledPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        labels = len(config.labels)
        self.labels = labels
        self.classify = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(in_features, labels))
        self.gaussian = GaussianPosterior(
            GaussianPosteriorConfig(), in_features + labels, latent_dim - labels
        )

    def forward(self, features: Tensor) -> Labelled:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            log_probs = self.classify(features).log_softmax(-1)
            one_hots = torch.eye(self.labels, device=features.device).expand(len(features), -1, -1)
            repeated = features[:, None].expand(-1, self.labels, -1)
            return Labelled(log_probs, self.gaussian(torch.cat([repeated, one_hots], -1)))
