"""Topics as a free matrix."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.decoders.topic import TopicDecoder, TopicDecoderConfig
from textvae.registry import register


class TopicMatrixConfig(TopicDecoderConfig):
    """Options of the topic matrix."""


@register("decoder", "topic_matrix", TopicMatrixConfig, provides=("topics",), requires=("rows",))
class TopicMatrix(TopicDecoder):
    """Every topic's logits are free parameters (K, V).

    With these options it is the decoder of NVDM (Miao et al. 2016), GSM (Miao et al. 2017), ProdLDA (Srivastava &
    Sutton 2017), the Dirichlet VAE (Burkhardt & Kramer 2019) and W-LDA (Nan et al. 2019): the presets say which.
    """

    def __init__(self, config: TopicMatrixConfig, vocab_size: int, latent_dim: int):
        super().__init__(config, vocab_size, latent_dim)
        self.weight = nn.Parameter(torch.empty(latent_dim, vocab_size))
        nn.init.xavier_uniform_(self.weight)

    @torch.no_grad()
    def set_topics(self, logits: Tensor) -> None:
        """Starts at topics (K, V)."""
        self.weight.copy_(logits)

    def logits(self) -> Tensor:
        return self.weight
