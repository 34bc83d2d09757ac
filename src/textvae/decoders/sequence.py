"""What the decoders of token sequences share: states to words, and for most, the words before to states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.decoders.adaptive import AdaptiveSoftmax
from textvae.layers import LockedDropout, WordDropout
from textvae.likelihoods import Softmax, TokenSequence
from textvae.registry import PartConfig
from textvae.types import UNK, Batch

State = tuple[Tensor, ...]


class SequenceDecoderConfig(PartConfig):
    """Options of every decoder of token sequences."""

    dropout: float = Field(
        default=0.4, ge=0, lt=1, description="locked dropout on the states before the output layer"
    )
    z_to_output: bool = Field(
        default=False, description="add a linear map of z to the states before the output layer"
    )
    output: Literal["full", "adaptive"] = Field(
        default="full",
        description="softmax over all words at once, or adaptive: over classes of rare words first, which is faster",
    )


class SequenceDecoder(nn.Module, ABC):
    """p(x|z) = Π_t p(x_t | s_t), with s_t a state of width E that knows z and where the text stands.

    The output layer p(x_t | s_t) compares the state with every word's embedding (Press & Wolf 2017).
    """

    def __init__(self, config: SequenceDecoderConfig, vocab_size: int, latent_dim: int, embedding: int):
        super().__init__()
        self.config, self.vocab_size, self.latent_dim = config, vocab_size, latent_dim
        self.embedding = nn.Embedding(vocab_size, embedding)
        nn.init.normal_(self.embedding.weight, std=embedding**-0.5)
        self.output = (AdaptiveSoftmax if config.output == "adaptive" else Softmax)(embedding, vocab_size)
        self.output.weight = self.embedding.weight
        self.z_to_output = nn.Linear(latent_dim, embedding, bias=False) if config.z_to_output else None
        self.dropout = LockedDropout(config.dropout)

    def set_unigram_bias(self, frequencies: Tensor) -> None:
        """Starts the output layer at the corpus's word frequencies (V,), which saves it an epoch."""
        self.output.set_unigram_bias(frequencies)

    @torch.no_grad()
    def reset(self) -> None:
        """Draws all weights anew; the output layer's biases (the word frequencies) stay."""
        fresh = type(self)(self.config, self.vocab_size, self.latent_dim)  # pyright: ignore[reportCallIssue]
        for name, parameter in fresh.named_parameters():
            if not (name.startswith("output.") and name.endswith("bias")):
                self.get_parameter(name).copy_(parameter)

    @abstractmethod
    def forward(self, z: Tensor, batch: Batch) -> TokenSequence:
        """z (*, B, Z) -> p(x|z), batch shape (*, B). Leading dimensions are samples of z for the same texts."""

    def likelihood(self, states: Tensor, z: Tensor) -> TokenSequence:
        """States (N, T, E) for z (*, B, Z), whose N leading rows they are in order -> p(x|z)."""
        states = self.to_output(states, z.flatten(0, -2))
        return TokenSequence(states.view(*z.shape[:-1], *states.shape[1:]), self.output)

    def to_output(self, states: Tensor, z: Tensor) -> Tensor:
        """States (N, T, E) and z (N, Z) -> what the output layer reads (N, T, E)."""
        states = self.dropout(states)
        if self.z_to_output is not None:
            states = states + self.z_to_output(z)[:, None]
        return states

    def log_probs(self, state: Tensor, z: Tensor) -> Tensor:
        """State (N, E) after the tokens so far -> log p of the next token (N, V), float32."""
        return self.output.log_probs(self.to_output(state[:, None], z)[:, 0])

    @abstractmethod
    def start(self, z: Tensor) -> State:
        """The state before the first token, for z (B, Z): tensors with the batch first."""

    @abstractmethod
    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """The ids just written (B,) and the state -> log p of the next token (B, V) and the new state."""


class AutoregressiveDecoderConfig(SequenceDecoderConfig):
    """Options of every decoder that reads the words before."""

    dropout_in: float = Field(default=0.4, ge=0, lt=1, description="locked dropout on the input words")
    word_dropout: float = Field(default=0.0, ge=0, lt=1, description="share of input words replaced by <unk>")


class AutoregressiveDecoder(SequenceDecoder):
    """p(x|z) = Π_t p(x_t | x_<t, z), with s_t the state after x_<t and z (Bowman et al. 2016)."""

    def __init__(self, config: AutoregressiveDecoderConfig, vocab_size: int, latent_dim: int, embedding: int):
        super().__init__(config, vocab_size, latent_dim, embedding)
        self.word_dropout = WordDropout(config.word_dropout, UNK, keep_below=UNK)
        self.dropout_in = LockedDropout(config.dropout_in)

    def forward(self, z: Tensor, batch: Batch) -> TokenSequence:
        """z (*, B, Z) -> p(x|z), batch shape (*, B). Leading dimensions are samples of z for the same texts."""
        lead = z.shape[:-2]
        words = self.dropout_in(self.embedding(self.word_dropout(batch.inputs)))
        words = words.expand(*lead, *words.shape).flatten(0, -3)
        return self.likelihood(self.states(words, z.flatten(0, -2)), z)

    @abstractmethod
    def states(self, words: Tensor, z: Tensor) -> Tensor:
        """Embedded inputs (N, T, E) and z (N, Z) -> states (N, T, E)."""
