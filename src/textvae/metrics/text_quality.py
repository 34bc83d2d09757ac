"""How close reconstructions come to their originals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from textvae.errors import TextVAEError
from textvae.text.batch import Dataset
from textvae.types import UNK


def corpus_bleu(reconstructions: Sequence[str], originals: Sequence[str]) -> float:
    """Corpus BLEU of each text against its one original, from 0 to 100 (Papineni et al. 2002).

    Up to 4-grams of what blanks separate, case kept, exponential smoothing. Orders longer than every text are
    left out instead of counting as zero, so that short texts can reach 100.
    sacreBLEU's signature: ``nrefs:1|case:mixed|eff:yes|tok:none|smooth:exp`` (Post 2018).
    """
    _check_pairs(reconstructions, originals)
    # force only silences a warning about texts that look tokenised, which they should
    bleu = BLEU(tokenize="none", effective_order=True, force=True)
    return float(bleu.corpus_score(list(reconstructions), [list(originals)]).score)


def exact_match(reconstructions: Sequence[str], originals: Sequence[str]) -> float:
    """Share of texts that are the same as their originals, character by character."""
    _check_pairs(reconstructions, originals)
    return sum(a == b for a, b in zip(reconstructions, originals, strict=True)) / len(originals)


def _check_pairs(reconstructions: Sequence[str], originals: Sequence[str]) -> None:
    if len(reconstructions) != len(originals) or not len(originals):
        raise TextVAEError(
            "A comparison needs one reconstruction for each original, and at least one: "
            f"got {len(reconstructions)} for {len(originals)}."
        )


def unknown_counts(dataset: Dataset) -> np.ndarray:
    """(N,) how many of each text's tokens are ``<unk>``."""
    return np.array([int((dataset[i] == UNK).sum()) for i in range(len(dataset))])


def unknown_rate(dataset: Dataset) -> float:
    """Share of the counted tokens (words and ends of sentence) that are ``<unk>``."""
    return int(unknown_counts(dataset).sum()) / int(dataset.lengths.sum())
