"""Which tokens put a text where it lies: integrated gradients, checked, and occlusion beside them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from textvae.errors import TextVAEError
from textvae.model import VAE, evaluating
from textvae.types import UNK, Batch

_STEPS = 32  # of the integral, by Gauss-Legendre quadrature


class Attribution(NamedTuple):
    """Where a text lies along a direction, and what each of its T tokens adds to that.

    ``position`` = ``baseline`` + Σ ``gradients`` + ``gap``: the baseline is the position of the same text with every
    word unknown, and the gap is what the integral's finite steps leave. ``occlusion``: how far the position falls when
    the token alone becomes unknown. Both (T,), the end of sentence last.
    """

    position: float
    baseline: float
    gradients: np.ndarray
    gap: float
    occlusion: np.ndarray

    @property
    def agreement(self) -> float | None:
        """Correlation of gradients and occlusion over the tokens; None where one of them is the same for all."""
        if min(self.gradients.std(), self.occlusion.std()) < 1e-9:
            return None
        return float(np.corrcoef(self.gradients, self.occlusion)[0, 1])


def attribute(model: VAE, text: Batch, direction: np.ndarray) -> Attribution:
    """The tokens' parts in the position of one text along ``direction`` (Z,).

    Integrated gradients of the mean of q(z|x) (Sundararajan et al. 2017, equation 1) over the encoder's word
    embeddings, from the embedding of ``<unk>`` for every word to the text's own; the end of sentence stays as it is.
    By their completeness axiom the parts sum up to the difference.

    Raises:
        TextVAEError: the encoder has no word embeddings, as that of bags of words.
    """
    with evaluating(model) as device:
        text = text.to(device)
        axis = torch.from_numpy(np.asarray(direction, np.float32)).to(device)
        words = text.targets[0] > UNK  # (T,), neither the end of sentence nor unknown
        occluded = text.tokens.repeat(int(words.sum()) + 2, 1)  # as it is, without any, without each
        occluded[1, 1:][words] = UNK
        places = words.nonzero()[:, 0]
        occluded[torch.arange(len(places), device=device) + 2, places + 1] = UNK
        several = Batch(occluded, text.index.repeat(len(occluded)))
        position, baseline, *without = (model.encode(several).mean @ axis).tolist()
        occlusion = np.zeros(len(words), np.float32)
        occlusion[places.cpu().numpy()] = position - np.array(without)
        gradients = _integrated(model, several, axis)
    return Attribution(position, baseline, gradients, float(position - baseline - gradients.sum()), occlusion)


def _integrated(model: VAE, pair: Batch, axis: Tensor) -> np.ndarray:
    """(T,) from a batch whose first text is the one to explain and whose second is the baseline."""
    embedding = next((part for part in model.encoder.modules() if isinstance(part, nn.Embedding)), None)
    if embedding is None:
        raise TextVAEError(
            "This model's encoder reads counts of words, and has no embeddings to follow them by."
        )
    own, other = embedding(pair.targets[:1]), embedding(pair.targets[1:2])  # (1, T, E)
    nodes, weights = np.polynomial.legendre.leggauss(_STEPS)
    share = torch.from_numpy((nodes + 1) / 2).to(own)[:, None, None]
    points = (other + share * (own - other)).requires_grad_()  # (S, T, E)
    # whatever the encoder does with its words' embeddings, it does with these points instead
    replaced = embedding.register_forward_hook(lambda *_: points)
    try:
        with (
            torch.enable_grad(),
            torch.backends.cudnn.flags(enabled=False),
        ):  # whose LSTMs have no gradients here
            several = Batch(pair.tokens[:1].repeat(_STEPS, 1), pair.index[:1].repeat(_STEPS))
            position = (model.encode(several).mean @ axis).sum()
            (slope,) = torch.autograd.grad(position, points)
    finally:
        replaced.remove()
    mean = (slope * torch.from_numpy(weights / 2).to(own)[:, None, None]).sum(0)
    return (mean * (own - other)[0]).sum(-1).cpu().numpy()
