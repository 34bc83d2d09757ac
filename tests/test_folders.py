"""The folder of a model: what is never touched, and what a failed training leaves behind."""

import errno
import os

import numpy as np
import pytest

from textvae import TextVAE, TextVAEError, load_corpus
from textvae.estimators.folder import PREVIOUS, ModelFolder
from textvae.estimators.options import configuration
from textvae.store import CHECKPOINT, CONFIG, HISTORY, WEIGHTS

PARTS = ("encoder.embedding", "encoder.hidden", "decoder.embedding", "decoder.hidden")
SMALL = {part: 16 for part in PARTS}


def small(steps=3, **options) -> TextVAE:
    options["set"] = {**SMALL, **options.get("set", {})}
    return TextVAE(latent_dim=4, steps=steps, **options)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def texts():
    return load_corpus("grammar").texts[:200]


@pytest.fixture(scope="module")
def vae(texts):
    return small().fit(texts)


@pytest.fixture
def old(vae, tmp_path):
    """The folder of a model that is there already."""
    vae.save_pretrained(tmp_path / "m")
    return tmp_path / "m"


# ---------------------------------------------------------------------- other people's files


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["README.md", "config.json", "metrics.json", "thesis.tex", ".git"])
def test_a_folder_of_other_things_is_refused_and_kept(vae, texts, tmp_path, name, overwrite):
    (tmp_path / name).write_text('{"model_type": "bert"}')
    with pytest.raises(TextVAEError, match="holds other things than a model: choose another folder"):
        small().fit(texts, output=tmp_path, overwrite=overwrite)
    with pytest.raises(TextVAEError, match="holds other things than a model"):
        vae.save_pretrained(tmp_path)
    assert contents(tmp_path) == {name: b'{"model_type": "bert"}'}


def test_hidden_remains_of_ours_are_no_other_things(tmp_path):
    (tmp_path / ".config.json.1234").write_text("{")
    (tmp_path / ".saving.abc").mkdir()
    ModelFolder(tmp_path)


def test_files_beside_a_model_are_kept(old, texts):
    (old / "notes.txt").write_text("mine")
    small().fit(texts, output=old, overwrite=True)
    assert (old / "notes.txt").read_text() == "mine"


# ---------------------------------------------------------------------- a failed training loses nothing


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_bad_texts_and_weights_that_are_no_numbers_lose_nothing(old, texts):
    before = contents(old)
    with pytest.raises(TextVAEError, match="two different texts"):
        small().fit(["one"], output=old, overwrite=True)
    assert contents(old) == before
    with pytest.raises(TextVAEError, match="stopped being a number"):
        small(steps=40, set={"train.lr": 1e30}).fit(texts, output=old, overwrite=True)
    assert contents(old) == before


@pytest.mark.parametrize("file", [CONFIG, HISTORY, WEIGHTS, "state.safetensors"])
def test_a_full_disk_loses_nothing(old, texts, monkeypatch, file):
    before = contents(old)
    replace = os.replace

    def no_space(source, target):
        if str(target).endswith(f"/{file}"):
            full()
        replace(source, target)

    monkeypatch.setattr("textvae.store.os.replace", no_space)
    with pytest.raises(TextVAEError, match="No space left"):
        small(
            steps=4 if file == WEIGHTS else 60, set={"train.validations": 1 if file == WEIGHTS else 20}
        ).fit(texts, output=old, overwrite=True)
    assert contents(old) == before


