"""TextVAE: training from texts, using what was trained, and being a scikit-learn estimator."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import textvae
from textvae import TextVAE, TextVAEError, load_corpus
from textvae.store import tensors

SMALL = {
    "encoder.embedding": 32,
    "encoder.hidden": 32,
    "decoder.embedding": 32,
    "decoder.hidden": 32,
    "decoder.dropout": 0.1,
    "decoder.dropout_in": 0.1,
    "train.lr": 0.01,
    "train.validations": 3,
}
KEYS = {
    *("nll", "nll_stderr", "elbo", "reconstruction", "kl", "mi", "active_units", "latent_dim", "ppl"),
    *("has_latent", "bits_per_byte", "unk_rate", "bleu", "exact_match"),
    *("iw_samples", "n_texts", "n_tokens", "warnings"),
}


def small(steps: int | None = 60, set=None, **options) -> TextVAE:
    return TextVAE(latent_dim=4, steps=steps, set={**SMALL, **(set or {})}, **options)


def copied(vae: TextVAE) -> TextVAE:
    copy = clone(vae)
    assert isinstance(copy, TextVAE)
    return copy


def same(a, b):
    a, b = tensors(a), tensors(b)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def corpus():
    return load_corpus("grammar")


@pytest.fixture(scope="module")
def texts(corpus):
    return corpus.texts[:600]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "reviews"


@pytest.fixture(scope="module")
def vae(texts, folder):
    return small().fit([*texts, " ", ""], output=folder)


# ---------------------------------------------------------------------- training


def test_fit_says_what_it_did(vae, texts):
    data, training = vae.metrics_["data"], vae.metrics_["training"]
    assert vae.dropped_ == {"empty": 2}
    assert vae.n_dropped_ == 2
    assert data["n_texts"] == data["n_train"] + data["n_validation"] + data["n_test"] == len(texts)
    assert (training["reason"], training["step"], training["seed"]) == ("done", 60, 0)
    assert vae.metrics_["evaluation"].keys() >= KEYS
    assert vae.metrics_["evaluation"]["texts"] == "test"
    assert set(vae.test_texts_) <= set(texts)
    assert [row["step"] for row in vae.history_][-1] == 60


def test_a_model_is_one_folder(vae, folder):
    names = {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "metrics.json",
        "README.md",
        "metrics.jsonl",
    }
    assert {path.name for path in folder.iterdir()} == names
    assert json.loads((folder / "metrics.json").read_text()) == vae.metrics_
    card = (folder / "README.md").read_text()
    assert f"{vae.metrics_['evaluation']['nll']:.2f}" in card
    assert "importance weighting" in card
    table = [line for line in card.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in table} == {4}


def test_same_seed_same_model_and_the_callers_random_state_is_left_alone(vae, texts):
    before = torch.get_rng_state()
    again = small().fit(texts)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(again.model_, vae.model_)
    assert not same(small(seed=1).fit(texts).model_, vae.model_)


def test_fit_without_output_writes_nothing(texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small(steps=3).fit(texts[:50])
    assert list(tmp_path.iterdir()) == []


def test_validation_texts_are_used_as_given(texts):
    fitted = small(steps=3).fit(texts[:100], validation=texts[100:120])
    data = fitted.metrics_["data"]
    assert (data["n_train"], data["n_validation"], data["n_test"]) == (100, 20, 0)
    assert fitted.metrics_["evaluation"]["texts"] == "validation"
    assert fitted.test_texts_ == []


def test_too_long_texts_are_left_out_and_counted(texts):
    long = " ".join(["word"] * 300)
    fitted = small(steps=3).fit([*texts[:100], *(f"{long} {i}" for i in range(40))])
    assert fitted.dropped_ == {"longer than 200 tokens": 40}
    assert fitted.metrics_["data"]["n_texts"] == 100
    assert fitted.encode([long]).shape == (1, 4)  # used, though not trained on


def test_options_win_in_order(tmp_path):
    from textvae.estimators.options import configuration

    file = tmp_path / "my.toml"
    file.write_text("latent_dim = 5\n[train]\nlr = 0.1\nclip = 2\nseed = 3\n")
    vae = TextVAE(config=file, latent_dim=6, time_budget="2m", seed=7, set=["train.lr=0.5"])
    config = configuration(vae.get_params(deep=False))
    train = config.train
    assert (config.latent_dim, train.lr, train.clip, train.seed) == (6, 0.5, 2, 7)
    assert (train.time_budget, train.steps, train.epochs) == (120, None, None)
    assert config.objective.options.target_kl == 6  # the preset's


def rate_of(**options):
    """The target, the free bits and β that a model made with these options has."""
    from textvae.estimators.options import configuration

    objective = configuration(TextVAE(**options).get_params(deep=False)).objective.options
    return objective.target_kl, objective.free_bits, objective.beta


def test_free_bits_of_the_preset_make_way_for_a_low_target():
    target, free, _ = rate_of(target_kl=4)
    assert target == 4
    assert free < 4
    assert rate_of(preset="li2019", target_kl=4)[:2] == (4, 2)


@pytest.mark.parametrize(
    "asked",
    [
        {"set": ["objective.beta=2"]},
        {"set": ["objective.schedule=cyclical"]},
        {"set": {"objective.free_bits": 8}},
        {"set": ["posterior.name=vq"]},
        {"config": {"posterior": "vmf"}},
        {"set": ["posterior.name=batch_norm"], "latent_dim": 64},
    ],
)
def test_the_target_of_the_preset_gives_way_to_what_is_asked_for(asked):
    assert rate_of(**asked)[0] is None


def test_a_target_that_is_asked_for_gives_way_to_nothing():
    assert rate_of(target_kl=9, set=["objective.free_bits=8", "posterior.name=batch_norm"])[:2] == (9, 8)
    with pytest.raises(TextVAEError, match="can't be held with posterior vq"):
        rate_of(target_kl=9, set=["posterior.name=vq"])


def test_what_says_nothing_of_the_rate_leaves_the_target_of_the_preset():
    usual = rate_of()
    assert usual[0] == 6
    assert (
        rate_of(set=["objective.pretrain=0", "posterior=gaussian", "prior=mixture", "latent_dim=64"]) == usual
    )


def test_time_budget_is_kept(texts, ticking):
    ticking(0.02)
    fitted = small(steps=None, time_budget=5).fit(texts, started=0.0)
    assert fitted.metrics_["training"]["reason"] == "done"
    assert 3 <= fitted.metrics_["training"]["seconds"] < 5


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("one bare string", "put it in a list"),
        (["a text", 3], "Text 1 is a int"),
        (["a single text"], "at least two different texts"),
        (["the same text"] * 30, "the same text 30 times"),
        ([], "at least two different texts"),
        ([f"{'word ' * 300}{i}" for i in range(30)], "longer than 200 tokens"),
    ],
)
def test_bad_texts_get_a_sentence(given, sentence):
    with pytest.raises(TextVAEError, match=sentence):
        small(steps=3).fit(given)


def test_nan_loss_stops_and_leaves_no_half_model(texts, tmp_path):
    with pytest.raises(TextVAEError, match="stopped being a number"):
        small(set={"train.lr": 1e30}).fit(texts, output=tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_model_is_not_overwritten_unasked(vae, texts, folder):
    with pytest.raises(TextVAEError, match="already holds a model"):
        small(steps=3).fit(texts[:50], output=folder)
    assert json.loads((folder / "metrics.json").read_text()) == vae.metrics_


def test_overwriting_keeps_other_files(texts, tmp_path):
    small(steps=3).fit(texts[:50], output=tmp_path / "m")
    (tmp_path / "m" / "notes.txt").write_text("mine")
    small(steps=4).fit(texts[:50], output=tmp_path / "m", overwrite=True)
    assert (tmp_path / "m" / "notes.txt").read_text() == "mine"
    assert TextVAE.from_pretrained(tmp_path / "m").metrics_["training"]["step"] == 4


# ---------------------------------------------------------------------- resuming

KILLED = """
import sys
from textvae import TextVAE, load_corpus
import json
vae = TextVAE(latent_dim=4, steps=400, set=json.loads(sys.argv[2]))
vae.fit(load_corpus("grammar").texts[:600], output=sys.argv[1])
"""


def test_killed_and_resumed_is_the_same_bit_for_bit(texts, tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    options = SMALL | {"train.validations": 8}
    cut = tmp_path / "cut"
    process = subprocess.Popen([sys.executable, "-c", KILLED, cut, json.dumps(options)], env=environment)
    try:
        while not (cut / "checkpoint" / "state.safetensors").exists():
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(TextVAEError, match="--resume"):
        TextVAE.from_pretrained(cut)

    with pytest.raises(TextVAEError, match="not those that the training"):
        small(steps=400, set=options).fit(texts[:500], output=cut, resume=True)
    with pytest.raises(TextVAEError, match="another encoder"):
        small(steps=400, set={"encoder.hidden": 40}).fit(texts, output=cut, resume=True)
    resumed = TextVAE().fit(texts, output=cut, resume=True)
    whole = small(steps=400, set=options).fit(texts, output=tmp_path / "whole")
    assert same(resumed.model_, whole.model_)
    assert np.array_equal(resumed.encode(texts), whole.encode(texts))
    steps = [[row["step"] for row in fitted.history_] for fitted in (resumed, whole)]
    assert steps[0] == steps[1]
    assert not (cut / "checkpoint").exists()
    with pytest.raises(TextVAEError, match="is finished"):
        TextVAE().fit(texts, output=cut, resume=True)


def test_resuming_nothing_gets_a_sentence(texts, tmp_path):
    with pytest.raises(TextVAEError, match="no training in"):
        small().fit(texts, output=tmp_path, resume=True)


# ---------------------------------------------------------------------- use


def test_str_gives_one_and_list_gives_many(vae, texts):
    one, many = vae.encode(texts[0]), vae.encode(texts[:3])
    assert one.shape == (4,)
    assert many.shape == (3, 4)
    assert many.dtype == np.float32
    np.testing.assert_allclose(one, many[0], atol=1e-6)
    assert vae.encode([]).shape == (0, 4)
    assert isinstance(vae.reconstruct(texts[0]), str)
    assert isinstance(vae.decode(one), str)
    assert len(vae.decode(many)) == len(vae.reconstruct(texts[:3])) == 3
    assert vae.reconstruct([]) == vae.sample(0) == []
    assert isinstance(vae.score(texts[0]), float)
    assert vae.score(texts[:3], iw_samples=5).shape == (3,)


def test_order_is_kept_whatever_the_batches(vae, texts):
    mixed = [texts[0], "", "service " * 50, texts[1], "zzz"]
    z = vae.encode(mixed)
    for i, text in enumerate(mixed):
        np.testing.assert_allclose(z[i], vae.encode(text), atol=1e-6)
    np.testing.assert_allclose(vae.encode(texts[:100], batch_size=7), vae.encode(texts[:100]), atol=1e-6)
    assert vae.reconstruct(texts[:40], batch_size=3) == vae.reconstruct(texts[:40])
    scores = vae.score(texts[:20], iw_samples=5)
    np.testing.assert_allclose(scores[:10], vae.score(texts[:10], iw_samples=5), rtol=1e-4)


def test_embeddings_can_be_normalised(vae, texts):
    z = vae.encode(texts[:5], normalize_embeddings=True, show_progress_bar=True)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)


def test_samples_are_a_function_of_the_seed(vae):
    assert vae.sample(4, seed=1) == vae.sample(4, seed=1) != vae.sample(4, seed=2)
    assert len(vae.sample(2, method="beam", beam_size=3, max_length=5)) == 2


def test_interpolation_runs_from_end_to_end(vae, texts):
    path = vae.interpolate(texts[0], texts[1], steps=5)
    assert len(path) == 5
    assert [path[0], path[-1]] == vae.reconstruct(texts[:2])
    assert vae.interpolate(vae.encode(texts[0]), texts[1], 5) == path


def test_the_nearest_text_is_the_text_itself(vae, texts):
    near = vae.neighbours(texts[7], texts[:50], k=3, metric="euclidean")
    assert near[0].text == texts[7]
    assert near[0].distance == pytest.approx(0, abs=1e-2)
    assert [n.distance for n in near] == sorted(n.distance for n in near)
    assert vae.neighbours([texts[7]], texts[:50], k=3, metric="euclidean")[0] == near


def test_evaluation_has_the_figures_and_leaves_out_empty_texts(vae, texts):
    figures = vae.evaluate([*texts[:50], ""], iw_samples=5)
    assert figures.keys() >= KEYS
    assert (figures["n_texts"], figures["iw_samples"], figures["latent_dim"]) == (50, 5, 4)
    full = vae.evaluate(texts[:50], iw_samples=5, precision="fp32")
    assert full["nll"] == pytest.approx(-vae.score(texts[:50], iw_samples=5).mean(), rel=1e-5)
    json.dumps(figures, allow_nan=False)
    with pytest.raises(TextVAEError, match="no texts"):
        vae.evaluate([])


def test_a_perfect_copy_scores_full_marks(vae, texts, monkeypatch):
    """BLEU and exact match compare like with like: the written tokens with the text's own."""
    from textvae.estimators import evaluating
    from textvae.latent.generate import Generated

    ids = [row[1:-1] for row in vae.tokenizer_.encode(texts[:20])]
    monkeypatch.setattr(evaluating, "generate", lambda *_, **__: Generated(ids, np.zeros(20)))
    figures = vae.evaluate(texts[:20], iw_samples=2)
    assert (figures["bleu"], figures["exact_match"]) == (pytest.approx(100), 1)


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_other_tokenizers_train_and_write(kind, texts):
    fitted = small(steps=4, tokenizer=kind, vocab_size=300).fit(texts[:200])
    assert isinstance(fitted.sample(1)[0], str)
    assert fitted.metrics_["evaluation"]["bleu"] is not None


