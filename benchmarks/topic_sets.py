"""Documents for benchmarks of topic models: counts, and the order of their words where it is known."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from textvae.metrics.cooccurrence import Cooccurrence, in_documents, in_windows

_WORDS = 5000  # of a vocabulary that is made here, at most
_LEAST_DOCUMENTS = 5  # that a word of it is in


@dataclass(frozen=True)
class TopicSet:
    """A corpus.

    Attributes:
        words: (V,) the vocabulary.
        train, test: (N, V) counts; one corpus may be both.
        labels: (N,) of the test documents.
        texts: the ids of the training documents' words in their order; None where only bags of words are known.
    """

    words: list[str]
    train: Any
    test: Any
    labels: np.ndarray
    texts: list[np.ndarray] | None

    def reference(self, topics: np.ndarray, window: int) -> Cooccurrence:
        """Windows of so many words in the training documents, or whole documents where the order is unknown."""
        if self.texts is None:
            return in_documents(self.train, topics)
        return in_windows(self.texts, topics, window)


def bbc(folder: Path) -> TopicSet:
    """BBC News as OCTIS preprocesses it: 2,225 documents, 2,949 words."""
    words = (folder / "octis_bbc_news/vocabulary.txt").read_text(encoding="utf-8").split()
    with gzip.open(folder / "octis_bbc_news/corpus.tsv.gz", "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return _of([row[0].split() for row in rows], [row[2] for row in rows], words)


def twenty_newsgroups(folder: Path) -> TopicSet:
    """20 Newsgroups as in ECRTM's repository: 11,314 and 7,532 bags of 5,000 words."""
    return _ecrtm(folder / "ecrtm_20ng", None)


def nvdm_newsgroups(folder: Path) -> TopicSet:
    """20 Newsgroups as in NVDM's repository: 11,268 and 7,505 bags of 2,000 words, for perplexity."""
    own = folder / "20ng_nvdm"
    words = [line.split()[0] for line in (own / "vocab.new").read_text(encoding="utf-8").splitlines()]
    (train, _), (test, labels) = (
        _features(own / f"{part}.feat.txt.gz", len(words)) for part in ("train", "test")
    )
    return TopicSet(words, train, test, labels, None)


def ag_news(folder: Path) -> TopicSet:
    """AG News as in ECRTM's repository: 10,000 and 2,500 documents, 5,000 words."""
    texts = (folder / "ecrtm_agnews/train_texts.txt").read_text(encoding="utf-8").splitlines()
    return _ecrtm(folder / "ecrtm_agnews", [text.split() for text in texts])


def snippets(folder: Path) -> TopicSet:
    """SearchSnippets: 12,295 short texts."""
    texts = (folder / "sttm_short_texts/SearchSnippets.txt").read_text(encoding="utf-8").splitlines()
    labels = (folder / "sttm_short_texts/SearchSnippets.labels.txt").read_text(encoding="utf-8").split()
    return _of([text.split() for text in texts], labels, None)


def chinese_titles(folder: Path) -> TopicSet:
    """20,000 titles of THUCNews, cut into words by jieba; words of one character are left out."""
    import rjieba

    rows = [
        line.split("\t")
        for part in ("dev", "test")
        for line in (folder / f"thucnews_titles/{part}.txt").read_text(encoding="utf-8").splitlines()
    ]
    texts = [[word for word in rjieba.cut(row[0]) if len(word) > 1] for row in rows]
    return _of(texts, [row[1] for row in rows], None)


SETS: dict[str, Callable[[Path], TopicSet]] = {
    "bbc": bbc,
    "20ng": twenty_newsgroups,
    "20ng_nvdm": nvdm_newsgroups,
    "agnews": ag_news,
    "snippets": snippets,
    "thucnews": chinese_titles,
}


def _of(texts: Sequence[Sequence[str]], labels: Sequence[str], words: Sequence[str] | None) -> TopicSet:
    words = _frequent(texts) if words is None else words
    ids = _ids(texts, words)
    kept = [i for i, text in enumerate(ids) if (text >= 0).any()]
    ids = [ids[i] for i in kept]
    counts = _counts(ids, len(words))
    _, numbers = np.unique(np.array(labels)[kept], return_inverse=True)
    return TopicSet(list(words), counts, counts, numbers, ids)


def _features(path: Path, words: int) -> tuple[Any, np.ndarray]:
    """Rows of ``label id:count id:count …``, ids from 1: counts (N, V) and labels (N,)."""
    labels, ids, counts, starts = [], [], [], [0]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            label, *cells = line.split()
            labels.append(label)
            for cell in cells:
                word, count = cell.split(":")
                ids.append(int(word) - 1)
                counts.append(int(count))
            starts.append(len(ids))
    _, numbers = np.unique(labels, return_inverse=True)
    return scipy.sparse.csr_array((counts, ids, starts), shape=(len(labels), words)), numbers


def _frequent(texts: Sequence[Sequence[str]]) -> list[str]:
    documents = Counter(word for text in texts for word in set(text))
    # words of one frequency by their letters, so that columns are the same in each process
    order = sorted(documents, key=lambda word: (-documents[word], word))
    return [word for word in order[:_WORDS] if documents[word] >= _LEAST_DOCUMENTS]


def _ecrtm(folder: Path, texts: Sequence[Sequence[str]] | None) -> TopicSet:
    words = (folder / "vocab.txt").read_text(encoding="utf-8").split()
    train, test = (
        scipy.sparse.csr_array(scipy.sparse.load_npz(folder / f"{part}_bow.npz"))
        for part in ("train", "test")
    )
    labels = np.loadtxt(folder / "test_labels.txt", dtype=np.int64)
    return TopicSet(words, train, test, labels, None if texts is None else _ids(texts, words))


def _ids(texts: Sequence[Sequence[str]], words: Sequence[str]) -> list[np.ndarray]:
    number = {word: i for i, word in enumerate(words)}
    return [np.array([number.get(word, -1) for word in text], np.int64) for text in texts]


def _counts(ids: Sequence[np.ndarray], words: int) -> Any:
    rows = np.repeat(np.arange(len(ids)), [len(text) for text in ids])
    columns = np.concatenate(ids)
    known = columns >= 0
    cells = (np.ones(known.sum(), np.int64), (rows[known], columns[known]))
    counts: Any = scipy.sparse.csr_array(cells, shape=(len(ids), words))
    counts.sum_duplicates()
    return counts
