"""log p(x|z) of token sequences, in nats, fused with the output matrix.

In training the (B, T, V) logits never exist as a whole: cross-entropy and its gradients are computed
in one pass over chunks of rows, as in "Cut Your Losses in Large-Vocabulary Language Models"
(Wijmans et al. 2024), here with plain matrix products so that it runs everywhere.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from textvae.types import BOS, PAD, Batch

# Measured at a vocabulary of 10k: chunks of 512 rows keep the logits in cache and the matrix
# products large; 128 is a third slower, 2048 a tenth.
_CHUNK_ELEMENTS = 512 * 10_000


class _FusedCrossEntropy(torch.autograd.Function):
    """Cross-entropy of ``softmax(hidden @ weight.T + bias)``, row by row.

    The forward pass also computes the gradients as if every row's loss had the same weight, which
    is so for a mean over texts; the backward pass then only scales them. Where the weights differ
    (importance weighting), the backward pass goes over the chunks again.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor) -> Tensor:
        operands = _operands(hidden, weight, bias, target)
        nll, gradients = _sweep(*operands, row_weight=None, gradients=True)
        ctx.save_for_backward(*operands, *gradients)
        ctx.dtypes = hidden.dtype, weight.dtype, bias.dtype
        return nll

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        (grad_nll,) = grad_outputs
        *operands, d_hidden, d_weight, d_bias = ctx.saved_tensors
        if len(grad_nll) and bool((grad_nll == grad_nll[0]).all()):
            scale = grad_nll[0]
            d_weight, d_bias = d_weight * scale, d_bias * scale
        else:
            _, (_, d_weight, d_bias) = _sweep(*operands, row_weight=grad_nll, gradients=True)
        d_hidden = d_hidden * grad_nll[:, None]
        h, w, b = ctx.dtypes
        return d_hidden.to(h), d_weight.to(w), d_bias.to(b), None


def _operands(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor) -> tuple[Tensor, ...]:
    """Hidden states (N, D + 2) and output matrix (V, D + 2) in the dtype of the products: autocast's, or float32.

    The bias is two more columns of the matrix, against ones: that costs less than adding it, and gives its
    gradient with the matrix's. Two, because what bf16 rounds off the first is left to the second.
    """
    kind = hidden.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
    (rows, dim), vocab = hidden.shape, len(weight)
    wide_hidden = hidden.new_ones(rows, dim + 2, dtype=dtype)
    wide_hidden[:, :dim] = hidden.detach()
    wide_weight = weight.new_empty(vocab, dim + 2, dtype=dtype)
    wide_weight[:, :dim] = weight.detach()
    wide_weight[:, dim] = bias.detach()
    wide_weight[:, dim + 1] = bias.detach() - wide_weight[:, dim]
    return wide_hidden, wide_weight, target


def _sweep(
    hidden: Tensor, weight: Tensor, target: Tensor, row_weight: Tensor | None, gradients: bool
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """One pass over the rows of ``_operands``: nll (N,) and the gradients for hidden, weight and bias."""
    rows, (vocab, dim) = len(hidden), weight.shape
    nll = torch.empty(rows, device=hidden.device)
    d_hidden = torch.empty_like(hidden)
    # accumulated over chunks, so in float32 whatever the products' dtype
    d_weight = torch.zeros(vocab, dim - 2, device=hidden.device) if gradients else weight
    d_bias = torch.zeros(vocab, device=hidden.device) if gradients else weight
    chunks = max(1, math.ceil(rows * vocab / _CHUNK_ELEMENTS))
    size = max(1, math.ceil(rows / chunks))
    # one for all chunks, and written over in place: fresh memory costs more than filling it
    buffer = hidden.new_empty(size, vocab)
    first = torch.arange(size, device=hidden.device) * vocab
    for start in range(0, rows, size):
        h, y = hidden[start : start + size], target[start : start + size]
        scores = buffer[: len(h)]
        flat, at = scores.view(-1), first[: len(h)] + y
        torch.mm(h, weight.t(), out=scores)
        if scores.dtype == torch.float32:
            normaliser = scores.logsumexp(1)
            nll[start : start + size] = normaliser - flat[at]
            if gradients:
                torch.sub(scores, normaliser[:, None], out=scores).exp_()
        else:
            # softmax accumulates in float32; its rounded result is exact to one part in 500
            torch.softmax(scores, 1, out=scores)
            nll[start : start + size] = -flat[at].float().clamp_min(1e-30).log()
        if gradients:
            flat[at] -= 1
            torch.mm(scores, weight, out=d_hidden[start : start + size])
            if row_weight is not None:
                scores *= row_weight[start : start + size, None]
            product = torch.mm(scores.t(), h)
            d_weight += product[:, :-2]
            d_bias += product[:, -2]
    return nll, (d_hidden[:, :-2], d_weight, d_bias)


def linear_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor) -> Tensor:
    """-log softmax(hidden @ weight.T + bias)[target] of each row, in nats.

    Args:
        hidden: (N, D). weight: (V, D). bias: (V,). target: (N,) ids.

    Returns:
        (N,) float32. Products run in autocast's dtype; sums and the result in float32.
    """
    wanted = torch.is_grad_enabled() and any(t.requires_grad for t in (hidden, weight, bias))
    if not wanted:  # asked here: inside the function, the grad mode is off and the answer always no
        return _sweep(*_operands(hidden, weight, bias, target), row_weight=None, gradients=False)[0]
    return _FusedCrossEntropy.apply(hidden, weight, bias, target)  # pyright: ignore[reportReturnType]


