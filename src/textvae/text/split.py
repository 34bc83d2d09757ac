"""Training and validation texts that share no text."""

from __future__ import annotations

import numpy as np

from textvae.errors import TextVAEError
from textvae.text.corpus import Corpus

MOST_VALIDATION_TEXTS = 5000


def split_corpus(corpus: Corpus, validation: float = 0.05, seed: int = 0) -> tuple[Corpus, Corpus]:
    """Split into (train, validation), about a share ``validation`` of the texts in the second.

    Exact duplicates stay on one side, each side has at least one text, and validation has at most 5,000
    (unless each text is repeated more often than that). Order is kept on both sides. The split is a pure
    function of the texts, the share and the seed.

    Raises ``TextVAEError`` if the share is not between 0 and 1 or there are fewer than two distinct texts.
    """
    if not 0 < validation < 1:
        raise TextVAEError(f"the validation share must lie between 0 and 1, not {validation}")
    group_of: dict[str, int] = {}
    groups = np.array([group_of.setdefault(text, len(group_of)) for text in corpus.texts], dtype=np.int64)
    if len(group_of) < 2:
        raise TextVAEError(
            f"{corpus.name}: a training and a validation text are needed, "
            f"but there {'is no text' if not group_of else 'is only one distinct text'}"
        )
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    wanted = min(max(1, round(validation * len(corpus))), MOST_VALIDATION_TEXTS)
    # Groups in random order, skipping any that would overfill: a much repeated text goes to training.
    chosen = np.zeros(len(sizes), dtype=bool)
    room = wanted
    for group in order:
        if room == 0:
            break
        if sizes[group] <= room:
            chosen[group] = True
            room -= sizes[group]
    if not chosen.any():
        chosen[order[np.argmin(sizes[order])]] = True
    if chosen.all():
        chosen[order[-1]] = False
    held_out = chosen[groups]
    return corpus.select(~held_out), corpus.select(held_out)
