"""A real Chromium, and a small model to look at."""

import csv
import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
# Without these, Chromium looks for updates and syncs; as root it needs to do without its sandbox.
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_LOCAL = re.compile(r"(file|data|blob|about):|http://(127\.0\.0\.1|localhost|\[::1\])[:/]")
_PATIENCE = 20_000  # milliseconds, on a machine that has other work
expect.set_options(timeout=_PATIENCE)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


@pytest.fixture(scope="session")
def chromium():
    """The browser: $CHROMIUM, or one that is installed. Without one the tests are skipped, unless they must run."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, (*_NAMES, _MAC))), None)
    if path is None:
        missing = pytest.fail if os.environ.get("TEXTVAE_BROWSER") == "required" else pytest.skip
        missing("browser tests need Chromium: install it, or name it in $CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


def _watched(browser: Browser, **options):
    """A page in a context of its own; afterwards nothing may have gone wrong, and nothing have left the machine."""
    wrong: list[str] = []
    context = browser.new_context(locale="en-GB", **options)
    context.set_default_timeout(_PATIENCE)

    def route(route, request):
        if _LOCAL.match(request.url):
            route.continue_()
        else:
            wrong.append(f"request to {request.url}")
            route.abort()

    context.route("**/*", route)
    page = context.new_page()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    try:
        context.close()
    except Error as error:
        wrong.append(str(error))
    assert not wrong


@pytest.fixture
def page(chromium):
    """A page of a desktop's size, which fails the test on an error in the console or a request to elsewhere."""
    yield from _watched(chromium, viewport={"width": 1360, "height": 900})


@pytest.fixture
def phone_page(chromium):
    """The same of a phone's size."""
    yield from _watched(chromium, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


@pytest.fixture
def dark_page(chromium):
    """The same for someone who likes it dark."""
    yield from _watched(chromium, viewport={"width": 1360, "height": 900}, color_scheme="dark")


@pytest.fixture(scope="session")
def shot():
    """``shot(page, "report-light")``: a picture of the whole page, to be looked at."""

    def take(page: Page, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take


@pytest.fixture(scope="session")
def axe():
    """``axe(page)``: no barrier that axe-core calls serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    def check(page: Page) -> None:
        found = Axe().run(page).response["violations"]
        barriers = [
            f"{violation['impact']}: {violation['help']}: {node['html'][:200]}"
            for violation in found
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
        assert not barriers, "\n".join(barriers)

    return check


@pytest.fixture(scope="session")
def reviews(tmp_path_factory) -> Path:
    """A table of 600 texts with their sentiment and aspect."""
    from textvae.text.grammar import grammar_corpus

    corpus = grammar_corpus(600)
    path = tmp_path_factory.mktemp("texts") / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "sentiment", "aspect"])
        rows.writerows(zip(corpus.texts, corpus.labels["sentiment"], corpus.labels["aspect"], strict=True))
    return path


@pytest.fixture(scope="session")
def model(reviews, tmp_path_factory) -> Path:
    """The folder of a small model that has learned a little of the reviews; not to be changed."""
    from textvae import TextVAE, load_corpus

    folder = tmp_path_factory.mktemp("models") / "reviews"
    size = {"encoder.embedding": 32, "encoder.hidden": 48, "decoder.embedding": 32, "decoder.hidden": 64}
    length = {"train.batch_tokens": 1000, "train.lr": 5e-3, "train.precision": "fp32"}
    vae = TextVAE(latent_dim=8, steps=250, set={**size, **length})
    vae.fit(load_corpus(reviews, label_column="sentiment"), output=folder)
    return folder
