"""What the autoregressive decoders share: words in, hidden states, words out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from pydantic import Field
from torch import Tensor, nn

from textvae.layers import LockedDropout, WordDropout
from textvae.likelihoods import TokenSequence
from textvae.registry import PartConfig
from textvae.types import BOS, PAD, UNK, Batch

State = tuple[Tensor, ...]


class SequenceDecoderConfig(PartConfig):
    """Options of every autoregressive decoder."""

    dropout_in: float = Field(default=0.4, ge=0, lt=1, description="locked dropout on the input words")
    dropout: float = Field(
        default=0.4, ge=0, lt=1, description="locked dropout on the states before the output layer"
    )
    word_dropout: float = Field(default=0.0, ge=0, lt=1, description="share of input words replaced by <unk>")
    z_to_output: bool = Field(
        default=False, description="add a linear map of z to the states before the output layer"
    )


class SequenceDecoder(nn.Module, ABC):
    """p(x|z) = Π_t softmax(E s_t + b)[x_t], with s_t the state after x_<t and z (Bowman et al. 2016).

    The output matrix E is the input embedding (Press & Wolf 2017).
    """

    def __init__(self, config: SequenceDecoderConfig, vocab_size: int, latent_dim: int, embedding: int):
        super().__init__()
        self.config, self.vocab_size, self.latent_dim = config, vocab_size, latent_dim
        self.embedding = nn.Embedding(vocab_size, embedding)
        nn.init.normal_(self.embedding.weight, std=embedding**-0.5)
        self.output = nn.Linear(embedding, vocab_size)
        self.output.weight = self.embedding.weight
        nn.init.zeros_(self.output.bias)
        self._forbid_non_targets()
        self.z_to_output = nn.Linear(latent_dim, embedding, bias=False) if config.z_to_output else None
        self.word_dropout = WordDropout(config.word_dropout, UNK, keep_below=UNK)
        self.dropout_in, self.dropout = LockedDropout(config.dropout_in), LockedDropout(config.dropout)

    @torch.no_grad()
    def _forbid_non_targets(self) -> None:
        # pads and start symbols are never targets: with probability 0 from the start, and so no
        # gradient, they stay out of training's and generation's softmax alike
        self.output.bias[[PAD, BOS]] = -1e4

    @torch.no_grad()
    def set_unigram_bias(self, frequencies: Tensor) -> None:
        """Starts the output layer at the corpus's word frequencies (V,), which saves it an epoch."""
        smoothed = frequencies.to(self.output.bias) + 1.0
        self.output.bias.copy_((smoothed / smoothed.sum()).log())
        self._forbid_non_targets()

    @torch.no_grad()
    def reset(self) -> None:
        """Draws all weights anew; the output layer's bias (the word frequencies) stays."""
        bias = self.output.bias.clone()
        fresh = type(self)(self.config, self.vocab_size, self.latent_dim)  # pyright: ignore[reportCallIssue]
        self.load_state_dict(fresh.state_dict())
        self.output.bias.copy_(bias)

    def forward(self, z: Tensor, batch: Batch) -> TokenSequence:
        """z (*, B, Z) -> p(x|z), batch shape (*, B). Leading dimensions are samples of z for the same texts."""
        lead = z.shape[:-2]
        words = self.dropout_in(self.embedding(self.word_dropout(batch.inputs)))
        words = words.expand(*lead, *words.shape).flatten(0, -3)
        flat = z.flatten(0, -2)
        states = self.to_output(self.states(words, flat), flat)
        return TokenSequence(states.view(*z.shape[:-1], *states.shape[1:]), self.output)

    def to_output(self, states: Tensor, z: Tensor) -> Tensor:
        """States (N, T, E) and z (N, Z) -> what the output layer reads (N, T, E)."""
        states = self.dropout(states)
        if self.z_to_output is not None:
            states = states + self.z_to_output(z)[:, None]
        return states

    def log_probs(self, state: Tensor, z: Tensor) -> Tensor:
        """State (N, E) after the tokens so far -> log p of the next token (N, V), float32."""
        logits = self.output(self.to_output(state[:, None], z)[:, 0])
        return logits.float().log_softmax(-1)

    @abstractmethod
    def states(self, words: Tensor, z: Tensor) -> Tensor:
        """Embedded inputs (N, T, E) and z (N, Z) -> states (N, T, E)."""

    @abstractmethod
    def start(self, z: Tensor) -> State:
        """The state before the first token, for z (B, Z): tensors with the batch first."""

    @abstractmethod
    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """The ids just written (B,) and the state -> log p of the next token (B, V) and the new state."""
