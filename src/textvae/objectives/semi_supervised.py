"""Learning from texts of which some have labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor
from torch.distributions import kl_divergence

from textvae.objectives.elbo import Elbo, ElboConfig
from textvae.objectives.phase import Losses, Objective, Phase, Update
from textvae.processes import mean_over_batch
from textvae.registry import register
from textvae.types import UNLABELLED, Batch


class SemiSupervisedConfig(ElboConfig):
    """Options of learning from some labels: those of the ELBO, and what labels weigh."""

    alpha: float = Field(
        default=1.0, ge=0, description="weight of the classifier's own loss, a labelled text's mean"
    )
    labelled_share: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="labelled texts are repeated until they are at least this share of what is trained on",
    )


@register("objective", "semi_supervised", SemiSupervisedConfig, requires=("labels", "kl"))
class SemiSupervised(Objective):
    """−Σ_labelled L(x, y) − Σ_unlabelled Σ_y q(y|x) (L(x, y) − log q(y|x)) − α · mean log q(y|x) over the labelled.

    L(x, y) = E_q(z'|x, y)[log p(x|y, z')] − KL(q(z'|x, y) ‖ p(z')) + log p(y) (Kingma et al. 2014, equations 6 to 9).
    Without a label all of them are tried, so that a text costs as many decodings as there are labels. Weights and
    free bits of KL are for that of z' alone, and pre-training is as for the ELBO.
    """

    def __init__(self, config: SemiSupervisedConfig, vocab_size: int, latent_dim: int):
        super().__init__()
        self.alpha = config.alpha
        self.elbo = Elbo(config, vocab_size, latent_dim)

    def phases(self, model: Any) -> Iterator[Phase]:
        """Those of the ELBO, with labels in the last."""
        for phase in self.elbo.phases(model):
            if phase.name == "elbo":
                (update,) = phase.updates
                phase = replace(
                    phase, name="semi_supervised", updates=[Update(update.parameters, self._loss)]
                )
            yield phase

    def _loss(self, model: Any, batch: Batch, progress: float) -> Losses:
        terms, p = model(batch, decode=False), model.prior()
        q, size = terms.q, len(batch)
        known, labels = _labels(batch)
        # a text with each label that it may have: rows of the batch (P,), labels, and how much each counts
        possible = F.one_hot(labels, q.labels).bool() | ~known[:, None]
        rows, tried = possible.nonzero(as_tuple=True)
        weight = torch.where(known[rows], 1.0, q.log_probs.exp()[rows, tried])
        given, texts = q.at(rows, tried), batch.at(rows)
        log_px = model.decode(q.joined(tried, given.rsample()), texts).log_prob(texts)
        kl = kl_divergence(given.base_dist, p.at(tried).base_dist)  # (P, Z − C)
        weighted = torch.cat([log_px[:, None], kl], 1) * weight[:, None]
        of_text = weighted.new_zeros(size, weighted.shape[1]).index_add(0, rows, weighted)
        terms = replace(terms, log_px=of_text[:, 0][None], kl=of_text[:, 1:].sum(1), kl_dims=of_text[:, 1:])
        losses = self.elbo.elbo(terms, progress)
        of_label = torch.where(known, -p.log_probs[labels], kl_divergence(q.label, p.label)).mean()
        named = -q.log_probs.gather(1, labels[:, None])[:, 0] * known
        share = mean_over_batch(known.float()).clamp_min(1 / size)
        loss = losses.loss + of_label + self.alpha * named.mean() / share
        return replace(losses, loss=loss, kl=losses.kl + of_label)


def _labels(batch: Batch) -> tuple[Tensor, Tensor]:
    """Which texts have a label (B,), and these, 0 for the others (B,)."""
    labels = torch.full_like(batch.index, UNLABELLED) if batch.labels is None else batch.labels
    return labels != UNLABELLED, labels.clamp_min(0)
