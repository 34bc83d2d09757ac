"""Variational autoencoders for text.

>>> from textvae import TextVAE, load_corpus  # doctest: +SKIP
>>> vae = TextVAE(latent_dim=32).fit(load_corpus("reviews.csv").texts)  # doctest: +SKIP
>>> vae.sample(5)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textvae.errors import TextVAEError, TextVAEWarning
    from textvae.estimators import MatrixVAE, TextVAE, TopicVAE, choose_n_topics
    from textvae.text.corpus import Corpus
    from textvae.text.count import WordCounter
    from textvae.text.read import load_corpus

    __version__: str

__all__ = [
    "Corpus",
    "MatrixVAE",
    "TextVAE",
    "TextVAEError",
    "TextVAEWarning",
    "TopicVAE",
    "WordCounter",
    "__version__",
    "choose_n_topics",
    "load_corpus",
]

# Loaded when first asked for, so that importing textvae does not import torch.
_HOMES = {
    "Corpus": "textvae.text.corpus",
    "MatrixVAE": "textvae.estimators",
    "TextVAE": "textvae.estimators",
    "TextVAEError": "textvae.errors",
    "TextVAEWarning": "textvae.errors",
    "TopicVAE": "textvae.estimators",
    "WordCounter": "textvae.text.count",
    "choose_n_topics": "textvae.estimators",
    "load_corpus": "textvae.text.read",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("textvae")
    if name not in _HOMES:
        raise AttributeError(f"module 'textvae' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
