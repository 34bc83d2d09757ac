"""The pages of the documentation say what the code does: lines quoted, numbers worked out, code and commands."""

import ast
import doctest
import re
import shlex
import tomllib
from pathlib import Path

import markdown
import pytest
import typer.main
from website import macros

import textvae
from models import random_batch, small_model
from textvae import registry, store
from textvae.cli import app
from textvae.explore.operations import OPERATIONS
from textvae.metrics.evaluation import summarise
from textvae.metrics.sample_quality import sample_quality
from textvae.presets import preset_names
from textvae.registry import ROOMS, names

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SOURCE = Path(textvae.__file__).parent
GUIDES = ["guide.md", "zh/guide.md"]
# [`model.py`](where it is explained): `a line of it`, or without a link
QUOTE = re.compile(r"`((?:\w+/)*\w+\.py)`(?:\]\([^)]*\))?: `([^`]+)`")
PAGES = sorted(path for path in [*ROOT.glob("README*.md"), *DOCS.rglob("*.md")])
IN_BOTH_LANGUAGES = sorted(
    path.relative_to(DOCS / "zh").as_posix()
    for path in (DOCS / "zh").rglob("*.md")
    if path.name != "index.md"
)


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ---------------------------------------------------------------------- the guide


@pytest.mark.parametrize("name", [*GUIDES, "dense.md"])
def test_lines_that_are_quoted_are_in_the_source(name):
    quotes = QUOTE.findall(read(name))
    assert len(quotes) >= 6
    for file, line in quotes:
        assert line in (SOURCE / file).read_text(encoding="utf-8"), f"{file}: {line}"


def test_the_guides_quote_and_derive_the_same():
    english, chinese = map(read, GUIDES)
    assert QUOTE.findall(english) == QUOTE.findall(chinese)
    assert english.count("$$\n") == chinese.count("$$\n")
    assert re.findall(r"^## ", english, re.M) == re.findall(r"^## ", chinese, re.M)


@pytest.mark.parametrize("name", GUIDES)
def test_the_numbers_of_the_guide_are_right(name):
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks(read(name), "pycon")), {}, name, name, 0)
    assert len(examples.examples) > 25
    told: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(examples, out=told.append)
    assert result.failed == 0, "".join(told)


@pytest.mark.parametrize("name", GUIDES)
def test_what_the_text_of_the_guide_calculates_is_what_the_example_gives(name):
    text, given = read(name), re.findall(r"[-−]?\d\.\d{4}", "".join(blocks(read(name), "pycon")))
    for number in (
        "1.3033",
        "0.6839",
        "0.5945",
        "0.8978",
        "1.4923",
        "2.3013",
        "2.4512",
        "3.2176",
        "1.1839",
        "1.8968",
    ):
        assert number in {shown.lstrip("-−") for shown in given}
        assert number in re.sub(r"```pycon\n.*?```", "", text, flags=re.S)


def test_what_the_guides_compare_was_measured():
    """Their tables beside RNN and CNN say what the pages say that the figures come from."""
    sections = [re.split(r"^## ", read(name), flags=re.M) for name in GUIDES]
    compared = [
        re.findall(r"\d+\.\d+", "".join(re.findall(r"^\|.*$", section, re.M)))
        for text in sections
        for section in text
        if section.startswith("VAE, RNN, CNN") or section.startswith("VAE、RNN、CNN")
    ]
    assert compared[0] == compared[1]
    assert len(compared[0]) > 20
    measured = (ROOT / "README.md").read_text(encoding="utf-8") + read("control.md")
    assert set(compared[0]) <= set(re.findall(r"\d+\.\d+", measured))


# ---------------------------------------------------------------------- code and commands


def code(name: str) -> list[str]:
    """The Python of a page, whatever its texts are."""
    return [
        re.sub(r"value='[^']*'|value=\"[^\"]*\"", "value=''", ast.dump(ast.parse(block)))
        for block in blocks(read(name), "python")
    ]


@pytest.mark.parametrize("name", IN_BOTH_LANGUAGES)
def test_the_code_of_both_languages_is_the_same(name):
    assert code(name) == code(f"zh/{name}")


def test_every_how_to_is_in_both_languages():
    english, chinese = (
        {path.name for path in (DOCS / folder).iterdir()} for folder in ("how-to", "zh/how-to")
    )
    assert english == chinese


def links(name: str) -> set[str]:
    """The pages that a page leads to, those in Chinese by their English names."""
    found = re.findall(r"\]\((?!https?:)([^)#]+\.md)", read(name))
    pages = {(DOCS / name).parent.joinpath(link).resolve().relative_to(DOCS).as_posix() for link in found}
    if name.startswith("zh/"):
        translated = {page for page in pages if (DOCS / "zh" / page).exists()}
        assert not translated, "these are there in Chinese"
    return {page.removeprefix("zh/") for page in pages}


