"""A toy VAE whose log p(x) is known: two latents, and words that depend on z and on the word before."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textvae.likelihoods import Softmax, TokenSequence
from textvae.model import VAE
from textvae.posteriors.gaussian import GaussianPosterior, GaussianPosteriorConfig
from textvae.priors.standard import StandardPrior, StandardPriorConfig
from textvae.text.batch import Dataset
from textvae.types import BOS, EOS, Batch

VOCAB, LATENT = 8, 2


class ToyEncoder(nn.Module):
    """Counts of the words, (B, V)."""

    def forward(self, batch: Batch) -> Tensor:
        return (nn.functional.one_hot(batch.targets, VOCAB) * batch.mask[..., None]).sum(1).float()


class ToyDecoder(nn.Module):
    """p(x_t | x_<t, z) = softmax(W z + A[x_{t-1}])."""

    def __init__(self) -> None:
        super().__init__()
        self.output = Softmax(LATENT + VOCAB, VOCAB)
        nn.init.normal_(self.output.weight)
        nn.init.uniform_(self.output.bias, -0.3, 0.3)

    def forward(self, z: Tensor, batch: Batch) -> TokenSequence:
        before = nn.functional.one_hot(batch.inputs, VOCAB).float().expand(*z.shape[:-1], -1, -1)
        latent = z[..., None, :].expand(*z.shape[:-1], before.shape[-2], -1)
        return TokenSequence(torch.cat([latent, before], -1), self.output)


@pytest.fixture
def model() -> VAE:
    torch.manual_seed(5)
    posterior = GaussianPosterior(GaussianPosteriorConfig(), VOCAB, LATENT)
    # not the true posterior, but no narrower, so that importance weighting can correct it
    nn.init.normal_(posterior.log_variance.weight, std=0.05)
    nn.init.constant_(posterior.log_variance.bias, -0.1)
    nn.init.normal_(posterior.loc.weight, std=0.2)
    return VAE(ToyEncoder(), posterior, StandardPrior(StandardPriorConfig(), LATENT), ToyDecoder())  # pyright: ignore[reportArgumentType]


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset([np.array([BOS, *rng.integers(3, VOCAB, rng.integers(0, 7)), EOS]) for _ in range(25)])


@pytest.fixture
def exact_nll(model: VAE, dataset: Dataset) -> np.ndarray:
    """(N,) −log p(x), by Gauss-Hermite quadrature over z."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    grid = torch.tensor(np.stack(np.meshgrid(points, points), -1).reshape(-1, 2), dtype=torch.float32)
    log_weights = torch.tensor(np.log(np.outer(weights, weights).ravel() / (2 * np.pi)))
    batch = dataset.batch(range(len(dataset)))
    with torch.no_grad():
        log_px = model.decode(grid[:, None].expand(-1, len(dataset), -1), batch).log_prob(batch)
    return -(log_px.double() + log_weights[:, None]).logsumexp(0).numpy()
