"""Texts to counts of words: a sparse matrix, and the vocabulary that names its columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Self, cast

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from textvae.errors import TextVAEError, first_line
from textvae.text.formats import blocks_of
from textvae.text.stop_words import STOP_WORDS
from textvae.text.vocabulary import jieba_words
from textvae.text.words import is_mostly_cjk

_WORDS = r"(?u)\b[^\W\d_]\w+\b"  # two characters at least, the first a letter
_ANY_WORDS = r"(?u)\b\w+\b"  # where a vocabulary says which are wanted

Language = Literal["auto", "english", "chinese"]


class WordCounter(TransformerMixin, BaseEstimator):
    """Counts words as scikit-learn's ``CountVectorizer`` does, with defaults for topic models and of streams.

    Texts are read once, a block at a time; what stays of them are their counts, eight bytes for every word that a text
    has. English words are letters and digits that begin with a letter, two at least, in lower case; Chinese words are
    those of the segmenter (the extra ``zh``) with two characters at least.

    Args:
        language: decides what a word is and which stop words there are; ``auto`` looks at the first texts.
        stop_words: words not to count: ``auto`` for those of the language, a list of one's own, or None.
        ngram_range: least and most words that are counted as one, (1, 2) for words and pairs of neighbours.
        min_df, max_df: leave out words that fewer or more documents have: a number, or a share of the documents.
        max_features: words at most, the most frequent ones.
        vocabulary: the words to count, in the order of the columns; then the options above choose none.

    Attributes:
        vocabulary_: word -> column.
        language_: the language that was found.

    >>> counter = WordCounter(min_df=1, max_df=1.0)
    >>> counter.fit_transform(["Cats chase mice.", "Mice eat the cheese."]).toarray().tolist()
    [[1, 1, 0, 0, 1], [0, 0, 1, 1, 1]]
    >>> counter.get_feature_names_out().tolist()
    ['cats', 'chase', 'cheese', 'eat', 'mice']
    """

    vocabulary_: dict[str, int]
    language_: str

    def __init__(
        self,
        *,
        language: Language = "auto",
        stop_words: str | Iterable[str] | None = "auto",
        ngram_range: tuple[int, int] = (1, 1),
        min_df: float = 3,
        max_df: float = 0.5,
        max_features: int | None = 10_000,
        vocabulary: Sequence[str] | None = None,
    ):
        self.language = language
        self.stop_words = stop_words
        self.ngram_range = ngram_range
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.vocabulary = vocabulary

    def fit(self, raw_documents: Iterable[str], y: object = None) -> Self:
        """Learns the vocabulary of texts."""
        self.fit_transform(raw_documents)
        return self

    def fit_transform(self, raw_documents: Iterable[str], y: object = None) -> scipy.sparse.csr_array:  # pyright: ignore
        """Learns the vocabulary of texts and counts them: (N, V) int32, columns in the order of the alphabet.

        Raises:
            TextVAEError: an option can't be used, or no word is left.
        """
        blocks = blocks_of(_checked(raw_documents))
        first = next(blocks, [])
        blocks = itertools.chain([first], blocks)
        self.language_ = self._language(first)
        if self.vocabulary is not None:
            self.vocabulary_ = word_columns(self.vocabulary)
            return _stacked(map(self._count, blocks), len(self.vocabulary_))
        seen: dict[str, int] = {}
        return self._keep([self._count_all(block, seen) for block in blocks], seen)

    def transform(self, raw_documents: Iterable[str]) -> scipy.sparse.csr_array:
        """The counts of texts, (N, V) int32; words outside the vocabulary are not counted."""
        check_is_fitted(self, "vocabulary_")
        return _stacked(map(self._count, blocks_of(_checked(raw_documents))), len(self.vocabulary_))

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """(V,) the words, in the order of the columns."""
        check_is_fitted(self, "vocabulary_")
        return np.array(list(self.vocabulary_), dtype=object)

    def build_analyzer(self) -> Any:
        """The function from a text to its words, those outside the vocabulary included."""
        check_is_fitted(self, "language_")
        return self._counter().build_analyzer()

    # ------------------------------------------------------------------ within

    def _language(self, texts: Sequence[str]) -> str:
        if self.language not in ("auto", *STOP_WORDS):
            raise TextVAEError(f"There is no language '{self.language}'; there are: auto, english, chinese.")
        if self.language != "auto":
            return self.language
        return "chinese" if is_mostly_cjk(texts) else "english"

    def _counter(self, **options: Any) -> CountVectorizer:
        given = self.vocabulary is not None
        if self.stop_words == "auto":
            stop_words = frozenset() if given else STOP_WORDS[self.language_]
        elif isinstance(self.stop_words, str):
            if self.stop_words not in STOP_WORDS:
                raise TextVAEError(
                    f"There are no stop words '{self.stop_words}'; there are: auto, english, chinese, or a list."
                )
            stop_words = STOP_WORDS[self.stop_words]
        else:
            stop_words = frozenset(self.stop_words or ())
        if self.language_ == "chinese":
            return CountVectorizer(
                tokenizer=_ChineseWords(stop_words, 1 if given else 2),
                token_pattern=cast(Any, None),
                ngram_range=self.ngram_range,
                **options,
            )
        return CountVectorizer(
            token_pattern=_ANY_WORDS if given else _WORDS,
            lowercase=not given or all(word == word.lower() for word in self.vocabulary or ()),
            stop_words=cast(Any, sorted(stop_words) or None),
            ngram_range=self.ngram_range,
            **options,
        )

    def _count(self, texts: Sequence[str]) -> scipy.sparse.csr_array:
        counts = self._counter(vocabulary=self.vocabulary_, dtype=np.int32).transform(texts)
        return scipy.sparse.csr_array(counts)

    def _count_all(self, texts: Sequence[str], seen: dict[str, int]) -> scipy.sparse.csr_array:
        """The counts of a block (n, words so far); words that are new get the next places in ``seen``."""
        try:
            counter = self._counter(dtype=np.int32)
            counts: Any = counter.fit_transform(texts)
        except ValueError as error:
            if "empty vocabulary" in str(error):
                return scipy.sparse.csr_array((len(texts), len(seen)), dtype=np.int32)
            raise TextVAEError(f"Words can't be counted like that: {first_line(error)}") from error
        places = np.array([seen.setdefault(word, len(seen)) for word in counter.get_feature_names_out()])
        return scipy.sparse.csr_array(
            (counts.data, places[counts.indices].astype(np.int32), counts.indptr),
            shape=(len(texts), len(seen)),
        )

    def _keep(self, parts: list[Any], seen: dict[str, int]) -> scipy.sparse.csr_array:
        """The counts of the words that the options ask for, in the order of the alphabet."""
        documents = sum(part.shape[0] for part in parts)
        having, total = np.zeros(len(seen), np.int64), np.zeros(len(seen), np.int64)
        for part in parts:
            having += np.bincount(part.indices, minlength=len(seen))
            total += np.bincount(part.indices, weights=part.data, minlength=len(seen)).astype(np.int64)
        least, most = (_documents(df, documents) for df in (self.min_df, self.max_df))
        words = np.array(list(seen), dtype=object)
        kept = np.flatnonzero((having >= least) & (having <= most))
        if not len(kept):
            raise TextVAEError(
                f"No word of the {len(seen):,} is left: {documents:,} documents, and min_df={self.min_df} with "
                f"max_df={self.max_df} wants words that at least {least:g} and at most {most:g} of them have."
            )
        if self.max_features is not None and len(kept) > self.max_features:
            by_count = np.lexsort((words[kept].astype(str), -total[kept]))
            kept = kept[by_count[: self.max_features]]
        kept = kept[np.argsort(words[kept].astype(str))]
        self.vocabulary_ = {word: column for column, word in enumerate(words[kept])}
        columns = np.full(len(seen), -1, np.int32)
        columns[kept] = np.arange(len(kept), dtype=np.int32)
        parts.reverse()
        return _stacked((_chosen(parts.pop(), columns) for _ in range(len(parts))), len(kept))


class _ChineseWords:
    """The words of a Chinese text with at least so many characters, all of them letters, and no stop words."""

    def __init__(self, stop_words: frozenset[str], least: int):
        self._stop_words, self._least = stop_words, least

    def __call__(self, text: str) -> list[str]:
        words = jieba_words(text)
        return [w for w in words if len(w) >= self._least and w.isalpha() and w not in self._stop_words]


def _checked(texts: Iterable[str]) -> Iterator[str]:
    if isinstance(texts, str):
        raise TextVAEError("A list of texts is needed here, and this is one text: put it in a list.")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TextVAEError(f"Text {place} is a {type(text).__name__}, not a string.")
        yield text


def word_columns(words: Sequence[str]) -> dict[str, int]:
    """Word -> column, as ``vocabulary_`` has it.

    Raises:
        TextVAEError: a word is there twice.
    """
    columns = {word: column for column, word in enumerate(words)}
    if len(columns) < len(words):
        twice = next(word for column, word in enumerate(words) if columns[word] != column)
        raise TextVAEError(f"The vocabulary has the word '{twice}' more than once.")
    return columns


def _documents(df: float, documents: int) -> float:
    """A share of the documents as a number of them, as scikit-learn tells one from the other."""
    return df if isinstance(df, int) else df * documents


def _chosen(part: Any, columns: np.ndarray) -> scipy.sparse.csr_array:
    """The counts in other columns; those with -1 are left out."""
    into = columns[part.indices]
    kept = into >= 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[part.indptr]
    chosen = scipy.sparse.csr_array(
        (part.data[kept], into[kept], indptr), shape=(part.shape[0], int(columns.max()) + 1)
    )
    chosen.sort_indices()
    return chosen


def _stacked(parts: Iterable[scipy.sparse.csr_array], columns: int) -> scipy.sparse.csr_array:
    rows = list(parts)
    if not rows:
        return scipy.sparse.csr_array((0, columns), dtype=np.int32)
    return cast(scipy.sparse.csr_array, scipy.sparse.vstack(rows, format="csr", dtype=np.int32))
