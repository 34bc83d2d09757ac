import pytest
import torch
from torch import Tensor, nn

from models import part_options, parts, random_ids, small_model
from textvae.metrics.self_checks import self_checks
from textvae.model import VAE
from textvae.text.batch import Dataset
from textvae.types import Batch

DATASET = Dataset(random_ids([5, 9, 3, 1, 12, 40, 2, 7, 30, 6]))


@pytest.mark.parametrize("z_to_output", [False, True])
@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [(name, "lstm") for name in parts("encoder")] + [("lstm", name) for name in parts("decoder")],
)
def test_sound_models_pass(encoder: str, decoder: str, z_to_output: bool):
    options = part_options("decoder", decoder) | {"z_to_output": z_to_output, "dropout": 0.3}
    if "layers" in options:
        options["layers"] = 2
    model = small_model(encoder=part_options("encoder", encoder), decoder=options)
    assert self_checks(model, DATASET) == []
    assert self_checks(model, Dataset(random_ids([1]))) == []


class Padded(nn.Module):
    """An encoder that counts the pads."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, batch: Batch) -> Tensor:
        return self.encoder(batch) + 0.1 * (~batch.mask).sum(1, keepdim=True)


def test_pads_that_change_a_figure_are_told():
    model = small_model()
    model.encoder = Padded(model.encoder)
    (warning,) = self_checks(model, DATASET)
    assert warning.startswith("Pads change a text's KL or log p(x|z), by up to ")


def test_parameters_without_effect_are_named():
    model = small_model(decoder={"name": "lstm", "z_to_output": True})
    model.encoder.forgotten = nn.Linear(2, 2)
    assert model.decoder.z_to_output is not None
    nn.init.zeros_(model.decoder.first_state.weight)  # pyright: ignore  # no effect, but a gradient
    model.posterior.gate = nn.Parameter(torch.zeros(()))
    forward = model.posterior.forward
    model.posterior.forward = lambda features: forward(features * (1 + 0 * model.posterior.gate))  # pyright: ignore
    (warning,) = self_checks(model, DATASET)
    assert warning == (
        "The loss does not depend on these parameters: encoder.forgotten.weight, encoder.forgotten.bias, "
        "posterior.gate."
    )
    model.encoder.forgotten.requires_grad_(False)
    model.posterior.gate.requires_grad_(False)  # pyright: ignore
    assert self_checks(model, DATASET) == []
    model.requires_grad_(False)
    assert self_checks(model, DATASET) == []


def test_no_trace_is_left():
    model: VAE = small_model(decoder={"name": "lstm", "dropout": 0.5})
    model.train()
    model.encoder.eval()
    model.posterior.get_parameter("loc.bias").grad = torch.ones(4)
    state = torch.get_rng_state()
    with torch.no_grad():
        assert self_checks(model, DATASET) == []
        assert not torch.is_grad_enabled()
    assert torch.equal(state, torch.get_rng_state())
    assert model.training
    assert not model.encoder.training
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert list(gradients) == ["posterior.loc.bias"]
    assert torch.equal(gradients["posterior.loc.bias"], torch.ones(4))
    assert torch.backends.cudnn.enabled
