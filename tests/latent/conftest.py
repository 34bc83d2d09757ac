"""Small untrained models whose texts vary: their weights are drawn wide."""

import pytest
import torch

from textvae.decoders.recurrent import GRUDecoder, RecurrentDecoderConfig
from textvae.decoders.sequence import SequenceDecoder
from textvae.decoders.transformer import TransformerDecoder, TransformerDecoderConfig
from textvae.encoders.recurrent import GRUEncoder, RecurrentEncoderConfig
from textvae.model import VAE
from textvae.posteriors.gaussian import GaussianPosterior, GaussianPosteriorConfig
from textvae.priors.standard import StandardPrior, StandardPriorConfig
from textvae.types import BOS, EOS, PAD

VOCAB, LATENT = 9, 3


@pytest.fixture(params=["gru", "transformer"])
def decoder(request: pytest.FixtureRequest) -> SequenceDecoder:
    torch.manual_seed(1)
    module: SequenceDecoder
    if request.param == "gru":
        module = GRUDecoder(
            RecurrentDecoderConfig.model_validate({"embedding": 8, "hidden": 8}), VOCAB, LATENT
        )
    else:
        module = TransformerDecoder(
            TransformerDecoderConfig.model_validate({"width": 8, "heads": 2, "layers": 1}), VOCAB, LATENT
        )
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(2.5)
        module.embedding.weight.div_(1.7)
        module.output.bias[[PAD, BOS]] = -10.0
        module.output.bias[EOS] = 0.3 if request.param == "gru" else 2.5
    return module


@pytest.fixture
def z() -> torch.Tensor:
    return torch.randn(9, LATENT, generator=torch.Generator().manual_seed(2)) * 2


@pytest.fixture
def model() -> VAE:
    torch.manual_seed(3)
    encoder = GRUEncoder(RecurrentEncoderConfig.model_validate({"embedding": 8, "hidden": 8}), VOCAB)
    posterior = GaussianPosterior(GaussianPosteriorConfig(), encoder.out_features, LATENT)
    prior = StandardPrior(StandardPriorConfig(), LATENT)
    decoder = GRUDecoder(RecurrentDecoderConfig.model_validate({"embedding": 8, "hidden": 8}), VOCAB, LATENT)
    return VAE(encoder, posterior, prior, decoder)
