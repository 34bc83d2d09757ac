"""BERTopic on our latents: it finds the topics, the VAE trained on your texts says what is near what.

BERTopic takes any scikit-learn pipeline for its embedding model, and a TextVAE is a step of one. Install it first, by
``pip install bertopic``.

Run it:

    python examples/bertopic_embeddings.py reviews.csv --text-column review
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common import options, prepare
from sklearn.pipeline import make_pipeline

from textvae.errors import TextVAEError


def main(argv: Sequence[str] | None = None) -> Any:
    """Prints the topics, and returns the fitted BERTopic model."""
    try:
        from bertopic import BERTopic  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise TextVAEError("This example needs BERTopic: pip install bertopic") from error
    vae, train, _, _ = prepare(options(__doc__), argv)
    topics = BERTopic(embedding_model=make_pipeline(vae), min_topic_size=max(10, len(train) // 100))
    topics.fit(train.texts)
    print(topics.get_topic_info()[["Topic", "Count", "Name"]].to_string(index=False))
    return topics


if __name__ == "__main__":
    main()
