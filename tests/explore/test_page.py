"""The page's files: its words in Chinese, and nothing in them that could become markup."""

import re
from importlib.resources import files

import pytest

from textvae.language import phrases

PAGE = files("textvae.explore") / "page"
SCRIPTS = sorted(path.name for path in PAGE.iterdir() if path.name.endswith(".js"))
SAID = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)*)"')


def source(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


def test_every_phrase_has_its_chinese_and_every_chinese_its_phrase():
    said = {phrase for name in SCRIPTS for phrase in SAID.findall(source(name))}
    assert said == phrases("explorer", "zh").keys() | (said & phrases("ui", "zh").keys())


def test_a_translation_fills_in_the_same():
    for english, chinese in phrases("explorer", "zh").items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese)), english


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_or_code_of_text(name):
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc"
    )
    assert re.findall(forbidden, source(name)) == []


@pytest.mark.parametrize("name", [path.name for path in PAGE.iterdir()])
def test_no_file_asks_for_anything_elsewhere(name):
    elsewhere = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", source(name))
    assert [address for address in elsewhere if "www.w3.org/2000/svg" not in address] in (
        [],
        ["http://www.w3.org"],
    )
