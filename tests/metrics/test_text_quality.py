import numpy as np
import pytest

from textvae.errors import TextVAEError
from textvae.metrics.text_quality import corpus_bleu, exact_match, unknown_rate
from textvae.text.batch import Dataset
from textvae.types import BOS, EOS, UNK


def test_bleu_of_equal_texts_is_100_however_short():
    assert corpus_bleu(["a b c d e"], ["a b c d e"]) == pytest.approx(100)
    assert corpus_bleu(["a", "b c"], ["a", "b c"]) == pytest.approx(100)
    assert corpus_bleu(["a b", "."], ["c d", "e"]) == 0


def test_bleu_by_hand():
    # 1-grams 4/5, 2-grams 2/4, 3-grams 1/3, 4-grams 0/2, smoothed to 1/(2·2); no brevity penalty
    exact = 100 * (4 / 5 * 2 / 4 * 1 / 3 * 1 / 4) ** 0.25
    assert corpus_bleu(["a b c x d"], ["a b c d e"]) == pytest.approx(exact)
    assert corpus_bleu(["A b"], ["a b"]) < 100


def test_exact_match():
    assert exact_match(["a", "b", "c ", ""], ["a", "B", "c", ""]) == 0.5


@pytest.mark.parametrize("measure", [corpus_bleu, exact_match])
def test_unequal_numbers_are_refused(measure):
    for pair in ((["a"], ["a", "b"]), ([], [])):
        with pytest.raises(TextVAEError, match="one reconstruction for each original"):
            measure(*pair)


def test_unknown_rate_counts_words_and_ends():
    assert unknown_rate(Dataset([np.array([BOS, UNK, 5, UNK, EOS]), np.array([BOS, EOS])])) == 2 / 5
