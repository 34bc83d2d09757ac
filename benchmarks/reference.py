"""What textvae is held against: the same model in plain PyTorch, in the manner of research code.

The manner is that of https://github.com/jxhe/vae-lagging-encoder (He et al. 2019) and its kin: float32, 32 texts a
batch, dropout anew at every position, logits of all positions and words and `nn.CrossEntropyLoss` over
them, SGD with rate 1 and gradients clipped at 5, the losses fetched with `.item()` after every step; importance
weighting text by text, 100 samples at a time; sampling 32 texts at a time until the last of them has ended. Batches
are made and on the device beforehand.

Where that code differs within its kin, or is slower for no reason, this has what is faster: texts of different
length share a batch and are padded, as in https://github.com/timbmg/Sentence-VAE, but the recurrent nets read the pads
instead of a packed sequence; written ids are collected on the device instead of one `.item()` for each text and step.

The functions are textvae's, so that weights can be copied and losses compared: the output layer and the
posterior have biases, h and c of the first state are linear maps of their own, the encoder reads no `<s>`. Only the
decoder's two (V, E) matrices are not tied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from textvae.model import VAE
from textvae.types import BOS, EOS, PAD, Batch

BATCH = 32
LEARNING_RATE = 1.0
CLIP = 5.0


class Sizes(NamedTuple):
    """V, E, H and Z; the usual sizes for PTB (He et al. 2019)."""

    vocab: int
    embedding: int = 256
    hidden: int = 256
    latent: int = 32


class ReferenceVAE(nn.Module):
    """LSTM encoder, Gaussian posterior, LSTM decoder with z in its first state and at every step."""

    def __init__(self, sizes: Sizes, dropout: float = 0.5):
        super().__init__()
        vocab, embedding, hidden, latent = sizes
        self.encoder_embedding = nn.Embedding(vocab, embedding)
        self.encoder_rnn = nn.LSTM(embedding, hidden, batch_first=True)
        self.to_posterior = nn.Linear(hidden, 2 * latent)
        self.first_state = nn.Linear(latent, 2 * hidden)
        self.decoder_embedding = nn.Embedding(vocab, embedding)
        self.dropout_in = nn.Dropout(dropout)
        self.decoder_rnn = nn.LSTM(embedding + latent, hidden, batch_first=True)
        self.dropout_out = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, vocab)
        self.cross_entropy = nn.CrossEntropyLoss(ignore_index=PAD, reduction="none")
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.01, 0.01)
        for embedding_layer in (self.encoder_embedding, self.decoder_embedding):
            nn.init.uniform_(embedding_layer.weight, -0.1, 0.1)

    @torch.no_grad()
    def copy_weights(self, model: VAE) -> None:
        """Takes over the weights of textvae's model of the same sizes (`contestants.configuration`)."""
        theirs = model.state_dict()
        for ours, name in (
            (self.encoder_embedding, "encoder.embedding"),
            (self.encoder_rnn, "encoder.rnn"),
            (self.first_state, "decoder.first_state"),
            (self.decoder_embedding, "decoder.embedding"),
            (self.decoder_rnn, "decoder.rnn"),
            (self.output, "decoder.output"),
        ):
            ours.load_state_dict({key: theirs[f"{name}.{key}"] for key in ours.state_dict()})
        for key in ("weight", "bias"):
            halves = [theirs[f"posterior.{name}.{key}"] for name in ("loc", "log_variance")]
            getattr(self.to_posterior, key).copy_(torch.cat(halves))

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), each (B, Z)."""
        states, _ = self.encoder_rnn(self.encoder_embedding(batch.targets))
        last = states[torch.arange(len(batch), device=states.device), batch.lengths - 1]
        mean, log_variance = self.to_posterior(last).chunk(2, -1)
        return mean, log_variance

    def _first(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z (N, Z) -> h and c, each (1, N, H)."""
        h, c = self.first_state(z).chunk(2, -1)
        return h.tanh()[None].contiguous(), c[None].contiguous()

    def states(self, batch: Batch, z: Tensor) -> Tensor:
        """What the output layer reads, (B·K, T, H), for z (B, K, Z)."""
        (texts, samples, latent), length = z.shape, batch.inputs.shape[1]
        words = self.dropout_in(self.decoder_embedding(batch.inputs))
        words = words[:, None].expand(-1, samples, -1, -1).flatten(0, 1)
        z = z.reshape(texts * samples, latent)
        inputs = torch.cat([words, z[:, None].expand(-1, length, -1)], -1)
        states, _ = self.decoder_rnn(inputs, self._first(z))
        return self.dropout_out(states)

    def reconstruction_error(self, batch: Batch, z: Tensor) -> Tensor:
        """-log p(x|z), (B, K) nats, for z (B, K, Z)."""
        texts, samples, length = *z.shape[:2], batch.inputs.shape[1]
        logits = self.output(self.states(batch, z))  # (B·K, T, V)
        target = batch.targets[:, None].expand(-1, samples, -1).reshape(-1)
        return self.cross_entropy(logits.flatten(0, 1), target).view(texts, samples, length).sum(-1)

    def loss(self, batch: Batch, kl_weight: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, reconstruction error and KL, each (B,) nats, from one sample of z."""
        mean, log_variance = self.encode(batch)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(-1)
        error = self.reconstruction_error(batch, z[:, None])[:, 0]
        return error + kl_weight * kl, error, kl

    def train_on(
        self, batches: Iterable[Batch], optimiser: torch.optim.Optimizer, kl_weight: float = 1.0
    ) -> float:
        """One step a batch; the sum of -ELBO, in nats."""
        total_error = total_kl = 0.0
        for batch in batches:
            optimiser.zero_grad()
            loss, error, kl = self.loss(batch, kl_weight)
            loss.mean().backward()
            torch.nn.utils.clip_grad_norm_(self.parameters(), CLIP)
            optimiser.step()
            total_error += error.sum().item()
            total_kl += kl.sum().item()
        return total_error + total_kl

    @torch.no_grad()
    def iw_nll(self, batch: Batch, samples: int, at_once: int = 100, noise: Tensor | None = None) -> Tensor:
        """-log 1/K Σ p(x, z_k) / q(z_k|x), (B,) nats; ``noise`` (K, B, Z) is drawn where it is not given."""
        log_weights = []
        for start in range(0, samples, at_once):
            mean, log_variance = self.encode(batch)
            count = min(at_once, samples - start)
            if noise is None:
                normals = torch.randn(len(mean), count, mean.shape[1], device=mean.device)
            else:
                normals = noise[start : start + count].transpose(0, 1)
            z = mean[:, None] + (0.5 * log_variance).exp()[:, None] * normals
            log_q = -0.5 * (normals**2 + log_variance[:, None] + math.log(2 * math.pi)).sum(-1)
            log_p = -0.5 * (z**2 + math.log(2 * math.pi)).sum(-1)
            log_weights.append(log_p - self.reconstruction_error(batch, z) - log_q)
        return math.log(samples) - torch.cat(log_weights, 1).logsumexp(1)

    @torch.no_grad()
    def sample(self, z: Tensor, max_length: int) -> Tensor:
        """Texts drawn word by word, (B, T) ids, for z (B, Z); what follows a text's `</s>` is to be left out."""
        state = self._first(z)
        tokens = torch.full((len(z), 1), BOS, device=z.device)
        going = torch.ones(len(z), dtype=torch.bool, device=z.device)
        written = []
        while len(written) < max_length and going.any().item():
            inputs = torch.cat([self.decoder_embedding(tokens), z[:, None]], -1)
            states, state = self.decoder_rnn(inputs, state)
            tokens = self.output(states[:, 0]).softmax(-1).multinomial(1)
            written.append(tokens)
            going &= tokens[:, 0] != EOS
        return torch.cat(written, 1)
