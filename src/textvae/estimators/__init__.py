"""Strings in, strings out, and the same for matrices: the models as scikit-learn estimators."""

from textvae.estimators.matrix_vae import MatrixVAE
from textvae.estimators.text_vae import TextVAE
from textvae.estimators.topic_vae import TopicVAE
from textvae.estimators.topics.choosing import choose_n_topics

__all__ = ["MatrixVAE", "TextVAE", "TopicVAE", "choose_n_topics"]
