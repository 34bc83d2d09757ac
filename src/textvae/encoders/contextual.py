"""An encoder that reads what is known of a document beside its counts."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.errors import TextVAEError
from textvae.layers import MLP, MLPConfig
from textvae.registry import register
from textvae.types import Rows


class ContextualEncoderConfig(MLPConfig):
    """Options of the contextual encoder."""

    context: int = Field(default=100, gt=0, description="C, columns of the documents' context")
    reads: Literal["both", "context"] = Field(
        default="both", description="counts and context, or the context alone"
    )


@register("encoder", "contextual", ContextualEncoderConfig, provides=("rows",))
class ContextualEncoder(nn.Module):
    """x, c -> features (B, F) = MLP of log(1 + x) and the context c (B, C), side by side, or of c alone.

    With documents' vectors for context: Bianchi et al. 2021a (both, "CombinedTM") and 2021b (the context alone,
    "ZeroShotTM"); with covariates and labels: Card et al. 2018.
    """

    def __init__(self, config: ContextualEncoderConfig, columns: int):
        super().__init__()
        self.config = config
        self.net = MLP(config.context + (columns if config.reads == "both" else 0), config)
        self.out_features = self.net.out_features

    def forward(self, batch: Rows) -> Tensor:
        """(B, F) float32.

        Raises:
            TextVAEError: no context, or one of another number of columns.
        """
        context = batch.context
        if context is None or context.shape[1] != self.config.context:
            given = "none" if context is None else str(context.shape[1])
            raise TextVAEError(
                f"Encoder contextual reads {self.config.context} columns of context beside each row, and there "
                f"are {given}."
            )
        if self.config.reads == "context":
            return self.net(context).float()
        return self.net(torch.cat([batch.values.log1p(), context], 1)).float()
