"""The report as a reader meets it: in a real browser, light and dark, on a desk and on a phone."""

import json

import pytest

from textvae import TextVAE, TopicVAE, load_corpus

HOSTILE = [
    "<img src=x onerror=\"document.title='broken'\">",
    "</script><b>bold</b>",
    "\u202egnihton si sihT",
    "☃ 漢字 👩‍👩‍👧",
]


@pytest.fixture(scope="module")
def report(model, reviews, tmp_path_factory):
    """The address of a report on 300 reviews and some texts that mean no good."""
    corpus = load_corpus(reviews, label_column=["sentiment", "aspect"]).select(range(300))
    corpus.texts[:4] = HOSTILE
    path = TextVAE.from_pretrained(model).report(
        corpus, tmp_path_factory.mktemp("report") / "report.html", name="reviews", iw_samples=2
    )
    return path.as_uri()


def point(page, index):
    """Where on the screen the map has a text, found as its own keyboard does: by asking what lies there."""
    return page.evaluate(
        """index => {
            const { map } = JSON.parse(document.getElementById("data").textContent);
            const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
            const [x, y] = [floats(map.layouts[0].x), floats(map.layouts[0].y)];
            const canvas = document.querySelector("#map-canvas canvas");
            const box = canvas.getBoundingClientRect();
            const range = (v) => [Math.min(...v), Math.max(...v)];
            const [[a, b], [c, d]] = [range(x), range(y)];
            const unit = Math.min((box.width - 48) / (b - a), (box.height - 48) / (d - c));
            return [box.x + box.width / 2 + (x[index] - (a + b) / 2) * unit,
                    box.y + box.height / 2 - (y[index] - (c + d) / 2) * unit];
        }""",
        index,
    )


def drawn(page):
    """The map's picture."""
    page.wait_for_timeout(60)
    return page.evaluate("document.querySelector('#map-canvas canvas').toDataURL()")


def test_hovering_shows_the_text(page, report):
    page.goto(report)
    page.locator("#map").scroll_into_view_if_needed()
    texts = json.loads(page.locator("#data").text_content())["map"]["texts"]
    page.mouse.move(*point(page, 0))
    tip = page.locator(".map-tip .text")
    tip.wait_for()
    assert tip.text_content() in texts
    assert tip.evaluate("node => node.children.length") == 0  # whatever it says, it is a text


def test_search_finds_and_lists(page, report):
    page.goto(report)
    before = drawn(page)
    page.get_by_label("Search").fill("WAITER")
    texts = json.loads(page.locator("#data").text_content())["map"]["texts"]
    count = sum("waiter" in text.lower() for text in texts)
    assert page.locator("#map-found").text_content() == f"{count} of 300 texts"
    assert "waiter" in page.locator("#map-matches li").first.text_content().lower()
    assert drawn(page) != before
    page.get_by_label("Search").fill("")
    assert drawn(page) == before


def test_colours_and_layouts_change(page, report):
    page.goto(report)
    assert set(page.locator("#map-legend bdi").all_text_contents()) == {"positive", "negative"}
    before = drawn(page)
    page.get_by_label("Colour by").select_option(label="aspect")
    assert set(page.locator("#map-legend bdi").all_text_contents()) == {"food", "service", "price", "place"}
    by_label = drawn(page)
    page.get_by_label("Colour by").select_option(label="nats per token")
    assert page.locator("#map-legend .ramp").count() == 1
    by_likelihood = drawn(page)
    latent = page.locator("#map-colour optgroup[label='Latent dimensions'] option").first.get_attribute(
        "value"
    )
    page.get_by_label("Colour by").select_option(latent)
    by_latent = drawn(page)
    page.get_by_label("t-SNE").check()
    page.wait_for_timeout(700)
    assert len({before, by_label, by_likelihood, by_latent, drawn(page)}) == 5


def test_charts_tell_their_figures(page, report):
    page.goto(report)
    chart, key = page.locator("svg.chart").nth(1), page.locator(".key").nth(1)
    chart.hover(position={"x": 250, "y": 60})
    curve = json.loads(page.locator("#data").text_content())["curves"][1][0]
    step = int(key.locator(".axis").text_content().removeprefix("step ").replace(",", ""))
    value = curve["values"][curve["steps"].index(step)]
    assert float(key.locator("strong").first.text_content()) == pytest.approx(value, rel=1e-3)
    page.mouse.move(0, 0)
    assert key.locator(".axis").text_content() == "over steps"


def test_the_map_can_be_walked_by_keyboard(page, report):
    page.goto(report)
    canvas = page.locator("#map-canvas canvas")
    canvas.focus()
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
        said.append(page.locator(".map .spoken").text_content())
    assert all(said)
    assert len(set(said)) > 1
    before = drawn(page)
    page.keyboard.press("+")
    assert drawn(page) != before
    page.keyboard.press("Escape")
    assert page.locator(".map .spoken").text_content() == ""


def test_hostile_texts_break_nothing(page, report):
    page.goto(report)
    page.get_by_label("Search").fill("onerror")
    assert page.locator("#map-matches li").text_content() == HOSTILE[0]
    assert page.locator("main img, main b").count() == 0
    assert page.title() == "reviews · textvae report"


def test_nothing_but_its_own_script_runs(chromium, report):
    page = chromium.new_page()
    page.goto(report)
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'run'";
            window.refused = [];
            document.addEventListener("securitypolicyviolation", (e) => refused.push(e.effectiveDirective));
            document.head.append(script);
        }"""
    )
    page.wait_for_function("window.refused.length > 0")
    assert page.title() == "reviews · textvae report"
    page.close()


@pytest.mark.parametrize("kind", ["page", "dark_page", "phone_page"])
def test_it_is_for_everyone(kind, report, axe, shot, request):
    page = request.getfixturevalue(kind)
    page.goto(report)
    for details in page.locator("details").all():
        details.evaluate("node => { node.open = true; }")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert shot(page, f"report-{kind.removesuffix('page').strip('_') or 'light'}").stat().st_size > 20_000


def test_touch_shows_the_text(phone_page, report):
    phone_page.goto(report)
    phone_page.locator("#map-canvas").scroll_into_view_if_needed()
    phone_page.touchscreen.tap(*point(phone_page, 5))
    phone_page.locator(".map-tip .text").wait_for()


def test_it_prints(page, report):
    page.goto(report)
    assert page.pdf()[:5] == b"%PDF-"


@pytest.mark.parametrize("kind", ["page", "phone_page"])
def test_the_page_of_a_topic_model(kind, reviews, tmp_path, axe, shot, request):
    corpus = load_corpus(reviews, label_column="aspect")
    model = TopicVAE(4, epochs=5).fit(corpus.texts)
    page = request.getfixturevalue(kind)
    page.goto(model.report(corpus, tmp_path / "report.html", name="topics").as_uri())
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shot(page, f"report-topics-{kind.removesuffix('page').strip('_') or 'light'}")
    disc = page.locator(".discs a").first
    name = disc.get_attribute("aria-label")
    disc.focus()
    page.keyboard.press("Enter")
    assert (
        page.locator("article:target h3").text_content().split()
        == name.removeprefix("Topic ").replace(" ·", "").split()
    )
    groups = page.locator("#map-colour optgroup").evaluate_all("nodes => nodes.map((node) => node.label)")
    assert groups == ["Labels", "Topics"]
