"""How long the page of ``textvae explore`` takes from a slider's movement to the changed text, in Chromium.

    python benchmarks/slider.py MODEL [FILE] --movements 60

One person, one movement at a time: each goes to another place of another dimension, and the clock, which is the page's,
runs until what the page writes has changed. A movement that changes no word is not counted.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path

import numpy as np
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


def main() -> None:
    """Opens the page, moves, tells."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("file", nargs="?", help="texts for the map and the search")
    parser.add_argument("--movements", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="where it is")
    given = parser.parse_args()
    with serving(given.model, given.file) as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url)
        page.locator("#written:not(:empty)").wait_for()
        took = move(page, given.movements, given.seed)
        browser.close()
    figures = {
        "movements": given.movements,
        "changed": len(took),
        "milliseconds": {"p50": float(np.median(took)), "max": max(took)},
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