def test_wrong_latents_get_a_sentence(vae):
    with pytest.raises(TextVAEError, match="have 4 numbers"):
        vae.decode(np.zeros((2, 5)))


def test_diagnosis_on_texts_and_as_left_by_training(vae, texts):
    assert vae.diagnose() == vae.metrics_["findings"]
    assert all(f.keys() == {"name", "severity", "evidence", "advice"} for f in vae.diagnose(texts[:50]))


# ---------------------------------------------------------------------- folders


def test_saved_and_loaded_encodes_bit_for_bit(vae, texts, tmp_path):
    vae.save_pretrained(tmp_path / "copy")
    loaded = TextVAE.from_pretrained(tmp_path / "copy")
    assert np.array_equal(loaded.encode(texts), vae.encode(texts))
    assert loaded.sample(3) == vae.sample(3)
    assert loaded.metrics_ == vae.metrics_
    assert loaded.config_ == vae.config_


def test_a_loaded_model_can_be_trained_again_alike(vae, texts, folder):
    again = copied(TextVAE.from_pretrained(folder)).fit(texts)
    assert same(again.model_, vae.model_)


def test_no_space_keeps_what_was_there(vae, texts, tmp_path, monkeypatch):
    vae.save_pretrained(tmp_path / "m")
    other = small(steps=3).fit(texts[:50])

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TextVAEError, match="No space left"):
        other.save_pretrained(tmp_path / "m")
    with pytest.raises(TextVAEError, match="No space left"):
        small(steps=3).fit(texts[:50], output=tmp_path / "new")
    monkeypatch.undo()
    assert np.array_equal(TextVAE.from_pretrained(tmp_path / "m").encode(texts), vae.encode(texts))


