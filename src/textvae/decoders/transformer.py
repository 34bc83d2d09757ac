"""A Transformer decoder: z is added to every position's input."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from textvae.decoders.sequence import AutoregressiveDecoder, AutoregressiveDecoderConfig, State
from textvae.layers import CausalTransformer, TransformerConfig
from textvae.registry import register


class TransformerDecoderConfig(AutoregressiveDecoderConfig, TransformerConfig):
    """Options of the Transformer decoder."""

    dropout_in: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    dropout_block: float = Field(default=0.1, ge=0, lt=1, description="dropout inside the blocks")


@register("decoder", "transformer", TransformerDecoderConfig, provides=("words",), requires=("tokens",))
class TransformerDecoder(AutoregressiveDecoder):
    """Causal pre-norm blocks (Vaswani et al. 2017); z enters as in Optimus' embedding scheme (Li et al. 2020)."""

    def __init__(self, config: TransformerDecoderConfig, vocab_size: int, latent_dim: int):
        super().__init__(config, vocab_size, latent_dim, config.width)
        self.z_to_input = nn.Linear(latent_dim, config.width)
        self.transformer = CausalTransformer(config, config.dropout_block)

    def _inputs(self, words: Tensor, z: Tensor) -> Tensor:
        """(N, T, D) and (N, Z) -> (N, T, D)."""
        return words * words.shape[-1] ** 0.5 + self.z_to_input(z)[:, None]

    def states(self, words: Tensor, z: Tensor) -> Tensor:
        return self.transformer(self._inputs(words, z))

    def start(self, z: Tensor) -> State:
        return (z, *self.transformer.start(z))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        z, *cache = state
        inputs = self._inputs(self.embedding(tokens)[:, None], z)
        last, grown = self.transformer.step(inputs[:, 0], cache)
        return self.log_probs(last, z), (z, *grown)
