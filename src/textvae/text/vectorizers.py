"""Vectorisers kept as JSON: their vocabulary and how they read a text, and nothing of the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.feature_extraction.text import CountVectorizer

from textvae.errors import TextVAEError
from textvae.text.count import WordCounter, word_columns


def vocabulary_of(vectorizer: Any) -> list[str]:
    """The words of a fitted vectoriser, in the order of the columns.

    Raises:
        TextVAEError: it can't name them, as a hashing one.
    """
    if not hasattr(vectorizer, "get_feature_names_out") or not hasattr(vectorizer, "vocabulary_"):
        raise TextVAEError(
            f"A {type(vectorizer).__name__} has no vocabulary, so that topics would have no words: "
            "take one that keeps it, such as CountVectorizer."
        )
    return [str(word) for word in vectorizer.get_feature_names_out()]


# What decides how one of scikit-learn's reads a text; all of it is JSON, or it can't be kept.
_ANALYSER = ("lowercase", "strip_accents", "token_pattern", "ngram_range", "analyzer", "stop_words", "binary")
_CODE = ("preprocessor", "tokenizer")


def vectorizer_state(vectorizer: Any) -> dict[str, Any]:
    """A fitted vectoriser as JSON: the class, the options that decide how it reads a text, and nothing of the texts.

    Raises:
        TextVAEError: it is code of the user's own, or of a class that JSON can't hold.
    """
    options = vectorizer.get_params(deep=False)
    if isinstance(vectorizer, WordCounter):
        stop_words = options["stop_words"]
        return {
            "class": "WordCounter",
            "language": vectorizer.language_,
            "stop_words": stop_words if isinstance(stop_words, str) else sorted(stop_words or ()),
            "ngram_range": list(options["ngram_range"]),
            "given": options["vocabulary"] is not None,
        }
    if type(vectorizer) is not CountVectorizer:
        raise TextVAEError(
            f"A model with a {type(vectorizer).__name__} can't be saved, only one with a WordCounter or a "
            "CountVectorizer: give the counts as a matrix, with vocabulary= for its columns."
        )
    code = [name for name in (*_CODE, "analyzer") if callable(options[name])]
    if code:
        raise TextVAEError(
            f"A model whose vectoriser has a {code[0]} of your own can't be saved, as code is not kept: "
            "give the counts as a matrix, with vocabulary= for its columns."
        )
    state = {name: options[name] for name in _ANALYSER}
    if isinstance(state["stop_words"], (set, frozenset, list)):
        state["stop_words"] = sorted(state["stop_words"])
    return {"class": "CountVectorizer", **state, "ngram_range": list(state["ngram_range"])}


def vectorizer_from(state: Mapping[str, Any], words: Sequence[str]) -> Any:
    """The vectoriser that ``vectorizer_state`` described, with these words."""
    options = dict(state)
    kind = options.pop("class")
    options["ngram_range"] = tuple(options["ngram_range"])
    if kind == "CountVectorizer":
        return CountVectorizer(**options, vocabulary=list(words)).fit([])
    given = options.pop("given")
    counter = WordCounter(**options, vocabulary=list(words) if given else None)
    counter.language_, counter.vocabulary_ = counter.language, word_columns(words)
    return counter
