"""The mixture of Gaussians as a prior."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from textvae.distributions.mixture import Mixture
from textvae.errors import TextVAEError
from textvae.registry import PartConfig, register

# Standard deviation of the first means. With scales of √(1 − 0.25) the mixture starts near N(0, I).
_SPREAD = 0.5
_CLUSTERED = 20_000  # z that clusters are looked for in, at most


class MixturePriorConfig(PartConfig):
    """Options of the mixture prior."""

    components: int = Field(default=50, gt=0, description="K, Gaussians")


@register("prior", "mixture", MixturePriorConfig, provides=("prior_log_prob", "euclidean", "learned"))
class MixturePrior(nn.Module):
    """p(z) = Σ_k π_k N(z; μ_k, diag σ_k²), all learned (Tomczak & Welling 2018, the 'MoG' prior).

    KL(q(z|x) ‖ p(z)) has no closed form and is estimated from the samples of z.
    """

    def __init__(self, config: MixturePriorConfig, latent_dim: int):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(config.components))
        self.loc = nn.Parameter(_SPREAD * torch.randn(config.components, latent_dim))
        self.log_scale = nn.Parameter(torch.full_like(self.loc, 0.5 * math.log(1 - _SPREAD**2)))

    def forward(self) -> Mixture:
        """p(z), event shape (Z,)."""
        return Mixture(
            self.logits, Independent(Normal(self.loc, self.log_scale.exp(), validate_args=False), 1)
        )

    @torch.no_grad()
    def start(self, z: Tensor) -> None:
        """Starts from the clusters that k-means finds in z (N, Z): their means, their sizes, and their common spread.

        Raises:
            TextVAEError: fewer z than components.
        """
        components = len(self.logits)
        if len(z) < components:
            raise TextVAEError(
                f"A mixture of {components} components can't start from {len(z)} texts: lower prior.components."
            )
        z = z[:_CLUSTERED]
        found = KMeans(components, random_state=0).fit(z.cpu().numpy())
        label = torch.as_tensor(found.labels_, dtype=torch.long, device=z.device)
        self.loc.copy_(torch.as_tensor(found.cluster_centers_))
        self.logits.copy_((label.bincount(minlength=components) + 1.0).log())
        within = (z - self.loc[label]).std(0).clamp_min(1e-3)
        self.log_scale.copy_(within.log().expand_as(self.log_scale))
