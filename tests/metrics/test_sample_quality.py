"""Trigrams and what they say about generated texts."""

from itertools import product

import numpy as np
import pytest

from models import random_ids
from textvae.errors import TextVAEError
from textvae.metrics.ngram import Trigrams
from textvae.metrics.sample_quality import sample_quality, self_bleu
from textvae.types import BOS, EOS

VOCAB = 7


def text(*words: int) -> np.ndarray:
    return np.array([BOS, *words, EOS], np.int32)


def language(n: int, seed: int, stay: float = 0.8) -> list[np.ndarray]:
    """Walks over the words 4 … 23 that mostly go up by one."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(n):
        word, words = int(rng.integers(4, 24)), []
        for _ in range(int(rng.integers(3, 9))):
            words.append(word)
            word = 4 + (word - 3) % 20 if rng.random() < stay else int(rng.integers(4, 24))
        texts.append(text(*words))
    return texts


def test_probabilities_of_all_texts_of_a_length_sum_to_those_that_go_on():
    model = Trigrams([text(4, 5, 6), text(4, 5), text(6, 5, 4, 4)], VOCAB)
    for prefix in ([BOS], [BOS, 4], [BOS, 4, 5], [BOS, 6, 6]):
        before = model.log_prob([np.array(prefix)])[0] if len(prefix) > 1 else 0.0
        after = model.log_prob([np.array([*prefix, word]) for word in range(VOCAB)])
        assert np.exp(after - before).sum() == pytest.approx(1)


def test_kneser_ney_by_hand():
    # after (4, 5): 6 twice and </s> once; n1 and n2 of each order give the discounts
    model = Trigrams([text(4, 5, 6), text(4, 5, 6), text(4, 5)], VOCAB)
    d3 = 1 / (1 + 2 * 2)
    # 4, 5 and 6 follow one word each, </s> two: five bigrams, n1 = 3, n2 = 1
    d1 = 3 / (3 + 2 * 1)
    p1 = (1 - d1) / 5 + d1 * 4 / 5 / VOCAB
    # every bigram follows one word only, so no discount can be estimated but the fallback's
    p2 = (1 - 0.5) / 2 + 0.5 * 2 / 2 * p1
    expected = (2 - d3) / 3 + d3 * 2 / 3 * p2
    got = np.diff(model.log_prob([np.array([BOS, 4, 5]), np.array([BOS, 4, 5, 6])]))[0]
    assert np.exp(got) == pytest.approx(expected)


def test_trigrams_beat_a_unigram_and_know_their_language():
    train, test = language(400, seed=0), language(100, seed=1)
    tokens = np.concatenate([t[1:] for t in train])
    unigram = (np.bincount(tokens, minlength=24) + 1) / (len(tokens) + 24)
    model = Trigrams(train, 24)
    per_token = -model.log_prob(test).sum() / sum(len(t) - 1 for t in test)
    assert per_token < -np.mean(np.log(unigram[np.concatenate([t[1:] for t in test])])) - 0.5
    assert model.log_prob(test).sum() > model.log_prob(random_ids([6] * 100)).sum()


def test_good_dull_and_wild_samples_are_told_apart():
    train, held_out = language(600, seed=0), language(150, seed=1)
    good = sample_quality(language(150, seed=2), train, held_out, 24)
    dull = sample_quality([text(4, 5, 6, 7)] * 149 + [text(4, 5, 6)], train, held_out, 24)
    wild = sample_quality(language(150, seed=3, stay=0.05), train, held_out, 24)
    copied = sample_quality(train[:150], train, held_out, 24)
    assert dull["forward_ppl"] < good["forward_ppl"] < wild["forward_ppl"]
    assert good["reverse_ppl"] < min(dull["reverse_ppl"], wild["reverse_ppl"])
    assert dull["self_bleu"] > good["self_bleu"] > wild["self_bleu"]
    assert copied["copied"] == 1 > good["copied"]
    assert good["forward_ppl"] == pytest.approx(good["real_forward_ppl"], rel=0.15)
    assert good["reverse_ppl"] == pytest.approx(good["real_reverse_ppl"], rel=0.15)


def brute_self_bleu(texts: list[np.ndarray]) -> float:
    """The definition, over all pairs."""
    scores = []
    for i, a in enumerate(texts):
        others = [b.tolist() for j, b in enumerate(texts) if j != i]
        logs = []
        for n in range(1, min(4, len(a)) + 1):
            grams = [tuple(a[k : k + n]) for k in range(len(a) - n + 1)]
            matches = 0
            for gram in set(grams):
                most = max(sum(tuple(b[k : k + n]) == gram for k in range(len(b))) for b in others)
                matches += min(grams.count(gram), most)
            logs.append(np.log(max(matches, 0.5) / len(grams)))
        nearest = min((len(b) for b in others), key=lambda length: (abs(length - len(a)), length))
        scores.append(np.exp(np.mean(logs)) * np.exp(min(0, 1 - nearest / len(a))))
    return 100 * float(np.mean(scores))


def test_self_bleu_is_its_definition():
    rng = np.random.default_rng(0)
    texts = [rng.integers(4, 9, rng.integers(1, 9)) for _ in range(25)]
    assert self_bleu(texts) == pytest.approx(brute_self_bleu(texts))
    assert self_bleu([texts[0]] * 3) == pytest.approx(100)


def test_too_few_texts_are_refused():
    some = language(3, seed=0)
    with pytest.raises(TextVAEError, match="at least two samples"):
        sample_quality(some[:1], some, some, 24)
    with pytest.raises(TextVAEError, match="training texts"):
        sample_quality(some, [], some, 24)


def test_every_order_is_used():
    """A context never seen falls back to the shorter one, down to the uniform distribution."""
    model = Trigrams(language(50, seed=0), 30)
    never = [np.array([BOS, a, b, c]) for a, b, c in product((27, 28), (27, 28), (4, 29))]
    assert np.isfinite(model.log_prob(never)).all()
