"""Options: where they come from and which are refused."""

import pytest

from textvae.config import merge, parse_assignments, read_config
from textvae.errors import TextVAEError
from textvae.presets import load_preset, preset_names
from textvae.registry import PartConfig, names, register


def test_assignments_become_a_tree():
    tree = parse_assignments(
        ["decoder.dropout=0.3", "decoder.name=gru", "train.seed=4", "text.tokenizer=char"]
    )
    assert tree == {
        "decoder": {"dropout": 0.3, "name": "gru"},
        "train": {"seed": 4},
        "text": {"tokenizer": "char"},
    }


def test_another_part_starts_from_its_own_defaults():
    tree = merge({"decoder": {"name": "lstm", "hidden": 9}}, {"decoder": {"name": "transformer"}})
    assert tree == {"decoder": {"name": "transformer"}}


def test_a_new_length_of_training_replaces_the_old_one():
    config = read_config(merge({"train": {"epochs": 3}}, {"train": {"time_budget": "1.5m"}}))
    assert config.train.time_budget == 90
    assert config.train.epochs is None


@pytest.mark.parametrize("name", preset_names())
def test_presets_read_and_survive_a_round_trip(name):
    preset = load_preset(name)
    config = read_config(preset.config)
    assert read_config(config.model_dump(mode="json")) == config
    assert preset.title
    assert preset.source
    assert preset.deviations


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("decoder.foo=1", "no option 'decoder.foo'"),
        ("decoder.dropout=2", "decoder.dropout"),
        ("objective.name=elb", "no objective called 'elb'; there are: .*elbo"),
        ("train.time_budget=4x", "'4x' is not a time"),
        ("latent_dim=0", "latent_dim"),
        ("objective.free_bits=-1", "objective.free_bits"),
        ("nothing", "section.option=value"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(assignment, sentence):
    with pytest.raises(TextVAEError, match=sentence) as caught:
        read_config(parse_assignments([assignment]))
    assert "\n" not in str(caught.value)


def test_two_lengths_are_refused():
    with pytest.raises(TextVAEError, match=r"epochs and train\.steps"):
        read_config({"train": {"epochs": 2, "steps": 3}})


def test_heads_must_divide_the_width():
    with pytest.raises(TextVAEError, match=r"encoder: width 30 is not a multiple of heads 4"):
        read_config({"encoder": {"name": "transformer", "width": 30}})


def test_free_bits_above_the_target_rate_are_refused():
    with pytest.raises(TextVAEError, match=r"free_bits 8.0 is above objective.target_kl 5.0"):
        read_config({"objective": {"name": "elbo", "free_bits": 8, "target_kl": 5}})


def test_parts_that_cannot_work_together_are_refused_by_name(monkeypatch):
    from textvae import registry

    for kind in registry.ROOMS:
        names(kind)  # registered before the copy below is thrown away
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    register("posterior", "implicit", PartConfig, provides=("rsample",))(object)
    with pytest.raises(
        TextVAEError,
        match=r"objective elbo and posterior implicit don't go together: elbo needs posterior .*gaussian",
    ):
        read_config({"posterior": "implicit", "prior": "standard"})


def test_presets_say_how_they_depart_from_their_sources():
    configs = {name: read_config(load_preset(name).config) for name in preset_names()}
    # what the texts of `deviations` claim
    li, fu, transformer = (configs[name] for name in ("li2019", "fu2019", "transformer"))
    objective = li.objective.options
    epochs = (
        li.train.epochs * objective.pretrain,
        li.train.epochs * (1 - objective.pretrain) * objective.warmup,
    )
    assert epochs == (10, 7.5)
    assert objective.reset_decoder
    assert objective.free_bits == 8
    assert (fu.objective.options.cycles, fu.objective.options.warmup, fu.train.epochs) == (4, 0.5, 40)
    for config in (li, fu):
        assert config.decoder.options.dropout == config.decoder.options.dropout_in == 0.5
    assert configs["bowman2016"].decoder.options.dropout == 0.3
    assert configs["bowman2016"].encoder.options.pooling == "last"
    usual = configs["default"]
    assert transformer.objective.options == usual.objective.options
    assert transformer.encoder.options.width == transformer.decoder.options.width == 256
    assert not transformer.decoder.options.z_to_output
    assert (transformer.train.lr, transformer.train.patience) == (5e-4, None)
    decoder = transformer.decoder.options
    assert decoder.dropout_in == decoder.dropout == decoder.dropout_block == 0.2
    decoder = configs["yang2017"].decoder.options
    assert decoder.dilations == (1, 2, 4)
    assert decoder.dropout_in == decoder.dropout == decoder.dropout_block == 0.1