def test_a_folder_that_takes_no_other_folder_keeps_its_model(vae, texts, old, monkeypatch):
    from pathlib import Path

    before = contents(old)
    mkdir = Path.mkdir

    def no_space(self, *args, **options):
        if self.name == PREVIOUS:
            full()
        mkdir(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", no_space)
    with pytest.raises(TextVAEError, match="No space left"):
        small().fit(texts, output=old, overwrite=True)
    with pytest.raises(TextVAEError, match="No space left"):
        vae.save_pretrained(old)
    assert contents(old) == before


def test_the_old_model_stays_until_the_new_one_is_resumed_to_its_end(old, texts, monkeypatch):
    from textvae.train.loop import Trainer

    before = contents(old)
    row = Trainer._row

    def broken(self, *args):
        if self.at.step > 30:
            raise TextVAEError("broken")
        return row(self, *args)

    monkeypatch.setattr("textvae.train.loop._ROW_STEPS", 1)
    monkeypatch.setattr(Trainer, "_row", broken)
    options = {"set": {"train.validations": 8}}
    with pytest.raises(TextVAEError, match="broken"):
        small(steps=60, **options).fit(texts, output=old, overwrite=True)
    monkeypatch.undo()
    assert (old / CHECKPOINT).is_dir()
    assert contents(old / PREVIOUS) == before
    with pytest.raises(TextVAEError, match="or go on with its training with --resume"):
        ModelFolder(old)
    TextVAE().fit(texts, output=old, resume=True)
    assert not (old / PREVIOUS).exists()
    assert TextVAE.from_pretrained(old).metrics_["training"]["step"] == 60


def test_a_training_killed_while_replacing_does_not_cost_the_old_model(old, texts, tmp_path):
    before = contents(old)
    ModelFolder(old, overwrite=True).begin()
    (old / CONFIG).write_bytes(before[CONFIG])  # as far as the killed training came
    with pytest.raises(TextVAEError, match="or replace it with --overwrite"):  # there is no checkpoint yet
        ModelFolder(old)
    with pytest.raises(TextVAEError, match="stopped being a number"):
        small(steps=40, set={"train.lr": 1e30}).fit(texts, output=old, overwrite=True)
    assert contents(old) == before


# ---------------------------------------------------------------------- saving


def test_a_saved_copy_has_its_history_and_nothing_of_the_model_before(vae, texts, old):
    (old / CHECKPOINT).mkdir()
    other = small(steps=5).fit(texts)
    other.save_pretrained(old)
    loaded = TextVAE.from_pretrained(old)
    assert loaded.history_ == other.history_ != vae.history_
    assert not (old / CHECKPOINT).exists()
    assert not (old / PREVIOUS).exists()
    other.history_ = []
    other.save_pretrained(old)
    assert TextVAE.from_pretrained(old).history_ == []


def test_a_half_written_copy_is_no_model_and_the_old_one_comes_back(vae, texts, old, tmp_path, monkeypatch):
    from pathlib import Path

    before = contents(old)
    seen = []
    replace = Path.replace

    def no_space(self, target):
        if self.parent.parent.name.startswith(".saving."):
            seen.append(self.name)
            if self.name == CONFIG:
                full()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", no_space)
    for folder in (old, tmp_path / "new"):
        with pytest.raises(TextVAEError, match="No space left"):
            small(steps=2).fit(texts).save_pretrained(folder)
    assert seen[-1] == CONFIG
    assert contents(old) == before
    assert list((tmp_path / "new").iterdir()) == []


# ---------------------------------------------------------------------- facts


def test_what_is_left_out_of_the_validation_texts_is_counted(texts):
    fitted = small().fit([*texts[:100], ""], validation=[*texts[100:120], "", " ", "word " * 300])
    assert fitted.dropped_ == {"empty": 3, "longer than 200 tokens": 1}


def test_a_preset_may_be_named_in_the_configuration(tmp_path):
    def objective(**options):
        return configuration(TextVAE(**options).get_params(deep=False)).objective

    (tmp_path / "my.toml").write_text('preset = "li2019"\nlatent_dim = 5\n')
    (tmp_path / "copy.toml").write_text('[preset]\ntitle = "mine"\n')
    li2019 = objective(preset="li2019")
    assert objective(config=tmp_path / "my.toml") == objective(config={"preset": "li2019"}) == li2019
    assert objective(config=tmp_path / "my.toml", preset="bowman2016") == objective(preset="bowman2016")
    assert objective(config=tmp_path / "copy.toml") == objective() == objective(preset="default") != li2019
    with pytest.raises(TextVAEError, match="no preset called 'nonsense'"):
        objective(config={"preset": "nonsense"})


def test_a_model_that_was_never_measured_says_so(vae, texts, tmp_path):
    vae.save_pretrained(tmp_path / "m")
    metrics = tmp_path / "m" / "metrics.json"
    metrics.write_text('{"data": {}}')
    loaded = TextVAE.from_pretrained(tmp_path / "m")
    with pytest.raises(TextVAEError, match="never measured: give a file of texts"):
        loaded.diagnose()
    assert isinstance(loaded.diagnose(texts[:30]), list)


def test_texts_are_cleaned_as_for_training_and_none_is_left_out(vae, texts):
    untidy = [f"  {texts[0]}\t", "", texts[1].replace(" ", "\n", 1), " "]
    z = vae.encode(untidy)
    np.testing.assert_allclose(z, vae.encode([texts[0], "", texts[1], ""]), atol=1e-6)
    np.testing.assert_allclose(z[1], vae.encode(""), atol=1e-6)
    assert vae.score(untidy[0], iw_samples=3) == pytest.approx(vae.score(texts[0], iw_samples=3))


def test_scores_do_not_depend_on_the_batch(vae, texts):
    scores = vae.score(texts[:20], iw_samples=5)
    np.testing.assert_allclose(scores[:2], vae.score(texts[:2], iw_samples=5), rtol=1e-5)


def test_evaluation_says_what_it_left_out(vae, texts):
    assert vae.evaluate([*texts[:30], "", " "], iw_samples=2)["dropped"] == {"empty": 2}
