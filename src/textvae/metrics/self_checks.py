"""What must hold for any model, tried on a few texts: pads change no figure, every parameter takes part."""

from __future__ import annotations

import torch
from torch import Tensor

from textvae.distributions.divergence import kl_to_prior
from textvae.model import VAE, evaluating
from textvae.types import PAD, AnyBatch, Batch, Data

_TEXTS = 8
_PADS = 5
# Differences up to this many nats, and up to this share of a figure, are rounding in float32.
_TOLERANCE, _SHARE = 1e-3, 1e-5
_NAMED = 5  # parameters in a warning


def self_checks(model: VAE, dataset: Data) -> list[str]:
    """One sentence for each check that fails on the first texts of a data set, at the posteriors' modes.

    - log p(x|z) and KL are the same with more pads; rows of a matrix have none.
    - The gradient of KL − log p(x|z) reaches every trained parameter; one that is zero throughout is not used, but for
      those that read a z which is none.

    In float32; gradients that are there stay as they are.
    """
    warnings = []
    # cuDNN gives recurrent nets in evaluation mode no gradients, and rounds their products to TF32.
    with evaluating(model) as device, torch.autocast(device.type, enabled=False):
        batch = dataset.batch(range(min(_TEXTS, len(dataset)))).to(device)
        with torch.backends.cudnn.flags(enabled=False):
            worst = _change_by_pads(model, batch) if isinstance(batch, Batch) else 0.0
            if worst > _TOLERANCE:
                warnings.append(
                    f"Pads change a text's KL or log p(x|z), by up to {worst:.2g} nats: "
                    "every figure depends on the batches the texts are in."
                )
            # a net that starts at 0 uses its recurrent weights from the second token on
            short = isinstance(batch, Batch) and int(batch.lengths.max()) == 1
            if model.has_latent and not short and (unused := _unused(model, batch)):
                more = f" and {len(unused) - _NAMED} more" if len(unused) > _NAMED else ""
                warnings.append(
                    f"The loss does not depend on these parameters: {', '.join(unused[:_NAMED])}{more}."
                )
    return warnings


def _change_by_pads(model: VAE, batch: Batch) -> float:
    """The largest change in a figure that more pads make, in nats, beyond its share of rounding."""
    pads = batch.tokens.new_full((len(batch), _PADS), PAD)
    plain = _figures(model, batch)
    longer = _figures(model, Batch(torch.cat([batch.tokens, pads], 1), batch.index))
    return max(float(((b - a).abs() - _SHARE * a.abs()).max()) for a, b in zip(plain, longer, strict=True))


def _figures(model: VAE, batch: AnyBatch) -> tuple[Tensor, Tensor]:
    """KL and log p(x|z), each (B,), at the mode of q(z|x)."""
    q = model.encode(batch)
    z = q.mode[None]
    return kl_to_prior(q, model.prior(), z), model.decode(z, batch).log_prob(batch)[0]


def _unused(model: VAE, batch: AnyBatch) -> list[str]:
    """Names of the trained parameters without a gradient, or with none but zeros."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not trained:
        return []
    with torch.enable_grad():
        kl, log_px = _figures(model, batch)
        gradients = torch.autograd.grad((kl - log_px).mean(), list(trained.values()), allow_unused=True)
    return [name for name, g in zip(trained, gradients, strict=True) if g is None or not bool(g.any())]
