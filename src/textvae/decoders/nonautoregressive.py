"""A decoder whose words know of one another by z alone."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from textvae.decoders.sequence import SequenceDecoder, SequenceDecoderConfig, State
from textvae.layers import CausalTransformer, TransformerConfig
from textvae.likelihoods import TokenSequence
from textvae.registry import register
from textvae.types import Batch


class NonautoregressiveDecoderConfig(SequenceDecoderConfig, TransformerConfig):
    """Options of the non-autoregressive decoder."""

    dropout: float = Field(default=0.1, ge=0, lt=1)
    dropout_block: float = Field(default=0.1, ge=0, lt=1, description="dropout inside the blocks")


@register(
    "decoder", "nonautoregressive", NonautoregressiveDecoderConfig, provides=("words",), requires=("tokens",)
)
class NonautoregressiveDecoder(SequenceDecoder):
    """p(x|z) = Π_t p(x_t | z, t): given z, the words are independent (as in Gu et al. 2018, with z for the source).

    A text ends at its first ``</s>``, which each position holds with a probability of its own. So the texts that
    end at T have Π_{t<T} (1 - p_t(</s>)) · p_T(</s>) together, and all texts at most 1: no length is predicted
    apart, none is out of reach, and what would stand behind the end never counts. A Transformer reads z at every
    position. Attention looks back only: as the inputs are z and the place and nothing else, the places ahead could
    tell it nothing, and a state depends on no text's length.
    """

    def __init__(self, config: NonautoregressiveDecoderConfig, vocab_size: int, latent_dim: int):
        super().__init__(config, vocab_size, latent_dim, config.width)
        self.z_to_input = nn.Linear(latent_dim, config.width)
        self.transformer = CausalTransformer(config, config.dropout_block)

    def forward(self, z: Tensor, batch: Batch) -> TokenSequence:
        """z (*, B, Z) -> p(x|z), batch shape (*, B). Leading dimensions are samples of z for the same texts."""
        inputs = self.z_to_input(z.flatten(0, -2))
        return self.likelihood(self.transformer(inputs[:, None].expand(-1, batch.inputs.shape[1], -1)), z)

    def start(self, z: Tensor) -> State:
        return (z, *self.transformer.start(z))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        z, *cache = state
        last, grown = self.transformer.step(self.z_to_input(z), cache)
        return self.log_probs(last, z), (z, *grown)
