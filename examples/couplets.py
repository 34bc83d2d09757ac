"""Couplets: does a model that reads characters learn the form, five and five?

Without a file, couplets are made up: each half is a colour, a thing, a verb, a side and a place, and the halves are
parallel.

Run it:

    python examples/couplets.py
    python examples/couplets.py couplets.txt --time-budget 10m
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from common import options, prepare

from textvae import Corpus

_CLASSES = ("青白红碧黄翠", "山水云烟花鸟", "横绕过连落入", "东西南北前后", "郭城楼台村溪")
_FORM = len(_CLASSES)


def made_up(n: int, seed: int) -> Corpus:
    """Couplets such as 青山横北郭，白水绕东城。 Parallel halves never share a character."""
    rng = np.random.default_rng(seed)
    pairs = [[rng.permutation(list(characters))[:2] for characters in _CLASSES] for _ in range(n)]
    texts = ["".join(p[0] for p in pair) + "，" + "".join(p[1] for p in pair) + "。" for pair in pairs]
    return Corpus(texts, name="couplets")


def is_regular(text: str) -> bool:
    """Whether a text is five characters, a comma, five characters and a full stop."""
    halves = text.removesuffix("。").split("，")
    return text.endswith("。") and [len(half) for half in halves] == [_FORM, _FORM]


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Prints couplets; returns which share of new ones, and of training ones, have the form."""
    parser = options(__doc__, file=None, most=4000)
    own = parser.parse_args(argv).file
    texts = made_up(4000, seed=0) if own is None else None
    vae, train, held_out, chosen = prepare(parser, argv, texts)
    new = vae.sample(200, seed=chosen.seed, temperature=0.7, allow_unknown=False)
    print(*new[:8], sep="\n")
    print("\nOn the way:", *vae.interpolate(held_out.texts[0], held_out.texts[1], steps=5), sep="\n  ")
    shares = {
        "new": float(np.mean([*map(is_regular, new)])),
        "train": float(np.mean([*map(is_regular, train.texts)])),
    }
    print(f"\nof the form: {shares['new']:.0%} of new ones, {shares['train']:.0%} of those trained on")
    return shares


if __name__ == "__main__":
    main()
