"""Tokenizers: what goes in comes out, the special ids, the benchmark's counts, the file."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.errors import TextVAEError
from textvae.text.grammar import grammar_corpus
from textvae.text.read import load_corpus
from textvae.text.tokenize import Tokenizer
from textvae.text.words import is_pretokenized, join_words
from textvae.types import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

KINDS = ["word", "bpe", "unigram", "char", "jieba"]
CHINESE = ["很快，好吃，味道足，量大", "没有送水没有送水", "非常快，态度好。", "服务态度很好，下次还来"]
USUAL = [
    'He said "wait for me", then left (in a hurry).',
    "Don't you think it's 3.5 times 1,000?",
    "The dogs' owner didn't pay $5.00; she paid 20% less!",
    "A well-known state-of-the-art method: it works... mostly.",
    "Mr. O'Neil met the U.S. team at 9:30 a.m. in St. Louis.",
    "'Yes', she said, and/or 'no'.",
    "Email me@example.com or see https://example.com/a?b=c for more.",
    "What?! No way!!!",
    "“Curly quotes” and ‘single ones’, too — or rather 1990–1995.",
    "我用Python写了3个程序，很好用！",
    "It is great :) really 👍🏽 good",
]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [*grammar_corpus(500).texts, *CHINESE, "Naïve café – 5 €!"]


@pytest.fixture(scope="module")
def by_kind(texts: list[str]) -> dict[str, Tokenizer]:
    return {kind: Tokenizer.train(texts, kind, vocab_size=400) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_special_ids_come_first_and_frame_every_text(kind, by_kind, texts):
    tokenizer = by_kind[kind]
    assert tokenizer.vocabulary[:4] == list(SPECIAL_TOKENS)
    assert len(tokenizer.vocabulary) == tokenizer.vocab_size <= 404
    for ids in tokenizer.encode(texts):
        assert ids.dtype == np.int32
        assert ids[0] == BOS
        assert ids[-1] == EOS
        assert not np.isin(ids[1:-1], [PAD, BOS, EOS]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_literal_specials_in_a_text_are_ordinary(kind, texts):
    tokenizer = Tokenizer.train([*texts, *["a <s> b </s> c <pad> d"] * 20], kind, vocab_size=600)
    ids = tokenizer.encode(["<s> <pad> </s>x <s>", " <s>", "<s>"])
    assert not np.isin(np.concatenate([row[1:-1] for row in ids]), [PAD, BOS, EOS]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_literal_unk_is_the_unknown_token(kind, texts):
    tokenizer = Tokenizer.train([*texts, *["the <unk> was good"] * 20], kind, vocab_size=600)
    (ids,) = tokenizer.encode(["the <unk> was good"])
    assert (ids == UNK).sum() == 1
    assert tokenizer.frequencies is not None
    assert tokenizer.frequencies[UNK] >= 20
    assert tokenizer.decode(ids) == "the <unk> was good"


@pytest.mark.parametrize("kind", KINDS)
def test_frequencies_count_targets(kind, by_kind, texts):
    tokenizer = by_kind[kind]
    targets = np.concatenate([ids[1:] for ids in tokenizer.encode(texts)])
    np.testing.assert_array_equal(tokenizer.frequencies, np.bincount(targets, minlength=tokenizer.vocab_size))


@pytest.mark.parametrize("kind", KINDS)
def test_training_is_deterministic_and_the_file_keeps_everything(kind, by_kind, texts, tmp_path):
    tokenizer = by_kind[kind]
    assert Tokenizer.train(texts, kind, vocab_size=400).to_json() == tokenizer.to_json()
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert loaded.to_json() == tokenizer.to_json()
    assert (loaded.kind, loaded.pretokenized) == (tokenizer.kind, tokenizer.pretokenized)
    for one, other in zip(loaded.encode(texts), tokenizer.encode(texts), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_stand_beside_ids(kind, by_kind, texts):
    tokenizer = by_kind[kind]
    vocabulary = tokenizer.vocabulary
    for text, ids in zip(texts, tokenizer.encode(texts), strict=True):
        pieces = tokenizer.tokens(text)
        for piece, i in zip(pieces, ids[1:-1], strict=True):
            assert piece not in vocabulary if i == UNK else piece == vocabulary[i]
        if kind in ("bpe", "unigram"):
            continue  # a piece may be a byte, part of a character
        rest = iter(text)
        assert all(character in rest for character in "".join(pieces))  # in the text's order
        assert sum(map(len, pieces)) == len(text) - (kind != "char") * text.count(" ")


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_pieces_of_bytes_write_any_text_back(kind, text, by_kind):
    tokenizer = by_kind[kind]
    (ids,) = tokenizer.encode([text])
    assert tokenizer.decode(ids) == text


@settings(max_examples=100, deadline=None)
@given(text=st.text("abc ,.!'\n我们"))
def test_characters_write_back_texts_of_known_characters(text):
    tokenizer = Tokenizer.train(["abc ,.!'\n我们"], "char")
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


@pytest.mark.parametrize("text", USUAL)
def test_words_write_usual_sentences_back(text):
    tokenizer = Tokenizer.train(USUAL, "word")
    assert not tokenizer.pretokenized
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


def test_words_of_the_built_in_reviews_come_back():
    texts = grammar_corpus(1000, seed=3).texts
    tokenizer = Tokenizer.train(texts)
    assert tokenizer.decode_batch(tokenizer.encode(texts)) == texts


def test_decode_stops_at_the_end_and_skips_pads(by_kind):
    tokenizer = by_kind["word"]
    (ids,) = tokenizer.encode(["The soup was good."])
    assert tokenizer.decode([*ids, *ids]) == "The soup was good."
    assert tokenizer.decode([PAD, *ids[1:-1], PAD]) == "The soup was good."
    assert tokenizer.decode([EOS]) == tokenizer.decode([]) == ""
    assert "<unk>" in tokenizer.decode(tokenizer.encode(["The xylophone was good."])[0])


def test_vocab_size_leaves_specials_out():
    tokenizer = Tokenizer.train(["a b c d e", "a b c", "a"], "word", vocab_size=3)
    assert tokenizer.vocabulary == [*SPECIAL_TOKENS, "a", "b", "c"]


def test_auto_chooses_characters_for_chinese_and_words_else():
    assert Tokenizer.train(CHINESE).kind == "char"
    assert Tokenizer.train(grammar_corpus(50).texts).kind == "word"


def test_chinese_words_join_without_spaces():
    tokenizer = Tokenizer.train(CHINESE, "jieba")
    assert "态度" in tokenizer.vocabulary
    assert tokenizer.decode_batch(tokenizer.encode(CHINESE)) == CHINESE


def test_pretokenized_texts_are_split_at_spaces_alone():
    texts = ["it 's fine , really .", "no , it was n't ( at all ) ."] * 20
    assert is_pretokenized(texts)
    tokenizer = Tokenizer.train(texts, "word")
    assert tokenizer.tokens("it 's n't") == ["it", "'s", "n't"]
    assert tokenizer.decode_batch(tokenizer.encode(texts)) == texts
    assert not is_pretokenized(["It's fine, really.", "No."])
    assert not is_pretokenized(CHINESE)


CUT = ["我 喜欢 这 家 店 。", "味道 很 好 ， 下次 还 来 ！", "太 贵 了 。", "好吃"]


def test_chinese_cut_into_words_is_split_at_its_spaces():
    assert is_pretokenized(CUT * 10)
    tokenizer = Tokenizer.train(CUT * 10)
    assert (tokenizer.kind, tokenizer.pretokenized) == ("word", True)
    assert tokenizer.tokens("我 喜欢 味道 。") == ["我", "喜欢", "味道", "。"]
    assert tokenizer.decode_batch(tokenizer.encode(CUT)) == CUT
    assert Tokenizer.train(CUT * 10, "char").kind == "char"


@pytest.mark.parametrize(
    "reviews",
    [
        [
            "很快 好吃，味道足",
            "没有送水没有送水",
            "非常快，态度好。",
            "服务态度很好，下次还来",
        ],  # a space now and then
        ["服务态度很好 下次还来", "非常好吃 送餐也很快", "味道一般 价格有点贵"],  # spaces for commas
        ["很快， 好吃， 味道足！", "很好， 不错， 快。"],  # spaces after marks
        ["好吃", "不错", "快"],
    ],
)
def test_chinese_with_spaces_is_not_cut_into_words(reviews: list[str]):
    assert not is_pretokenized(reviews)
    assert Tokenizer.train(reviews).kind == "char"


def test_join_words_of_a_model():
    words = ["it", "'s", "(", "really", ")", "good", ",", '"', "they", "say", '"', "."]
    assert join_words(words) == 'it\'s (really) good, "they say".'


def test_half_a_surrogate_pair_is_replaced(by_kind):
    assert by_kind["bpe"].decode(by_kind["bpe"].encode(["a\ud800b"])[0]) == "a\ufffdb"


def test_penn_treebank_counts(shared_data):
    train = load_corpus(shared_data / "ptb/ptb.train.txt.gz").texts
    test = load_corpus(shared_data / "ptb/ptb.test.txt").texts
    tokenizer = Tokenizer.train(train, vocab_size=10_000)
    assert (tokenizer.kind, tokenizer.pretokenized) == ("word", True)
    assert tokenizer.vocab_size == 9_998 + 4
    assert tokenizer.frequencies is not None
    assert tokenizer.frequencies.sum() == 929_589
    ids = tokenizer.encode(test)
    assert sum(len(row) - 1 for row in ids) == 78_669 + 3_761
    assert sum(int((row == UNK).sum()) for row in ids) == sum(text.split().count("<unk>") for text in test)
    assert tokenizer.decode_batch(ids) == test


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": ["a"], "kind": "words"}, "no tokenizer kind 'words'"),
        ({"texts": []}, "needs texts"),
        ({"texts": ["", " "]}, "needs texts"),
        ({"texts": ["<unk> <unk>"], "kind": "unigram"}, "needs texts"),
        ({"texts": ["a"], "vocab_size": 0}, "vocab_size must be at least 1"),
    ],
)
def test_bad_training_is_refused(arguments, message):
    with pytest.raises(TextVAEError, match=message):
        Tokenizer.train(**arguments)


def test_one_text_is_no_list_of_texts(by_kind):
    with pytest.raises(TextVAEError, match="a list of texts"):
        by_kind["word"].encode("The soup")
    with pytest.raises(TextVAEError, match="a list of texts"):
        Tokenizer.train("The soup")


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(TextVAEError, match=r"pip install 'textvae\[zh\]'"):
        Tokenizer.train(CHINESE, "jieba")


def test_foreign_and_damaged_files_are_refused(by_kind, tmp_path):
    path = tmp_path / "tokenizer.json"
    with pytest.raises(TextVAEError, match="cannot read the tokenizer"):
        Tokenizer.load(path)
    good = by_kind["word"].to_json()
    foreign = json.loads(good)
    del foreign["textvae"]
    newer = json.loads(good)
    newer["textvae"]["version"] = 99
    short = json.loads(good)
    short["textvae"]["frequencies"].pop()
    for content in (good[:-10], "[]", json.dumps(foreign), json.dumps(newer), json.dumps(short)):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(TextVAEError, match=r"tokenizer\.json: this is not a tokenizer saved by textvae"):
            Tokenizer.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TextVAEError, match="cannot read the tokenizer"):
        Tokenizer.load(path)


FORKING = """
import os
from textvae.text.tokenize import Tokenizer
texts = [f"some text of number {i}" for i in range(3000)]
tokenizer = Tokenizer.train(texts)
ids = [row.tolist() for row in tokenizer.encode(texts)]
assert len(os.listdir("/proc/self/task")) > 1, "no threads"
child = os.fork()
if not child:
    os._exit([row.tolist() for row in tokenizer.encode(texts)] != ids)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted where Linux shows them")
def test_encoding_uses_threads_and_a_forked_process_does_not_wait_for_them():
    environment = {key: value for key, value in os.environ.items() if key != "TOKENIZERS_PARALLELISM"}
    environment |= {"RAYON_NUM_THREADS": "2", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FORKING], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
