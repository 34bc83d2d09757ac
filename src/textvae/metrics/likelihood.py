"""How probable a model finds texts: importance-weighted log p(x), the ELBO and its two parts, in nats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from textvae.device import Precision, autocast, uses_bf16
from textvae.distributions.divergence import kl_to_prior
from textvae.errors import TextVAEError
from textvae.metrics.draws import posterior_draws
from textvae.model import VAE, evaluating
from textvae.text.batch import token_batches
from textvae.types import Data

# Most numbers in the samples of z for one batch (256 MiB of float32): with many samples of a wide latent
# it is they, not the tokens, that fill the memory.
_MOST_LATENT_NUMBERS = 2**26


@dataclass(frozen=True)
class Likelihood:
    """Per text, in the data set's order, in nats; every array but ``mean`` is (N,) float64.

    Attributes:
        iw_nll: −log 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x): an upper bound of −log p(x) in
            expectation, tight as K grows (Burda et al. 2016, equation 8).
        reconstruction: −1/K Σ_k log p(x|z_k), over the same samples.
        kl: KL(q(z|x) ‖ p(z)), in closed form where there is one.
        effective_samples: (Σ w)² / Σ w² of the importance weights w, from 1 to K.
        mean: (N, Z) float32, the mean of q(z|x).
        iw_samples: K, which is 1 for a model without a latent: of p(x) any two samples say the same.
        precision: of the decoder's matrix products, ``fp32`` or ``bf16``.
    """

    iw_nll: np.ndarray
    reconstruction: np.ndarray
    kl: np.ndarray
    effective_samples: np.ndarray
    mean: np.ndarray
    iw_samples: int
    precision: str

    @property
    def elbo(self) -> np.ndarray:
        """(N,) E_q log p(x|z) − KL(q(z|x) ‖ p(z)): a bound of log p(x) (Kingma & Welling 2014, eq. 3)."""
        return -self.reconstruction - self.kl

    @property
    def monte_carlo_variance(self) -> np.ndarray:
        """(N,) nats²: variance of each ``iw_nll`` over the draws of z.

        By the delta method, Var(log ŵ) ≈ Var(w) / (K·E[w]²), which is 1/effective_samples − 1/K. It is
        an underestimate where the effective samples are few.
        """
        return np.maximum(1 / self.effective_samples - 1 / self.iw_samples, 0)


def evaluate_likelihood(
    model: VAE,
    dataset: Data,
    *,
    iw_samples: int = 500,
    seed: int = 0,
    max_tokens: int = 16_384,
    precision: Precision = "auto",
    progress: Callable[[float], object] | None = None,
) -> Likelihood:
    """Importance-weighted NLL, ELBO, reconstruction and KL of every text.

    A text's result depends on the text, the model and the seed, not on the batch it is in, beyond rounding.

    Args:
        iw_samples: K, the samples of z for each text. The likelihood bound tightens with K. A model without a
            latent gets one, which is exact.
        max_tokens: most tokens decoded at once: samples x texts x length, pads included.
        precision: of the decoder: ``bf16`` by autocast; ``auto`` is bf16 where that is faster.
            The encoder, the weights p(z)/q(z|x) and all sums are in float32 or wider in any case.
        progress: called with the share done, in (0, 1].
    """
    if iw_samples < 1:
        raise TextVAEError(f"Importance weighting needs at least 1 sample, got {iw_samples}.")
    if not model.has_latent:
        iw_samples = 1
    texts = len(dataset)
    iw_nll, reconstruction, kl, effective = (np.empty(texts) for _ in range(4))
    mean = np.empty((texts, model.latent_dim), np.float32)
    done = 0
    with evaluating(model) as device:
        used = "bf16" if uses_bf16(device, precision) else "fp32"
        for indices in _batches(dataset, max_tokens, iw_samples * model.latent_dim):
            batch = dataset.batch(indices).to(device)
            with torch.autocast(device.type, enabled=False):
                q, p = model.encode(batch), model.prior()
                z = posterior_draws(model, q, batch, iw_samples, seed)
                log_ratio = (p.log_prob(z) - q.log_prob(z)).cpu().double()
                kl[indices] = kl_to_prior(q, p, z).cpu().double()
                mean[indices] = q.mean.float().cpu()
            log_px = []
            # as many samples at once as the budget has room for
            tokens = len(indices) * int(dataset.lengths[indices].max())
            for chunk in z.split(max(1, max_tokens // tokens)):
                with autocast(device, precision):
                    log_px.append(model.decode(chunk, batch).log_prob(batch).cpu().double())
                done += len(chunk) * len(indices)
                if progress:
                    progress(done / (texts * iw_samples))
            log_p = torch.cat(log_px)  # (K, B)
            log_w = log_p + log_ratio
            total = log_w.logsumexp(0)
            iw_nll[indices] = math.log(iw_samples) - total
            effective[indices] = (2 * total - (2 * log_w).logsumexp(0)).exp()
            reconstruction[indices] = -log_p.mean(0)
    return Likelihood(iw_nll, reconstruction, kl, effective, mean, iw_samples, used)


def _batches(dataset: Data, max_tokens: int, numbers_per_text: int) -> Iterator[np.ndarray]:
    most = max(1, _MOST_LATENT_NUMBERS // numbers_per_text)
    for indices in token_batches(dataset.lengths, max_tokens):
        for start in range(0, len(indices), most):
            yield indices[start : start + most]
