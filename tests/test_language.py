"""Another language: templates find their values again, and the catalogue and the source agree."""

import ast
import re
import tomllib
from pathlib import Path
from unittest.mock import patch

import pytest
import typer.main

from textvae import language
from textvae.cli import app
from textvae.cli.spoken import speak_help
from textvae.errors import TextVAEError
from textvae.language import LANGUAGES, SPOKEN, current, phrases, preferred, translate, use

SOURCE = Path(language.__file__).parent
PLACEHOLDER = re.compile(r"\{\w+\}")


@pytest.fixture
def sentences(monkeypatch):
    """A small catalogue, and Chinese in use until the test ends."""
    catalogue = {
        "messages": {
            "Done.": "完成。",
            "{count} texts in {file}": "{file} 中有 {count} 条文本",
            "{first} in {second}": "在 {second} 里：{first}",
            "Next: run {model}, then show {model}": "下一步：先运行 {model}，再查看 {model}",
        },
        "joints": {"; ": "；", ": ": "："},
        "figures": {"{part} of {whole}": "{part} / {whole}"},
        "explorer": {"Map": "地图"},
    }
    language._spoken.cache_clear()
    monkeypatch.setattr(language, "_catalogue", lambda chosen: catalogue)
    use("zh")
    yield
    use("en")
    language._spoken.cache_clear()


def test_a_sentence_is_translated_with_its_values(sentences):
    assert translate("Done.") == "完成。"
    assert translate("3 texts in a.txt") == "a.txt 中有 3 条文本"  # the template with most words of its own
    assert translate("Next: run m, then show m") == "下一步：先运行 m，再查看 m"
    assert (
        translate("3 texts in a.txt in Done.") == "在 Done. 里：a.txt 中有 3 条文本"
    )  # a sentence in a sentence


def test_sentences_put_together_are_translated_one_by_one(sentences):
    said = translate("Next: run m, then show m; there: Next: run n, then show n")
    assert said == "下一步：先运行 m，再查看 m；there：下一步：先运行 n，再查看 n"
    assert translate("a; b: c") == "a; b: c"  # nothing of it is known


def test_what_no_sentence_matches_stays_english(sentences):
    assert translate("Next: run m, then show other") == "Next: run m, then show other"
    assert translate("Done. And more") == "Done. And more"
    assert translate("Map") == "Map"  # of a page, not of the command line


def test_only_a_figure_may_be_hardly_more_than_its_values(sentences):
    assert translate("12 of 32", figure=True) == "12 / 32"
    assert translate("the columns of a file") == "the columns of a file"


def test_tables_for_pages(sentences):
    assert phrases("explorer") == {"Map": "地图"}
    assert phrases("explorer", "en") == phrases("unheard of") == {}


def test_english_is_what_it_is():
    assert current() == "en"
    assert translate("Done.") == "Done."
    with pytest.raises(TextVAEError, match="there are: en, zh"):
        use("fr")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "C", "TEXTVAE_LANG": "zh"}, "zh"),
    ],
)
def test_the_locale_decides(environment, expected):
    assert preferred(environment) == expected


# ---------------------------------------------------------------------- the catalogues


def blank(text: str) -> str:
    """A sentence with nothing filled in: what a key and an f-string have in common."""
    return PLACEHOLDER.sub("{}", text)


def said(node: ast.AST) -> str | None:
    """A string or an f-string as it stands in the source, its values left blank."""
    match node:
        case ast.Constant(value=str(text)):
            return blank(text)
        case ast.JoinedStr(values=parts):
            return "".join(blank(str(p.value)) if isinstance(p, ast.Constant) else "{}" for p in parts)
    return None


def strings_of_the_source() -> set[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py"))
    return {text for tree in trees for node in ast.walk(tree) if (text := said(node))}


def catalogue(chosen: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((SOURCE / "languages" / f"{chosen}.toml").read_text(encoding="utf-8"))


def helps() -> set[str]:
    """What the help of all commands says, and how it is headed."""
    command = typer.main.get_command(app)
    with patch("textvae.cli.spoken.translate", side_effect=str) as told:
        speak_help(command, command.context_class(command))
    return {call.args[0] for call in told.call_args_list}


@pytest.mark.parametrize("chosen", [name for name in LANGUAGES if name != "en"])
def test_translations_fill_in_nothing_but_what_the_original_does(chosen):
    for table in catalogue(chosen).values():
        for english, translated in table.items():
            assert set(PLACEHOLDER.findall(translated)) <= set(PLACEHOLDER.findall(english)), english
            assert translated.strip(), english


def called(node: ast.Call) -> str:
    """What a call is a call of, without what it is an attribute of."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def refusals() -> set[str]:
    """The sentences of errors, warnings and findings as they stand in the source; not those that are passed on."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        asks_for_attention = {"append"} if path.stem in ("evaluation", "self_checks") else set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            if (
                called(node)
                in {"TextVAEError", "BadParameter", "ValueError", "warn", "Finding"} | asks_for_attention
            ):
                for part in node.args:
                    found.update(
                        map(said, [part.body, part.orelse] if isinstance(part, ast.IfExp) else [part])
                    )
    return {sentence for sentence in found if sentence and re.search("[a-z]{2,} [a-z]", sentence)}


def messages() -> set[str]:
    """What commands say or tell, and the names and meanings of figures, as they stand in the source."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            match called(node), node.args:
                case "say" | "_say" | "tell", [argument]:
                    found.add(said(argument))
                case "Figure", parts:
                    found.update(map(said, parts))
                case "show_table" | "show_figures", [_, *heads]:
                    found.update(said(part) for head in heads for part in getattr(head, "elts", [head]))
    return {sentence for sentence in found if sentence and re.search("[a-z]{2,} [a-z]", sentence)}


@pytest.mark.parametrize("chosen", [name for name in LANGUAGES if name != "en"])
def test_help_and_messages_are_translated(chosen):
    known = catalogue(chosen)["help"]
    assert not {help for help in helps() if help not in known and not help.startswith("Example: ")}
    translated = {blank(english) for table in SPOKEN for english in catalogue(chosen)[table]}
    assert not messages() - translated
    assert not refusals() - translated


@pytest.mark.parametrize("chosen", [name for name in LANGUAGES if name != "en"])
def test_every_sentence_of_the_catalogue_is_said_somewhere(chosen):
    tables = catalogue(chosen)
    known = strings_of_the_source() | {blank(sentence) for sentence in helps()} | {"Example: {}"}
    ours = set(SPOKEN) - {"libraries"}
    spoken = {english for table in ours for english in tables.get(table, {})}
    assert not {english for english in spoken if blank(english) not in known}
