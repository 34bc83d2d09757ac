"""Headlines: do neighbours in the latent space belong to the same section? No label was trained on.

python examples/headlines.py                                            # built-in reviews and their aspect
python examples/headlines.py headlines.txt --text-column 0 --label-column 1 --time-budget 4m
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from common import label_of, options, prepare

from textvae.errors import TextVAEError
from textvae.latent.neighbours import nearest

_NEIGHBOURS = 5


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Prints some headlines with their neighbours; returns how often these share the section, and by chance."""
    vae, train, held_out, chosen = prepare(options(__doc__, label_column=None), argv)
    wanted = chosen.label_column or ("aspect" if chosen.file == "grammar" else None)
    known, asked = label_of(train, wanted), label_of(held_out, wanted)
    if known is None or asked is None:
        raise TextVAEError("Sections are labels: name their column with --label-column.")
    found = nearest(vae.encode(train.texts), vae.encode(held_out.texts), k=_NEIGHBOURS)
    for row, (text, section) in zip(found.indices[:5], zip(held_out.texts, asked, strict=True), strict=False):
        print(f"{text} [{section}]", *(f"{train.texts[i]} [{known[i]}]" for i in row), sep="\n  ")
    same = float((known[found.indices] == asked[:, None]).mean())
    shares = np.unique(known, return_counts=True)[1] / len(known)
    chance = float((shares**2).sum())
    print(f"\n{same:.0%} of {_NEIGHBOURS} neighbours are of the same section; by chance {chance:.0%}")
    return {"same": same, "chance": chance}


if __name__ == "__main__":
    main()