def options(name: str) -> list[list[str]]:
    """The commands on a page and their options, whatever texts and values they are given."""
    return [
        [command, *(word for word in words if re.match("--?[a-z]", word))]
        for command, *words in commands(DOCS / name)
    ]


@pytest.mark.parametrize("name", [name for name in IN_BOTH_LANGUAGES if name.startswith("how-to/")])
def test_how_tos_say_the_same_in_both_languages(name):
    assert options(name) == options(f"zh/{name}")
    assert links(name) == links(f"zh/{name}")
    for mark in ("## ", "- ", "| ", "1. "):
        lines = [re.findall(f"^{re.escape(mark)}", read(page), re.M) for page in (name, f"zh/{name}")]
        assert lines[0] == lines[1], mark


def test_the_code_of_getting_started_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(read("getting-started.md"), "python")
    names: dict = {}
    exec(compile(block, "getting-started.md", "exec"), names)
    assert names["z"].shape == (10, 16)
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert (tmp_path / "my-model" / "model.safetensors").exists()


def test_the_part_of_the_how_to_works(monkeypatch):
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    (block,) = blocks(read("how-to/add-a-part.md"), "python")
    exec(compile(block, "add-a-part.md", "exec"), {"__name__": "add_a_part"})
    model = small_model(posterior={"name": "shared_scale", "start": 0.3})
    terms = model(random_batch())
    assert terms.q.stddev.unique().tolist() == pytest.approx([0.3])
    (terms.kl - terms.log_px[0]).mean().backward()
    gradient = model.posterior.get_parameter("log_scale").grad
    assert gradient is not None
    assert gradient.abs().min() > 0


def commands(path: Path) -> list[list[str]]:
    """What a page has typed after ``textvae``, as words."""
    shown = "".join(blocks(path.read_text(encoding="utf-8"), "console")).replace("\\\n", " ")
    typed = re.findall(r"^\$ (?:.*\| |.*-m )?textvae ([^#|>\n]+)", shown, re.M)
    return [shlex.split(words) for words in typed]


@pytest.mark.parametrize("path", [p for p in PAGES if commands(p)], ids=identifier)
def test_commands_on_a_page_can_be_given(path):
    group = typer.main.get_command(app)
    for name, *words in commands(path):
        command = group.commands[name]  # pyright: ignore[reportAttributeAccessIssue]
        command.make_context(name, [word for word in words if word not in ("--lang", "zh")])


def test_lines_of_chinese_are_put_together_and_code_is_left_alone():
    source = "一段，\n文字\n**的** LSTM\n\n- 甲\n  乙\n\n```python\n# 甲\n甲\n```\n"
    shown = markdown.markdown(source, extensions=["website.chinese", "pymdownx.superfences"])
    assert "<p>一段，文字<strong>的</strong> LSTM</p>" in shown
    assert "<li>甲乙</li>" in shown
    assert re.search("# 甲.*\n.*甲", shown)


# ---------------------------------------------------------------------- the reference


def figures_of(function) -> set[str]:
    """The names in a docstring's ``Returns``."""
    return set(
        re.findall(r"``([a-z][a-z_]+)``", function.__doc__.partition("Returns:")[2].partition("Raises:")[0])
    )


@pytest.mark.parametrize("function", [summarise, sample_quality])
def test_every_figure_has_its_definition(function):
    page = read("reference/metrics.md")
    names = {name for name in figures_of(function) if not name.startswith("real_")} - {
        "train",
        "n_samples",
        "held_out",
    }
    assert len(names) >= 5
    assert not {name for name in names if f"`{name}`" not in page}


def test_every_public_name_is_in_the_reference():
    described = set(re.findall(r"^::: textvae\.(\w+)$", read("reference/python.md"), re.M))
    assert described == set(textvae.__all__) - {"__version__"}


def test_every_file_of_a_model_is_described():
    page = read("reference/files.md")
    names = [value for name, value in vars(store).items() if name[:1].isupper() and isinstance(value, str)]
    assert len(names) >= 9
    assert not {name for name in names if f"`{name}" not in page}


def test_pages_made_from_the_code_have_everything():
    assert all(f"## {name}\n" in macros.presets() for name in preset_names())
    parts = macros.parts()
    assert all(f"### {kind} `{name}`\n" in parts for kind in ROOMS for name in names(kind))
    for page, found in (
        (macros.commands(), [f"textvae {name}" for name in typer.main.get_command(app).commands]),  # pyright: ignore
        (macros.operations(), [f"/api/{operation.name}" for operation in OPERATIONS]),
    ):
        assert all(re.search(rf"^## .*{re.escape(name)}\b", page, re.M) for name in found)


def test_every_page_is_in_the_navigation():
    def leaves(tree) -> list[str]:
        return (
            [tree]
            if isinstance(tree, str)
            else [x for item in tree for leaf in item.values() for x in leaves(leaf)]
        )

    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    listed = set(leaves(site["nav"]))
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert listed == {page for page in pages if not page.startswith("leaderboard/")} | listed & pages
