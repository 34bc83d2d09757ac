"""Strings in, strings out: the models as scikit-learn estimators."""

from textvae.estimators.text_vae import TextVAE

__all__ = ["TextVAE"]
