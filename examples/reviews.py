"""Reviews: train, measure, write back, invent, and go from praise to blame.

python examples/reviews.py                                              # built-in restaurant reviews, a minute
python examples/reviews.py waimai_10k.tsv --time-budget 4m              # your own
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common import options, prepare


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Prints what the model does, and returns its figures on texts that it has not seen."""
    vae, _, held_out, chosen = prepare(options(__doc__), argv)
    figures = vae.evaluate(held_out.texts[:500], iw_samples=50, seed=chosen.seed)
    print(
        f"NLL {figures['nll']:.1f} ± {figures['nll_stderr']:.1f} nats per text, mutual information {figures['mi']:.1f}"
    )
    for text in held_out.texts[:5]:
        print(f"{text}\n  -> {vae.reconstruct(text)}")
    print("\nInvented:", *vae.sample(5, seed=chosen.seed, temperature=0.7), sep="\n  ")
    print("\nOn the way:", *vae.interpolate(held_out.texts[0], held_out.texts[1], steps=6), sep="\n  ")
    return figures


if __name__ == "__main__":
    main()
