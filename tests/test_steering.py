"""Steering a trained model: directions by labels, edits along them, analogies."""

import numpy as np
import pytest

from textvae import TextVAE
from textvae.errors import TextVAEError
from textvae.text.grammar import grammar_corpus

PAST, PRESENT = {"was", "were", "wasn't", "weren't"}, {"is", "are", "isn't", "aren't"}


def tense(text: str) -> str:
    """What a reader of the auxiliary verb would say."""
    words = set(text.replace(",", "").rstrip(".").split())
    past, present = bool(words & PAST), bool(words & PRESENT)
    return "past" if past > present else "present" if present > past else "unclear"


@pytest.fixture(scope="module")
def corpus():
    return grammar_corpus(2000)


@pytest.fixture(scope="module")
def vae(corpus) -> TextVAE:
    sizes = {f"{part}.{size}": 48 for part in ("encoder", "decoder") for size in ("embedding", "hidden")}
    quick = {"train.lr": 0.01, "train.batch_tokens": 800, "decoder.dropout": 0.1, "text.max_length": 50}
    vae = TextVAE(latent_dim=12, steps=300, set={**sizes, **quick}).fit(corpus.texts[:1500])
    vae.directions(corpus.texts[:1000], corpus.labels["tense"][:1000], name="tense")
    return vae


def test_a_learned_direction_tells_unseen_texts_apart(vae, corpus):
    found = vae.direction("past")
    assert list(vae.directions_) == ["tense=past", "tense=present"]
    assert found.evidence["probe"]["low"] > found.evidence["control"]["high"] + 0.2
    z = vae.encode(corpus.texts[1500:])
    said = (found.probability(z) > 0.5) == (corpus.labels["tense"][1500:] == "past")
    low, high = found.evidence["probe"]["low"], found.evidence["probe"]["high"]
    assert low - 0.05 < said.mean() < high + 0.05


def test_edits_reach_the_tense_and_keep_the_rest(vae, corpus):
    sources = [text for text in corpus.texts[1500:1600] if tense(text) == "present"][:40]
    edited = [row[0] for row in vae.edit(sources, "past")]
    assert np.mean([tense(e.text) == "past" for e in edited]) > 0.8
    assert np.mean([e.content for e in edited]) > 0.5
    # the latent alone reaches it too, at the cost of the content
    alone = [row[0] for row in vae.edit(sources, "past", strength=3.0, keep=0.0)]
    assert np.mean([tense(e.text) == "past" for e in alone]) > 0.8
    assert np.mean([e.content for e in alone]) < np.mean([e.content for e in edited])


def test_candidates_come_best_first_and_one_text_gives_one_list(vae):
    text = "The soup is very tasty, I think."
    row = vae.edit(text, "tense=past", candidates=3)
    assert row == vae.edit([text], "past", candidates=3)[0] == vae.edit(text, "past")[:3]
    assert [e.score for e in row] == sorted((e.score for e in row), reverse=True)


def test_sets_of_texts_are_labels_too(vae, corpus):
    sets = {
        value: corpus.select(corpus.labels["tense"] == value).texts[:200] for value in ("past", "present")
    }
    copy = next(d for d in vae.directions(sets, name="time") if d.name == "time=past")
    old = vae.direction("tense=past")
    cosine = copy.shift @ old.shift / np.linalg.norm(copy.shift) / np.linalg.norm(old.shift)
    assert cosine > 0.9
    with pytest.raises(TextVAEError, match="More than one direction leads toward past"):
        vae.direction("past")
    for name in ("time=past", "time=present"):
        del vae.directions_[name]


def test_texts_without_a_label_are_left_out(vae, corpus):
    texts, labels = corpus.texts[:300], corpus.labels["tense"][:300].tolist()
    found = vae.directions(
        [*texts, *corpus.texts[300:330]], [*labels, *[None, "", float("nan")] * 10], name="when"
    )
    assert [d.name for d in found] == ["when=past", "when=present"]
    assert found[0].evidence["n_texts"] == 300
    np.testing.assert_array_equal(found[0].shift, vae.directions(texts, labels, name="when")[0].shift)
    for direction in found:
        del vae.directions_[direction.name]


def test_an_analogy_takes_over_a_difference(vae):
    written = vae.analogy(
        "I felt that the staff was rude.", "I feel that the staff is rude.", "The soup is tasty, they think."
    )
    assert tense(written) == "past"
    text = "The soup is tasty, they think."
    assert vae.analogy(text, text, text) == vae.reconstruct(text)


def test_directions_are_saved_with_the_model(vae, tmp_path):
    vae.save_pretrained(tmp_path / "model")
    again = TextVAE.from_pretrained(tmp_path / "model")
    text = "The soup is tasty, they think."
    assert again.edit(text, "past") == vae.edit(text, "past")
    assert again.direction("past").evidence == vae.direction("past").evidence
    (tmp_path / "model" / "directions.json").write_text("[]")
    with pytest.raises(TextVAEError, match="is damaged"):
        TextVAE.from_pretrained(tmp_path / "model")


def test_what_cannot_be_steered_is_said(vae, corpus):
    with pytest.raises(TextVAEError, match="no direction toward joy: there are tense=past"):
        vae.edit("a text", "joy")
    with pytest.raises(TextVAEError, match="candidates must be at least 1"):
        vae.edit("a text", "past", candidates=0)
    with pytest.raises(TextVAEError, match="at least one strength"):
        vae.edit("a text", "past", strength=[])
    with pytest.raises(TextVAEError, match="give a label for each text"):
        vae.directions(corpus.texts[:100])
    with pytest.raises(TextVAEError, match="2 for 100 texts"):
        vae.directions(corpus.texts[:100], ["a", "b"])
    with pytest.raises(TextVAEError, match="trained without labels"):
        vae.sample(2, label="past")
    with pytest.raises(TextVAEError, match="trained without labels"):
        vae.predict(["a text"])
