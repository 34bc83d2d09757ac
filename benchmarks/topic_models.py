"""Topic models for the benchmark: textvae's presets, and what people use instead."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from topic_sets import TopicSet

from textvae import TopicVAE


class Fitted(NamedTuple):
    """What a model found: words by topic, shares by document.

    ``words`` (K, V): scores by which a topic's words are ranked. ``shares`` (N, K) of the test documents.
    ``perplexity`` per document of the test documents, where the model has a bound of it.
    """

    words: np.ndarray
    shares: np.ndarray
    perplexity: float | None = None


def preset(name: str, **options: Any) -> Callable[[TopicSet, int, int], Fitted]:
    """A preset of textvae, its defaults as they are but for options by their dotted names."""

    def fit(data: TopicSet, k: int, seed: int) -> Fitted:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # documents without a word are left out, as everywhere here
            model = TopicVAE(k, name, vocabulary=data.words, random_state=seed, set=options).fit(data.train)
            bound = model.perplexity(data.test, per="document", samples=1)
            return Fitted(model.model_.decoder.foremost().detach().numpy(), model.transform(data.test), bound)

    return fit


def nmf(data: TopicSet, k: int, seed: int) -> Fitted:
    """Non-negative matrix factorisation of tf-idf."""
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfTransformer

    weighted = TfidfTransformer().fit(data.train)
    options: dict[str, Any] = {"n_components": k, "init": "nndsvd", "random_state": seed, "max_iter": 300}
    model = NMF(**options).fit(weighted.transform(data.train))
    return Fitted(model.components_, model.transform(weighted.transform(data.test)))


def sklearn_lda(data: TopicSet, k: int, seed: int) -> Fitted:
    """Latent Dirichlet allocation by variational Bayes."""
    from sklearn.decomposition import LatentDirichletAllocation

    model = LatentDirichletAllocation(k, random_state=seed).fit(data.train)
    return Fitted(model.components_, model.transform(data.test))


def gensim_lda(data: TopicSet, k: int, seed: int) -> Fitted:
    """The same online, ten passes."""
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LdaModel

    names = dict(enumerate(data.words))
    model = LdaModel(
        Sparse2Corpus(data.train, documents_columns=False), k, names, passes=10, random_state=seed
    )
    shares, _ = model.inference(list(Sparse2Corpus(data.test, documents_columns=False)))
    return Fitted(model.get_topics(), shares)


def tomotopy_lda(data: TopicSet, k: int, seed: int) -> Fitted:
    """The same by Gibbs sampling, 500 iterations."""
    import tomotopy  # pyright: ignore[reportMissingImports]

    model = tomotopy.LDAModel(k=k, seed=seed)
    for words in _bags(data.train, data):
        model.add_doc(words)
    model.train(500, workers=1)
    topics = np.stack([model.get_topic_word_dist(topic) for topic in range(k)])
    documents = [model.make_doc(words or [data.words[0]]) for words in _bags(data.test, data)]
    shares, _ = model.infer(documents, workers=1)
    return Fitted(_columns(topics, model.used_vocabs, data), np.array(shares))


def topica_prodlda(data: TopicSet, k: int, seed: int) -> Fitted:
    """ProdLDA of the package topica, its defaults as they are."""
    import topica  # pyright: ignore[reportMissingImports]

    model = topica.ProdLDA(k, seed=seed)
    model.fit(_bags(data.train, data))
    shares = model.transform([words or [data.words[0]] for words in _bags(data.test, data)])
    return Fitted(_columns(model.topic_word, model.vocabulary, data), np.asarray(shares))


def topica_fastopic(data: TopicSet, k: int, seed: int) -> Fitted:
    """FASTopic (Wu et al. 2024) of topica; documents' vectors are 100 of latent semantic analysis, as none is given."""
    import topica  # pyright: ignore[reportMissingImports]
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    vectors = make_pipeline(TfidfTransformer(), TruncatedSVD(100, random_state=seed), Normalizer())
    model = topica.FASTopic(k, seed=seed)
    model.fit(_bags(data.train, data), vectors.fit_transform(data.train))
    shares = model.transform(doc_embeddings=vectors.transform(data.test))
    return Fitted(_columns(model.topic_word, model.vocabulary, data), np.asarray(shares))


def _bags(counts: Any, data: TopicSet) -> list[list[str]]:
    """Each document's words, as often as it has them."""
    words, counts = np.array(data.words), counts.tocsr()
    rows = zip(counts.indptr, counts.indptr[1:], strict=False)
    return [np.repeat(words[counts.indices[a:b]], counts.data[a:b].astype(int)).tolist() for a, b in rows]


def _columns(topics: np.ndarray, known: Sequence[str], data: TopicSet) -> np.ndarray:
    """(K, V) from topics over the words that a package has kept; 0 for the others."""
    place = {word: i for i, word in enumerate(known)}
    at = np.array([place.get(word, -1) for word in data.words])
    return np.where(at >= 0, np.asarray(topics)[:, at], 0)


# what of nvdm2016 predicts best, chosen on documents of training that were held out
_PREDICTING: dict[str, Any] = {
    "decoder.counts": "urn",
    "train.batch_tokens": 64,
    "train.lr": 1e-3,
    "train.epochs": 40,
    "train.held_out": 0.02,
}

MODELS: dict[str, Callable[[TopicSet, int, int], Fitted]] = {
    **{
        f"textvae {name}": preset(name)
        for name in ("topics", "nvdm2016", "prodlda2017", "etm2020", "ecrtm2023")
    },
    "textvae nvdm2016 with an urn": preset("nvdm2016", **_PREDICTING),
    "NMF, tf-idf (scikit-learn)": nmf,
    "LDA (scikit-learn)": sklearn_lda,
    "LDA (gensim)": gensim_lda,
    "LDA (tomotopy)": tomotopy_lda,
    "ProdLDA (topica)": topica_prodlda,
    "FASTopic (topica)": topica_fastopic,
}
