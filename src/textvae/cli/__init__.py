"""The command ``textvae``."""

from textvae.cli.app import app, main

__all__ = ["app", "main"]
