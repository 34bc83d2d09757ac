"""How long the page of ``textvae explore`` takes from a slider's movement to the changed text, in Chromium.

    python benchmarks/slider.py MODEL [FILE] [--movements 60] [--json]

One person, one movement at a time: each goes to another place of another dimension, and the clock, which is the page's,
runs until what the page writes has changed. A movement that changes no word is not counted.
"""

from __future__ import annotations

import argparse
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from command import measure, parser, say
from load import serving
from playwright.sync_api import Page, sync_playwright

# milliseconds, or null where nothing has changed for two seconds
MOVE = """([number, share]) => new Promise((resolve) => {
  const slider = document.querySelectorAll(".slider input")[number];
  const text = () => document.querySelector("#written").textContent;
  const [low, high] = [Number(slider.min), Number(slider.max)];
  const before = text();
  const seen = new MutationObserver(() => { if (text() !== before) finish(performance.now() - begun); });
  const late = setTimeout(() => finish(null), 2000);
  const finish = (took) => { seen.disconnect(); clearTimeout(late); resolve(took); };
  seen.observe(document.body, { subtree: true, childList: true, characterData: true });
  slider.value = low + share * (high - low);
  const begun = performance.now();
  slider.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def move(page: Page, movements: int, seed: int) -> list[float]:
    """Milliseconds of each movement that changed the text."""
    rng = random.Random(seed)
    count = page.locator(".slider input").count()
    took = [page.evaluate(MOVE, [rng.randrange(count), rng.random()]) for _ in range(movements)]
    return [each for each in took if each is not None]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Opens the page, moves, tells."""
    with serving(options.model, options.file) as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url)
        page.locator("#written:not(:empty)").wait_for()
        took = move(page, options.movements, options.seed)
        browser.close()
    median, longest = float(np.median(took)), max(took)
    say(
        options,
        f"{median:.0f} ms, {longest:.0f} at most; {len(took)} of {options.movements} changed the text",
    )
    return {
        "movements": options.movements,
        "changed": len(took),
        "milliseconds": {"p50": median, "max": longest},
    }


def main() -> None:
    """Measures and prints."""
    options = parser(__doc__)
    options.add_argument("model", type=Path)
    options.add_argument("file", nargs="?", help="texts for the map and the search")
    options.add_argument("--movements", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--chromium", default=shutil.which("chromium"), help="where it is")
    measure(options.parse_args(), run)


if __name__ == "__main__":
    main()
