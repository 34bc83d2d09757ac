"""An encoder of vectors that there are already: the rows of a matrix."""

from __future__ import annotations

from torch import Tensor, nn

from textvae.layers import MLP, MLPConfig
from textvae.registry import register
from textvae.types import Rows


class PrecomputedEncoderConfig(MLPConfig):
    """Options of the encoder of vectors."""


@register("encoder", "precomputed", PrecomputedEncoderConfig, provides=("rows",))
class PrecomputedEncoder(nn.Module):
    """x -> features (B, F) = MLP(x) for x in R^D: any vectors, such as another model's embeddings of texts.

    Kingma & Welling 2014, appendix C.2, with ReLU.
    """

    def __init__(self, config: PrecomputedEncoderConfig, columns: int):
        super().__init__()
        self.net = MLP(columns, config)
        self.out_features = self.net.out_features

    def forward(self, batch: Rows) -> Tensor:
        """(B, F) float32."""
        return self.net(batch.values).float()
