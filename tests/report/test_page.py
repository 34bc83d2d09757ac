"""The page is HTML5 that needs nothing else, says what was measured, and shows texts as texts."""

import base64
import dataclasses
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markup import parsed, text_of
from textvae import Corpus, report, ui
from textvae.language import phrases
from textvae.report.atlas import Atlas, Colouring, Layout
from textvae.report.charts import ticks
from textvae.report.content import Content, gather
from textvae.report.page import LARGEST, render
from textvae.report.wording import shown

SECTIONS = [
    *("findings", "figures", "training", "map", "dimensions", "reconstructions", "samples"),
    *("interpolations", "unlikely", "model"),
]
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=https://evil.example/x onerror=alert(2)>",
    "\x00\x01\x1b[31m\x7f\x9b",
    "\u202eevil\u202d \u2066 isolate",
    "שלום עולם, مرحبا",
    "👩‍👩‍👧‍👦🏳️‍🌈 é̷̛",
    "{{ 7 * 7 }} {% raw %} ${8*8} <!-- -->]]>",
    "\"'`&amp;&lt;",
    "\u2028\u2029\ufeff\ufffe\ud800",
    "<style>*{display:none}</style>",
]


def data_of(tree):
    (node,) = (n for n in tree.iter("script") if n.get("id") == "data")
    return json.loads(text_of(node))


def test_every_section_is_there_and_in_the_contents(content):
    tree = parsed(render(content))
    assert [node.get("id") for node in tree.iter("section")] == SECTIONS
    nav = next(tree.iter("nav"))
    assert [a.get("href") for a in nav.iter("a")] == ["#top", *(f"#{name}" for name in SECTIONS)]
    ids = [node.get("id") for node in tree.iter() if node.get("id")]
    assert len(ids) == len(set(ids))


def test_its_numbers_are_those_of_the_evaluation(content):
    tree = parsed(render(content))
    section = next(node for node in tree.iter("section") if node.get("id") == "figures")
    values = [text_of(node) for node in section.iter("dd") if node.get("class") == "value"]
    e = content.evaluation
    assert values[0] == f"{e['nll']:.2f} ± {e['nll_stderr']:.2f} nats per text"
    assert values[3] == f"{e['kl']:.2f} nats per text"
    assert values[5] == f"{e['active_units']} of {e['latent_dim']}"


def test_each_dimension_has_its_card(content):
    tree = parsed(render(content))
    cards = [node for node in tree.iter("article")]
    assert len(cards) == len(content.dimensions) == 3
    for card, dimension in zip(cards, content.dimensions, strict=True):
        said = text_of(card)
        assert f"AUC {dimension['auc']:.2f}" in said
        assert all(place["text"] in said for place in dimension["traversal"])


def test_the_map_is_packed_without_loss(content):
    packed = data_of(parsed(render(content)))["map"]
    assert packed["texts"] == content.atlas.texts
    x = np.frombuffer(base64.b64decode(packed["layouts"][0]["x"]), "<f4")
    np.testing.assert_allclose(x, content.atlas.layouts[0].x, rtol=1e-6)
    for colouring, original in zip(packed["colourings"], content.atlas.colourings, strict=True):
        values = np.frombuffer(base64.b64decode(colouring["values"]), "u1").astype(float)
        if colouring["kind"] == "category":
            assert values.tolist() == original.values
        else:
            low, high = colouring["low"], colouring["high"]
            wanted = np.clip(np.array(original.values, float), low, high)
            np.testing.assert_allclose(low + values / 255 * (high - low), wanted, atol=(high - low) / 500)


def test_nothing_is_fetched_and_nothing_else_may_run(content):
    page = render(content)
    tree = parsed(page)
    fetching = {"src", "srcset", "href", "action", "data", "poster", "background", "xlink:href"}
    addresses = {v for n in tree.iter() for k, v in n.attrib.items() if k in fetching}
    assert all(address.startswith("#") or address == "data:," for address in addresses)
    assert not [k for n in tree.iter() for k in n.attrib if str(k).startswith("on") or k == "style"]
    style = text_of(next(tree.iter("style")))
    assert not re.search(r"url\(|@import", style)
    policy = next(n.get("content") for n in tree.iter("meta") if n.get("http-equiv"))
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    script = text_of(next(n for n in tree.iter("script") if n.get("type") == "module"))
    for kind, code in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy


