"""A trained model on one page: what it was trained on, how good it is, and what its latent space looks like."""

from textvae.report.page import write_report

__all__ = ["write_report"]
