"""log p(x|z) of token sequences, in nats, fused with the output matrix.

In training the (B, T, V) logits never exist as a whole: cross-entropy and its gradients are computed
in one pass over chunks of rows, as in "Cut Your Losses in Large-Vocabulary Language Models"
(Wijmans et al. 2024), here with plain matrix products so that it runs everywhere.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from textvae.types import Batch

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
    """The same in the dtype of the matrix products: autocast's, or float32."""
    kind = hidden.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
    return hidden.detach().to(dtype), weight.detach().to(dtype), bias.detach().to(dtype), target


def _sweep(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    target: Tensor,
    row_weight: Tensor | None,
    gradients: bool,
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """One pass over the rows: nll (N,) and the gradients for hidden, weight and bias."""
    rows, (vocab, dim) = len(hidden), weight.shape
    nll = torch.empty(rows, device=hidden.device)
    d_hidden = torch.empty_like(hidden)
    # accumulated over chunks, so in float32 whatever the products' dtype
    d_weight = torch.zeros(vocab, dim, device=hidden.device) if gradients else weight
    d_bias = torch.zeros(vocab, device=hidden.device) if gradients else bias
    chunks = max(1, math.ceil(rows * vocab / _CHUNK_ELEMENTS))
    size = max(1, math.ceil(rows / chunks))
    # reused by every chunk: a fresh allocation of this size costs more than filling it
    probabilities = hidden.new_empty(size, vocab)
    logits = hidden.new_empty(size, vocab)
    for start in range(0, rows, size):
        h, y = hidden[start : start + size], target[start : start + size, None]
        scores, p = logits[: len(h)], probabilities[: len(h)]
        torch.addmm(bias, h, weight.t(), out=scores)
        if scores.dtype == torch.float32:
            normaliser = scores.logsumexp(1, keepdim=True)
            nll[start : start + size] = (normaliser - scores.gather(1, y))[:, 0]
            if gradients:
                torch.exp(scores - normaliser, out=p)
        else:
            # softmax accumulates in float32; its rounded result is exact to one part in 500
            torch.softmax(scores, 1, out=p)
            nll[start : start + size] = -p.gather(1, y).float().clamp_min(1e-30).log()[:, 0]
        if gradients:
            p.scatter_add_(1, y, p.new_full((len(h), 1), -1.0))
            torch.mm(p, weight, out=d_hidden[start : start + size])
            if row_weight is not None:
                p *= row_weight[start : start + size, None]
            d_weight += torch.mm(p.t(), h)
            d_bias += torch.mm(p.new_ones(1, len(h)), p)[0]
    return nll, (d_hidden, d_weight, d_bias)


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


class TokenSequence(Distribution):
    """p(x|z) over token sequences: a categorical at every position, given the tokens before it.

    Keeps the decoder's hidden states (*, B, T, D) and the output layer instead of logits.
    Batch shape (*, B). ``log_prob`` takes a ``Batch`` and sums a text's own tokens: words and end of
    sentence, no start symbol, no pads.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, hidden: Tensor, output: nn.Linear):
        self.hidden = hidden
        self.output = output
        super().__init__(hidden.shape[:-2], validate_args=False)

    def log_prob(self, value: Batch) -> Tensor:
        """(*, B) nats: Σ_t log p(x_t | x_<t, z)."""
        lead, (texts, length, dim) = self.hidden.shape[:-3], self.hidden.shape[-3:]
        mask = value.mask.to(self.hidden.device)
        rows = mask.flatten().nonzero()[:, 0]
        hidden = self.hidden.reshape(-1, texts * length, dim)[:, rows]
        samples = len(hidden)
        target = value.targets.flatten()[rows].repeat(samples)
        nll = linear_cross_entropy(hidden.flatten(0, 1), self.output.weight, self.output.bias, target)
        total = nll.new_zeros(samples, texts)
        total = total.index_add(1, rows // length, nll.view(samples, -1))
        return -total.view(*lead, texts)