def test_nothing_is_fetched_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda *_, **__: pytest.fail("went to the network")
    )
    with pytest.raises(TextVAEError, match="no model at"):
        TextVAE.from_pretrained("owner/name")


def test_hub_round_trip(vae, texts, tmp_path, monkeypatch):
    calls = []

    class Api:
        def __init__(self, token=None): ...

        def create_repo(self, repo_id, **options):
            calls.append(repo_id)

        def upload_folder(self, *, folder_path, **options):
            folder_path.rename(tmp_path / "hub")
            return "https://hub/owner/name"

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda repo_id, **_: str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    assert vae.push_to_hub("owner/name") == "https://hub/owner/name"
    assert calls == ["owner/name"]
    fetched = TextVAE.from_pretrained("owner/name", allow_download=True)
    assert np.array_equal(fetched.encode(texts[:5]), vae.encode(texts[:5]))


# ---------------------------------------------------------------------- scikit-learn


def test_init_only_stores_and_clone_copies():
    vae = TextVAE(latent_dim=3, set={"decoder.dropout": 0.3}, target_kl=5)
    assert copied(vae).get_params() == vae.get_params()
    assert vae.set_params(latent_dim=9).latent_dim == 9
    assert "latent_dim=9" in repr(vae)
    assert vae.__sklearn_tags__().input_tags.string


