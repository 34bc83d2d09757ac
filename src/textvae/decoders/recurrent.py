"""LSTM and GRU decoders: z sets the first state and enters at every step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.decoders.sequence import AutoregressiveDecoder, AutoregressiveDecoderConfig, State
from textvae.layers import WeightDropout
from textvae.registry import register


class RecurrentDecoderConfig(AutoregressiveDecoderConfig):
    """Options of the recurrent decoders."""

    embedding: int = Field(default=256, gt=0, description="width of the word embeddings and the output layer")
    hidden: int = Field(default=256, gt=0, description="width of the recurrent state")
    layers: int = Field(default=1, gt=0)
    weight_dropout: float = Field(
        default=0.0, ge=0, le=0.9, description="share of the recurrent weights dropped in each batch"
    )


class _RecurrentDecoder(AutoregressiveDecoder):
    network: type[nn.LSTM] | type[nn.GRU]
    kernel: Callable[..., tuple[Tensor, ...]]  # what the network calls, with weights as arguments
    memories: int  # tensors in the recurrent state: h, and c for an LSTM

    def __init__(self, config: RecurrentDecoderConfig, vocab_size: int, latent_dim: int):
        super().__init__(config, vocab_size, latent_dim, config.embedding)
        self.layers, self.hidden = config.layers, config.hidden
        self.first_state = nn.Linear(latent_dim, self.memories * config.layers * config.hidden)
        self.rnn = self.network(config.embedding + latent_dim, config.hidden, config.layers, batch_first=True)
        self.weight_dropout = WeightDropout(config.weight_dropout)
        same = config.hidden == config.embedding
        self.project = nn.Identity() if same else nn.Linear(config.hidden, config.embedding)

    def _first(self, z: Tensor) -> list[Tensor]:
        """z (N, Z) -> h (and c), each (N, layers, H); h bounded as the net's own states are."""
        h, *c = self.first_state(z).view(-1, self.memories, self.layers, self.hidden).unbind(1)
        return [h.tanh(), *c]

    def _run(self, words: Tensor, z: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        inputs = torch.cat([words, z[:, None].expand(-1, words.shape[1], -1).to(words.dtype)], -1)
        given = [m.transpose(0, 1).contiguous() for m in memory]
        weights = [
            self.weight_dropout(weight) if name.startswith("weight_hh") else weight
            for name, weight in self.rnn.named_parameters()
        ]
        states, *after = type(self).kernel(
            inputs,
            given if len(given) > 1 else given[0],
            weights,
            has_biases=True,
            num_layers=self.layers,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=True,
        )
        return self.project(states), [m.transpose(0, 1) for m in after]

    def states(self, words: Tensor, z: Tensor) -> Tensor:
        return self._run(words, z, self._first(z))[0]

    def start(self, z: Tensor) -> State:
        return (z, *self._first(z))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        z, *memory = state
        states, after = self._run(self.embedding(tokens)[:, None], z, memory)
        return self.log_probs(states[:, 0], z), (z, *after)


@register("decoder", "lstm", RecurrentDecoderConfig, provides=("words",), requires=("tokens",))
class LSTMDecoder(_RecurrentDecoder):
    """Bowman et al. 2016, with z also at every step as in He et al. 2019."""

    network = nn.LSTM
    kernel = torch.lstm
    memories = 2


@register("decoder", "gru", RecurrentDecoderConfig, provides=("words",), requires=("tokens",))
class GRUDecoder(_RecurrentDecoder):
    """The same on a GRU (Cho et al. 2014)."""

    network = nn.GRU
    kernel = torch.gru
    memories = 1
