"""The models that commands work with; torch isn't imported before one is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textvae.estimators import TextVAE, TopicVAE


def text_model(folder: Path, device: str) -> TextVAE:
    """The sentence VAE in a folder."""
    from textvae.estimators import TextVAE

    return TextVAE.from_pretrained(folder, device=device)


def topic_model(folder: Path, device: str) -> TopicVAE:
    """The topic model in a folder."""
    from textvae.estimators import TopicVAE

    return TopicVAE.from_pretrained(folder, device=device)


def any_model(folder: Path, device: str) -> TextVAE | TopicVAE:
    """The sentence VAE or the topic model in a folder."""
    from textvae.store import read_model_config

    kind = topic_model if read_model_config(folder)[0].reads == "topics" else text_model
    return kind(folder, device)