@pytest.mark.parametrize("use", ["encode", "transform", "decode", "reconstruct", "score", "evaluate"])
def test_use_before_fit_is_refused(use):
    with pytest.raises(NotFittedError):
        getattr(TextVAE(), use)(["a text"])


def test_transform_is_encode_with_names(vae, texts):
    assert np.array_equal(vae.transform(np.array(texts[:5], dtype=object)), vae.encode(texts[:5]))
    assert vae.get_feature_names_out().tolist() == ["textvae0", "textvae1", "textvae2", "textvae3"]
    with pytest.raises(TextVAEError, match="put it in a list"):
        vae.transform("one bare string")


def test_latents_feed_a_classifier(corpus):
    """From the latents alone, whether a review is in the past tense."""
    train, test = slice(0, 2000), slice(2000, 3000)
    y = corpus.labels["tense"]
    wide = {"encoder.embedding": 64, "encoder.hidden": 64}
    free = {"objective.pretrain": 0.0, "objective.free_bits": 0.0, "objective.beta": 0.05}
    vae = small(steps=250, set=wide | free).set_params(latent_dim=12)
    model = make_pipeline(vae, LogisticRegression(max_iter=2000)).fit(corpus.texts[train], y[train])
    _, counts = np.unique(y[test], return_counts=True)
    assert model.score(corpus.texts[test], y[test]) > counts.max() / counts.sum() + 0.3


# ---------------------------------------------------------------------- the package


def test_importing_is_light():
    code = "import sys, textvae; assert not {'torch', 'sklearn', 'numpy'} & sys.modules.keys(); textvae.__version__"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_exports():
    assert textvae.__all__ == [name for name in dir(textvae) if name in textvae.__all__]
    assert all(hasattr(textvae, name) for name in textvae.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = textvae.nothing
