"""How probable a topic model finds documents, in nats: as they are, and one half from the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from torch import Tensor

from textvae.errors import TextVAEError
from textvae.matrix import RowsDataset
from textvae.metrics.topic_posterior import inferred
from textvae.model import VAE
from textvae.types import Rows

_LEAST = 1e-30  # probability of a word, as in the decoders


def shares(model: VAE, documents: RowsDataset, most: int) -> np.ndarray:
    """(N, K) float32 shares of topics: θ at the mean of q(z|x)."""
    theta = np.empty((len(documents), model.latent_dim), np.float32)
    for places, _, q in inferred(model, documents, most):
        theta[places] = model.decoder.theta(q.mean).cpu()
    return theta


def log_likelihood(
    model: VAE, documents: RowsDataset, most: int, scored: RowsDataset | None = None
) -> np.ndarray:
    """(N,) log p(x'|z) in nats at the mean of q(z|x): of the documents themselves, or of others under their z.

    No bound of log p(x'), as z is no integral; it compares documents and models.
    """
    nats = np.empty(len(documents))
    for places, batch, q in inferred(model, documents, most):
        words = batch if scored is None else scored.batch(places).to(batch.values.device)
        nats[places] = _counted(model, q.mean, batch, words).cpu().double()
    return nats


def _counted(model: VAE, z: Tensor, batch: Rows, words: Rows) -> Tensor:
    """(B,) Σ_v x_v log p(v|z), without what a decoder scores beside the words."""
    log_p = model.decoder(z, batch).probs.clamp_min(_LEAST).log()
    return (words.values * log_p).sum(-1)


def completion_perplexity(model: VAE, documents: RowsDataset, most: int, seed: int = 0) -> float:
    """Perplexity of one half of each document's words given the other (Wallach et al. 2009, section 5.1).

    The words of a document are parted at random, z is the mean of q(z|first half), and the figure is
    exp(−Σ log p(second half|z) / Σ words in it) over all documents. One of a single word is left out. Unlike a bound,
    it pays for nothing that a document has to tell itself.

    Raises:
        TextVAEError: counts that are no whole numbers can't be parted, nor documents of one word.
    """
    first, second = halves(documents.sparse(), seed)
    lengths = np.asarray(second.sum(1)).ravel()
    kept = np.flatnonzero(lengths)
    if not len(kept):
        raise TextVAEError("No document has two words, of which one could tell the other.")
    context = None if documents.context is None else documents.context[kept]
    seen = RowsDataset(first[kept], context)
    nats = log_likelihood(model, seen, most, RowsDataset(second[kept]))
    return float(np.exp(-nats.sum() / lengths.sum()))


def halves(counts: Any, seed: int = 0) -> tuple[Any, Any]:
    """Each document's words parted at random into two halves; of an odd number, the first has one more.

    Raises:
        TextVAEError: counts that are no whole numbers.
    """
    words = _Shuffled(counts, seed)
    seen = words.place < (words.lengths[words.document] + 1) // 2
    return words.where(seen), words.where(~seen)


def thinned(counts: Any, most: int, seed: int = 0) -> Any:
    """Each document with ``most`` of its words at most, drawn at random.

    Raises:
        TextVAEError: counts that are no whole numbers.
    """
    words = _Shuffled(counts, seed)
    return words.where(words.place < most)


def are_whole(counts: Any) -> bool:
    """Whether counts (N, V), sparse, are numbers of words rather than weights of them."""
    return np.array_equal(counts.data, np.round(counts.data))


class _Shuffled:
    """The words of documents one by one, in a random order within each."""

    def __init__(self, counts: Any, seed: int):
        if not are_whole(counts):
            raise TextVAEError("Only counts that are whole numbers can be parted.")
        self._shape = counts.shape
        number = counts.data.astype(np.int64)
        document = np.repeat(np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr)), number)
        order = np.lexsort((np.random.default_rng(seed).random(len(document)), document))
        self.document: np.ndarray = document[order]
        self._word = np.repeat(counts.indices, number)[order]
        self.lengths = np.bincount(document, minlength=counts.shape[0])
        self.place = np.arange(len(document)) - np.repeat(
            np.cumsum(self.lengths) - self.lengths, self.lengths
        )

    def where(self, chosen: np.ndarray) -> Any:
        """The chosen words as counts (N, V)."""
        cells = (self.document[chosen], self._word[chosen])
        return scipy.sparse.csr_array((np.ones(len(cells[0]), np.float32), cells), self._shape)


def unigram(counts: np.ndarray) -> np.ndarray:
    """(V,) log probabilities of words by how often (V,) they are in a corpus, half a time more each."""
    smooth = np.asarray(counts, np.float64) + 0.5
    return np.log(smooth / smooth.sum())
