"""A Transformer decoder: z is added to every position's input."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from textvae.decoders.sequence import AutoregressiveDecoder, AutoregressiveDecoderConfig, State
from textvae.layers import TransformerConfig, sinusoidal_positions, stack
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
        self.width, self.heads = config.width, config.heads
        self.z_to_input = nn.Linear(latent_dim, config.width)
        self.blocks = stack(config.layers, config.width, config.heads, config.dropout_block)
        self.norm = nn.LayerNorm(config.width)

    def _inputs(self, words: Tensor, z: Tensor, start: int) -> Tensor:
        positions = sinusoidal_positions(words.shape[1], self.width, start).to(words.device)
        return words * self.width**0.5 + positions + self.z_to_input(z)[:, None]

    def states(self, words: Tensor, z: Tensor) -> Tensor:
        x = self._inputs(words, z, 0)
        for block in self.blocks:
            x = block(x, causal=True)
        return self.norm(x)

    def start(self, z: Tensor) -> State:
        empty = z.new_zeros(len(z), self.heads, 0, self.width // self.heads)
        return (z, *[empty] * (2 * len(self.blocks)))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        z, *cache = state
        x = self._inputs(self.embedding(tokens)[:, None], z, start=cache[0].shape[2])
        grown: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x, keys, values = block.step(x, cache[2 * i], cache[2 * i + 1])
            grown += [keys, values]
        return self.log_probs(self.norm(x)[:, 0], z), (z, *grown)
