"""The vector-quantised posterior."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from textvae.distributions.codes import Quantised
from textvae.processes import mean_over_batch, of_main
from textvae.registry import PartConfig, register


class VQPosteriorConfig(PartConfig):
    """Options of vector quantisation."""

    codes: int = Field(
        default=8, gt=0, description="M, vectors that z is cut into, each with its own codebook"
    )
    choices: int = Field(default=128, ge=2, description="K, vectors in a codebook")
    commitment: float = Field(
        default=0.25, ge=0, description="weight of the squared distance to the codes, per text"
    )
    decay: float = Field(default=0.99, ge=0, lt=1, description="of the codebook's moving averages, per batch")
    restart: float = Field(
        default=0.1, ge=0, lt=1, description="codes used less than this part of an equal share are drawn anew"
    )

    def check_latent_dim(self, latent_dim: int) -> None:
        if latent_dim % self.codes:
            raise ValueError(f"latent_dim {latent_dim} is not a multiple of posterior.codes {self.codes}")

    @property
    def fixed_rate(self) -> bool:
        return True


@register(
    "posterior",
    "vq",
    VQPosteriorConfig,
    provides=("rsample", "kl"),
    requires=("codes",),
    defaults={"prior": "uniform_codes"},
)
class VQPosterior(nn.Module):
    """q(z|x) puts all its mass on the code e_k nearest to a linear map v of the features.

    van den Oord et al. 2017, eq. 1. z is cut into M vectors, each quantised by a codebook of its own (Kaiser et al.
    2018, sliced), as one code of K for a whole text holds ln K nats at most. The gradient of z goes straight to the
    linear map (eq. 2), which pays ``commitment`` · ‖v − e‖² a text (eq. 3); the codebook follows by moving averages
    (appendix A.1). A code that is hardly used is replaced by a random vector of the batch, with an equal share to
    start from (Dhariwal et al. 2020, Jukebox, section 3): so the first batch makes the first codebook.

    Attributes:
        codebook: (M, K, Z/M).
        usage: (M, K) share of the texts that chose a code, a moving average.
    """

    def __init__(self, config: VQPosteriorConfig, in_features: int, latent_dim: int):
        super().__init__()
        self.config = config
        self.vectors = nn.Linear(in_features, latent_dim)
        shape = config.codes, config.choices
        self.codebook: Tensor
        self.usage: Tensor
        self.register_buffer("codebook", torch.randn(*shape, latent_dim // config.codes))
        self.register_buffer("usage", torch.zeros(shape))

    @property
    def perplexity(self) -> Tensor:
        """(M,) how many codes of each codebook are in use: exp of the entropy of ``usage``, 1 to K."""
        share = self.usage / self.usage.sum(1, keepdim=True).clamp_min(1e-12)
        return torch.special.entr(share).sum(1).exp()

    def forward(self, features: Tensor) -> Quantised:
        """(B, F) features -> q, batch shape (B,), event shape (Z,)."""
        with torch.autocast(features.device.type, enabled=False):
            vectors = self.vectors(features.float()).unflatten(-1, (self.config.codes, -1))
            if self.training:
                self._restart(vectors.detach())
            q = Quantised(vectors, self.codebook, self.config.commitment)
            if self.training:
                self._learn(vectors.detach(), q.index)
            return q

    def _restart(self, vectors: Tensor) -> None:
        """Gives the codes that nothing chooses a vector of the batch each."""
        codes, choices = self.usage.shape
        dead = self.usage < self.config.restart / choices
        row = torch.randint(len(vectors), (choices, codes), device=vectors.device)
        random = vectors[row, torch.arange(codes, device=vectors.device)].transpose(0, 1)
        self.codebook = torch.where(dead[..., None], of_main(random.contiguous()), self.codebook)
        self.usage = self.usage.masked_fill(dead, 1 / choices)

    def _learn(self, vectors: Tensor, index: Tensor) -> None:
        """Moves each code towards the mean of the vectors that chose it."""
        chosen = F.one_hot(index, self.config.choices).to(vectors)  # (B, M, K)
        usage = mean_over_batch(chosen)
        sums = mean_over_batch(chosen[..., None] * vectors[:, :, None])
        decay = self.config.decay
        totals = decay * self.usage[..., None] * self.codebook + (1 - decay) * sums
        self.usage = decay * self.usage + (1 - decay) * usage
        self.codebook = totals / self.usage[..., None].clamp_min(1e-12)