def test_hostile_texts_are_shown_as_texts(vae):
    labels = {HOSTILE[0]: np.array(HOSTILE * 5), "<b>": np.arange(50)}
    content = gather(vae, Corpus(HOSTILE * 5, labels, "<i>file</i>.csv"), name=HOSTILE[0], iw_samples=1)
    content = dataclasses.replace(content, samples=HOSTILE)
    tree = parsed(render(content))
    kinds = {node.tag for node in tree.iter() if isinstance(node.tag, str)}
    assert not kinds & {"img", "iframe", "object", "b", "form"}
    assert len(list(tree.iter("script"))) == 2
    assert len(list(tree.iter("style"))) == 1
    assert text_of(next(tree.iter("h1"))) == HOSTILE[0]
    samples = next(node for node in tree.iter("section") if node.get("id") == "samples")
    written = [text_of(node) for node in samples.iter("span") if node.get("class") == "text"]
    assert written == [shown(text) for text in HOSTILE]
    assert written[2].startswith("␀␁␛[31m␡")
    packed = data_of(tree)["map"]
    assert packed["texts"][:2] == HOSTILE[:2]
    assert packed["colourings"][0]["name"] == HOSTILE[0]


@pytest.fixture(scope="module")
def bare(content) -> Content:
    return dataclasses.replace(
        content, atlas=None, dimensions=[], history=None, unlikely=[], interpolations=[]
    )


@settings(max_examples=10, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_comes_back_from_the_page(bare, text):
    tree = parsed(render(dataclasses.replace(bare, samples=[text])))
    samples = next(node for node in tree.iter("section") if node.get("id") == "samples")
    (written,) = [text_of(node) for node in samples.iter("span") if node.get("class") == "text"]
    assert written == shown(text)


@pytest.mark.parametrize("sign", ["漢", "<"])
def test_it_is_small_whatever_the_texts(content, sign):
    n, long = 2_000, sign * 20_000
    rng = np.random.default_rng(0)
    colourings = [Colouring(str(i), "latent", rng.normal(size=n).tolist()) for i in range(64)]
    x, y = rng.normal(size=(2, n)).tolist()
    layouts = [Layout("PCA", x, y, 0.5), Layout("t-SNE", x, y, None)]
    card = content.dimensions[0]
    card = card | {"texts_low": [long] * 5, "texts_high": [long] * 5, "name": long}
    card["traversal"] = [{"z": float(z), "text": long} for z in range(-2, 3)]
    card["words_up"] = [word | {"word": long} for word in card["words_up"] or card["words_down"]]
    full = dataclasses.replace(
        content,
        name=long,
        atlas=Atlas([long] * n, layouts, colourings),
        dimensions=[card] * 500,
        samples=[long] * 12,
        interpolations=[[long] * 7] * 3,
        texts=dataclasses.replace(content.texts, n_texts=n, n_shown=n),
    )
    page = render(full)
    assert len(page.encode()) < LARGEST
    data = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)
    on_map = len(json.loads(data[0])["map"]["texts"])
    assert on_map == n or f"There is room for {on_map:,} of the texts." in page


def test_chinese_leaves_no_heading_in_english(content):
    tree = parsed(render(content, "zh"))
    assert tree.get("lang") == "zh-Hans"
    table = phrases("report", "zh")
    headings = [text_of(node) for node in tree.iter("h2")]
    assert len(headings) == len(SECTIONS)
    assert set(headings) <= set(table.values())
    assert "Findings" in render(content)  # and the language is what it was


def test_without_texts_it_says_so(vae):
    page = render(gather(vae, name="m"))
    there = [node.get("id") for node in parsed(page).iter("section")]
    assert there == ["findings", "figures", "training", "samples", "model"]
    assert "No texts were given" in page


def test_where_files_lie_is_not_told(content):
    data = content.data | {"name": "/home/someone/secret/reviews.csv"}
    page = render(dataclasses.replace(content, data=data))
    assert "reviews.csv" in page
    assert "secret" not in page


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6), most=st.integers(2, 8))
def test_ticks_cover_their_range_evenly(low, span, most):
    found = np.array(ticks(low, low + span, most))
    steps = np.diff(found)
    assert found[0] <= low + 1e-6 * span + 1e-9 * abs(low)
    assert found[-1] >= low + span - 1e-6 * span - 1e-9 * abs(low)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6, atol=1e-9)
    assert 2 <= len(found) <= most + 2


def test_every_phrase_of_the_page_is_in_the_catalogue():
    rooms = [Path(report.__file__).parent, Path(ui.__file__).parent]
    sources = [path for room in rooms for path in room.iterdir() if path.suffix in (".py", ".js", ".jinja")]
    said = {
        phrase
        for path in sources
        for _, phrase in re.findall(r"""\bt\(\s*(["'])(.+?)\1""", path.read_text(encoding="utf-8"))
    }
    assert said == (phrases("report", "zh") | phrases("ui", "zh")).keys()