class Softmax(nn.Linear):
    """An output layer: p(v) ∝ exp(w_v · s + b_v) over the vocabulary.

    Pads and start symbols are never targets: with probability 0 from the start, and so no gradient, they stay
    out of training's and generation's softmax alike.
    """

    def __init__(self, dim: int, vocab_size: int):
        super().__init__(dim, vocab_size)
        nn.init.zeros_(self.bias)
        self._forbid_non_targets()

    @torch.no_grad()
    def _forbid_non_targets(self) -> None:
        self.bias[[PAD, BOS]] = -1e4

    @torch.no_grad()
    def set_unigram_bias(self, frequencies: Tensor) -> None:
        """Starts at the corpus's word frequencies (V,)."""
        smoothed = frequencies.to(self.bias) + 1.0
        self.bias.copy_((smoothed / smoothed.sum()).log())
        self._forbid_non_targets()

    def nll(self, hidden: Tensor, target: Tensor) -> Tensor:
        """-log p of ``target`` (N,) after the states ``hidden`` (N, D): (N,) nats, float32."""
        return linear_cross_entropy(hidden, self.weight, self.bias, target)

    def scores(self, hidden: Tensor) -> Tensor:
        """w_v · s + b_v for the states ``hidden`` (N, D): (N, V) float32.

        The bias, which is the larger part, is added in float32 even where products run in bf16.
        """
        return torch.add(F.linear(hidden, self.weight), self.bias)

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Log p of every token after the states ``hidden`` (N, D): (N, V) float32."""
        return self.scores(hidden).log_softmax(-1)


class TokenSequence(Distribution):
    """p(x|z) over token sequences: a categorical at every position, given the tokens before it.

    Keeps the decoder's hidden states (*, B, T, D) and the output layer instead of logits.
    Batch shape (*, B). ``log_prob`` takes a ``Batch`` and sums a text's own tokens: words and end of
    sentence, no start symbol, no pads.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, hidden: Tensor, output: Softmax):
        self.hidden = hidden
        self.output = output
        super().__init__(hidden.shape[:-2], validate_args=False)

    def log_prob(self, value: Batch) -> Tensor:
        """(*, B) nats: Σ_t log p(x_t | x_<t, z)."""
        nll, rows = self._nll(value)
        total = nll.new_zeros(len(nll), len(value)).index_add(1, rows // self.hidden.shape[-2], nll)
        return -total.view(self.batch_shape)

    def token_log_prob(self, value: Batch) -> Tensor:
        """(*, B, T) nats: log p(x_t | x_<t, z), 0 at pads."""
        nll, rows = self._nll(value)
        each = nll.new_zeros(len(nll), value.targets.numel()).index_copy(1, rows, nll)
        return -each.view(*self.batch_shape, -1)

    def _nll(self, value: Batch) -> tuple[Tensor, Tensor]:
        """Of the N counted tokens: their nats (K, N) in K samples of z, and their places (N,) in (B, T) as one row."""
        texts, length, dim = self.hidden.shape[-3:]
        rows = value.mask.to(self.hidden.device).flatten().nonzero()[:, 0]
        hidden = self.hidden.reshape(-1, texts * length, dim)[:, rows]
        target = value.targets.flatten()[rows].repeat(len(hidden))
        return self.output.nll(hidden.flatten(0, 1), target).view(len(hidden), -1), rows
