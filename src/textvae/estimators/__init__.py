"""Strings in, strings out, and the same for matrices: the models as scikit-learn estimators."""

from textvae.estimators.matrix_vae import MatrixVAE
from textvae.estimators.text_vae import TextVAE

__all__ = ["MatrixVAE", "TextVAE"]
