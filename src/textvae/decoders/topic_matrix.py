"""Topics as a free matrix."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textvae.decoders.foremost import foremost_words
from textvae.decoders.topic import TopicDecoder, TopicDecoderConfig
from textvae.registry import register
from textvae.text.word_vectors import WORD_DIMENSIONS


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
        if config.words == "product":
            nn.init.xavier_uniform_(self.weight)
        else:
            nn.init.normal_(self.weight)  # distributions that are all nearly even would stay alike for long
        self.vectors: Tensor | None
        clustered = config.start == "clusters"
        self.register_buffer("vectors", torch.zeros(vocab_size, WORD_DIMENSIONS) if clustered else None)

    @torch.no_grad()
    def set_topics(self, logits: Tensor, vectors: Tensor) -> None:
        """Starts at topics (K, V), and keeps the words' vectors (V, 100) that show which words go together."""
        self.weight.copy_(logits)
        assert self.vectors is not None
        self.vectors.copy_(vectors)

    def foremost(self) -> Tensor:
        """(K, V) as ``foremost_words`` scores them where topics started from clusters, else log probabilities."""
        scores = super().foremost()
        return scores if self.vectors is None else foremost_words(scores, self.vectors)

    def logits(self) -> Tensor:
        return self.weight
