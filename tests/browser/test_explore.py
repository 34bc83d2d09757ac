"""The explorer, used as a person would use it."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

HOSTILE = '<img src="x" onerror="document.title=1"> \u202e\u05d0 \U0001f600 {{x}}'


@contextmanager
def running(*words, language="en"):
    """The command in a process of its own: the address it tells."""
    command = [sys.executable, "-m", "textvae", "explore", *map(str, words), "--port", "0", "--json"]
    environment = {**os.environ, "TEXTVAE_LANG": language}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def explorer(model, reviews):
    """The address of a running explorer."""
    with running(model, reviews, "--label-column", "sentiment") as address:
        yield address


@pytest.fixture
def opened(page, explorer):
    page.goto(explorer)
    expect(page.locator("#written")).not_to_be_empty()
    return page


def encode(page, text):
    page.get_by_label("Your text").fill(text)
    with page.expect_response("**/api/decode"):
        page.get_by_role("button", name="Encode").click()
    page.wait_for_timeout(100)  # for what the answer changes


def test_a_typed_text_shows_its_tokens_and_is_written_again(opened, axe, shot):
    encode(opened, "The food was zzzz.")
    expect(opened.locator(".token")).to_have_count(5)
    expect(opened.locator(".token.unknown")).to_have_count(1)
    expect(opened.locator("#written")).to_have_text(re.compile(r"\w+ \w+"))
    axe(opened)
    shot(opened, "explore-write")


def test_a_slider_changes_the_text_and_undo_takes_it_back(opened):
    written = opened.locator("#written")
    first = written.inner_text()
    slider = opened.locator(".slider input").first
    before = slider.input_value()
    for end in ("Home", "End"):
        slider.press(end)
        opened.wait_for_timeout(800)  # a pause, after which another movement begins
    expect(opened.locator("#written mark").first).to_be_visible()
    assert written.inner_text() != first
    opened.keyboard.press("Control+z")
    opened.keyboard.press("Control+z")
    expect(written).to_have_text(first)
    assert slider.input_value() == before
    opened.get_by_role("button", name="Redo").click()
    expect(written).not_to_have_text(first)
    opened.get_by_role("button", name="Reset").click()
    expect(written).to_have_text(first)


def test_what_is_written_follows_a_slider_while_it_moves(opened):
    slider = opened.locator(".slider input").first
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    opened.mouse.move(box["x"] + 2, middle)
    opened.mouse.down()
    seen = set()
    for step in range(1, 9):
        opened.mouse.move(box["x"] + box["width"] * step / 8 - 2, middle)
        opened.wait_for_timeout(120)
        seen.add(opened.locator("#written").inner_text())
    opened.mouse.up()
    assert len(seen) > 1


def test_pinned_texts_are_compared(opened, shot):
    opened.get_by_role("button", name="Pin", exact=True).click()
    encode(opened, "The staff were not friendly.")
    expect(opened.locator(".token").first).to_have_text("The")
    opened.get_by_role("button", name="Pin", exact=True).click()
    board = opened.locator(".pins")
    expect(board.locator(".item")).to_have_count(2)
    expect(board).to_contain_text(re.compile(r"\d\.\d\d from A"))
    opened.get_by_role("button", name="Along", exact=False).first.click()
    expect(opened.locator(".along li")).to_have_count(5)
    shot(opened, "explore-pinned")
    board.get_by_role("button", name="Unpin A").click()
    expect(board.locator(".item")).to_have_count(1)


def test_an_interpolation_is_listed_and_drawn(opened, axe, shot):
    opened.get_by_role("tab", name="Between").click()
    opened.get_by_label("From", exact=True).fill("The food was good.")
    opened.get_by_label("To", exact=True).fill("She disliked the staff.")
    opened.get_by_label("Steps").fill("5")
    opened.get_by_role("button", name="Go", exact=True).click()
    steps = opened.locator(".path .item")
    expect(steps).to_have_count(5)
    expect(steps.first).to_contain_text("0.00")
    expect(steps.last).to_contain_text("1.00")
    axe(opened)
    shot(opened, "explore-between")
    last = steps.last.locator(".quoted").inner_text()
    steps.last.get_by_role("button", name="Open").click()
    opened.get_by_role("tab", name="Write").click()
    expect(opened.locator("#written")).to_have_text(last)


def test_an_analogy_is_written(opened):
    opened.get_by_role("tab", name="Between").click()
    for label, text in (("As", "It is good."), ("is to", "It was good."), ("so is", "It is bad.")):
        opened.get_by_label(label, exact=True).fill(text)
    opened.get_by_role("button", name="to what?").click()
    expect(opened.locator("section[aria-labelledby=analogy] .item")).to_have_count(1)


def test_a_click_on_the_map_writes_what_lies_there(opened, axe, shot):
    opened.locator(".ground canvas").click(position={"x": 12, "y": 12})
    expect(opened.get_by_role("tab", name="Draw")).to_have_attribute("aria-selected", "true")
    expect(opened.locator("section[aria-labelledby=draw] .item")).to_have_count(5)
    axe(opened)
    shot(opened, "explore-draw")


def test_the_map_is_walked_with_the_keyboard(opened):
    opened.locator(".ground canvas").focus()
    opened.keyboard.press("ArrowRight")
    tip = opened.locator(".map-tip .text")
    expect(tip).to_be_visible()
    text = tip.inner_text()
    opened.keyboard.press("Enter")
    expect(opened.get_by_label("Your text")).to_have_value(text)


def test_search_and_neighbours(opened, axe, shot):
    opened.get_by_role("tab", name="Find").click()
    opened.get_by_label("Words or a text").fill("STAFF")
    expect(opened.get_by_text(re.compile(r"^\d+ on the map$"))).to_be_visible()
    opened.get_by_role("button", name="Search").click()
    hits = opened.locator("section[aria-labelledby=words] .item .quoted")
    expect(hits).to_have_count(10)
    assert all("staff" in text.lower() for text in hits.all_inner_texts())
    opened.get_by_role("button", name="Nearest to this text").click()
    expect(opened.locator("section[aria-labelledby=near] .item")).to_have_count(8)
    axe(opened)
    shot(opened, "explore-find")
    opened.get_by_label("Words or a text").fill("xyzzy")
    opened.get_by_role("button", name="Search").click()
    expect(opened.get_by_text("Nothing found.")).to_be_visible()


def test_a_direction_learned_from_labels_steers(page, model, reviews, tmp_path, axe, shot):
    from textvae import TextVAE, load_corpus

    corpus = load_corpus(reviews, label_column="sentiment")
    vae = TextVAE.from_pretrained(model)
    vae.directions(corpus.texts, corpus.labels["sentiment"], name="sentiment")
    vae.save_pretrained(tmp_path / "steered")
    with running(tmp_path / "steered", reviews) as address:
        page.goto(address)
        expect(page.locator(".slider .name").first).to_have_text("sentiment=negative")
        page.get_by_role("tab", name="Steer").click()
        page.get_by_label("Text", exact=True).fill("The food was good.")
        page.get_by_label("Toward", exact=True).select_option("sentiment=negative")
        page.get_by_role("button", name="Rewrite").click()
        expect(page.locator("section[aria-labelledby=steer] .item").first).to_contain_text("reach")
        axe(page)
        shot(page, "explore-steer")


def test_hostile_texts_stay_texts(opened):
    encode(opened, HOSTILE)
    expect(opened.locator(".token .quoted").first).to_have_text("<")
    opened.get_by_role("tab", name="Between").click()
    opened.get_by_label("From", exact=True).fill(HOSTILE)
    opened.get_by_role("button", name="Go", exact=True).click()
    expect(opened.locator(".path .item")).to_have_count(7)
    assert opened.locator("img").count() == 0
    assert opened.title() == "reviews · textvae"


def test_the_language_can_be_changed_on_the_way(opened, axe, shot):
    encode(opened, "The food was good.")
    text = opened.locator("#written").inner_text()
    opened.get_by_label("Language · 语言").select_option("zh")
    expect(opened.get_by_role("tab", name="写作")).to_be_visible()
    expect(opened.get_by_label("你的文本")).to_have_value("The food was good.")
    expect(opened.locator("#written")).to_have_text(text)
    expect(opened.locator("html")).to_have_attribute("lang", "zh")
    axe(opened)
    shot(opened, "explore-zh")
    opened.reload()
    expect(opened.get_by_role("tab", name="写作")).to_be_visible()


def test_it_is_usable_in_the_dark(dark_page, explorer, axe, shot):
    dark_page.goto(explorer)
    expect(dark_page.locator("#written")).not_to_be_empty()
    axe(dark_page)
    shot(dark_page, "explore-dark")
    dark_page.get_by_role("button", name="Light or dark").click()
    expect(dark_page.locator("html")).to_have_attribute("data-theme", "light")
    axe(dark_page)


def test_it_is_usable_on_a_phone(phone_page, explorer, axe, shot):
    phone_page.goto(explorer)
    expect(phone_page.locator("#written")).not_to_be_empty()
    assert phone_page.evaluate("document.documentElement.scrollWidth") == 390
    phone_page.get_by_role("tab", name="Between").tap()
    phone_page.get_by_role("button", name="Go", exact=True).tap()
    expect(phone_page.locator(".path .item")).to_have_count(7)
    assert phone_page.evaluate("document.documentElement.scrollWidth") == 390
    axe(phone_page)
    shot(phone_page, "explore-phone")


def test_the_api_page_describes_and_tries_every_operation(page, explorer, axe, shot):
    page.goto(f"{explorer}api.html")
    section = page.locator("section", has=page.get_by_text("POST /api/search", exact=True))
    section.get_by_label("Body").fill('{"query": "food", "k": 2}')
    section.get_by_role("button", name="Try it").click()
    expect(section.get_by_label("Answer")).to_contain_text('"index"')
    axe(page)
    shot(page, "explore-api")


def test_the_page_speaks_the_commands_language_and_brings_its_token(page, model, reviews):
    words = (model, reviews, "--host", "0.0.0.0", "--token", "a secret")
    with running(*words, language="zh") as address:
        page.goto(address.replace("0.0.0.0", "localhost"))
        expect(page.get_by_role("tab", name="写作")).to_be_visible()
        expect(page.locator("#written")).not_to_be_empty()
        assert "#" not in page.url
        page.reload()
        expect(page.locator("#written")).not_to_be_empty()


def test_a_topic_models_documents_are_read_word_by_word(page, tmp_path, axe, shot):
    from planted_topics import plant, small, texts_of

    texts = texts_of(plant().train)
    small(epochs=5).fit(texts).save_pretrained(tmp_path / "planted")
    (tmp_path / "documents.txt").write_text("\n".join(texts))
    with running(tmp_path / "planted", tmp_path / "documents.txt") as address:
        page.goto(address)
        cards = page.locator("section", has=page.locator(".topic-words"))
        expect(cards).to_have_count(4)
        expect(cards.first.locator(".topic-words li")).to_have_count(12)
        axe(page)
        shot(page, "explore-topics")
        cards.first.get_by_role("button", name="Open").first.click()
        expect(page.get_by_label("Your document")).to_have_value(re.compile(r"^w\d+ w\d+"))
        expect(page.locator(".shares li")).to_have_count(4)
        expect(page.locator(".document .word").nth(3)).to_be_visible()
        axe(page)
        shot(page, "explore-document")
        page.get_by_role("tab", name="Find").click()
        page.get_by_label("Words or a text").fill("w001")
        page.get_by_role("button", name="Nearest to this text").click()
        expect(page.locator("section[aria-labelledby=words] .item")).to_have_count(10)
