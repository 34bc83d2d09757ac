"""The command in Chinese: help, messages and errors; results and JSON stay what they are."""

import json
import shlex

import pytest
import typer.main

from textvae.cli import app
from textvae.cli.spoken import take_language
from textvae.language import current, use


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    use("en")


@pytest.mark.parametrize("words", [["--lang", "zh", "sample", "--help"], ["sample", "-h", "--lang=zh"]])
def test_help(run, words):
    text = run(*words).stdout
    assert "写出新文本。" in text
    assert "例：textvae sample MODEL" in text
    assert "怎样写出文本" in text  # the head of a group of options
    assert "Write new texts." not in text


def test_the_list_of_commands(run):
    text = run("--lang", "zh", "--help").stdout
    assert "命令" in text
    assert "诊断一个模型有什么问题。" in text


def test_errors(run, tmp_path):
    result = run("sample", tmp_path / "none", "--lang", "zh")
    assert result.exit_code == 1
    assert result.stderr == f"错误：{tmp_path / 'none'} 处没有模型。\n"
    assert run("neighbours", tmp_path, "x", "--corpus", "y.txt", "--greedy", "--lang", "zh").exit_code == 2


@pytest.mark.parametrize(
    ("words", "saying"),
    [
        (["sample"], "缺少参数 'MODEL'。"),
        (["evaluate", "m", "t.txt", "--bogus"], "没有选项 --bogus。"),
        (["smaple"], "没有命令 'smaple'，是不是 'sample'？"),
        (["sample", "m", "-n", "many"], "的值无效：应为整数"),
        (["encode", "m", "t.txt", "-o", "z.txt"], "取值无效：-o 的文件名须以"),
        (["train", "t.txt", "--seed"], "选项 '--seed' 后面要有值。"),
    ],
)
def test_wrong_usage(run, words, saying):
    result = run("--lang", "zh", *words)
    assert result.exit_code == 2
    assert saying in result.stderr


@pytest.mark.parametrize(
    ("option", "saying"),
    [
        ("train.lr=-1", "train.lr：应大于 0"),
        ("train.steps=many", "train.steps：应为整数"),
        ("train.clip=much", "train.clip：应为数"),
        ("text.max_length=1", "text.max_length：应大于或等于 2"),
        ("train.time_budget=5x", "train.time_budget：“5x”不是 90s、20m、1.5h 这样的时间"),
        ("trian.lr=1", "没有选项“trian”"),
    ],
)
def test_wrong_options(run, lines, tmp_path, option, saying):
    result = run("train", lines, "-o", tmp_path / "m", "--set", option, "--lang", "zh")
    assert result.exit_code == 1
    assert result.stderr == f"错误：这份配置用不了：{saying}。\n"


def test_the_environment_decides_where_nothing_is_said(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTVAE_LANG", "zh")
    assert "处没有模型" in run("sample", tmp_path / "none").stderr
    assert "There is no model" in run("sample", tmp_path / "none", "--lang", "en").stderr


def test_figures_and_messages(run, model, lines):
    text = run("evaluate", model, lines, "--iw", 2, "--lang", "zh").stdout
    assert "互信息" in text
    assert "条文本" in text
    assert "mutual information" not in text


def test_results_and_json_are_the_same_in_every_language(run, model, lines):
    for words in (["sample", model, "-n", 3], ["evaluate", model, lines, "--iw", 2, "--json"]):
        assert run(*words, "--lang", "zh").stdout == run(*words).stdout
    findings = json.loads(run("doctor", model, "--json", "--lang", "zh").stdout)["findings"]
    assert findings == json.loads(run("doctor", model, "--json").stdout)["findings"]


def test_a_language_that_is_not_there(run):
    for words in (["--lang", "fr", "version"], ["version", "--lang"]):
        result = run(*words)
        assert result.exit_code == 2
        assert "en, zh" in result.stderr


def test_words_that_are_not_about_language_stay():
    assert take_language(["edit", "--lang", "zh", "x"], {"LANG": "en_GB.UTF-8"}) == ["edit", "x"]
    assert current() == "zh"


def leaves(group, line="textvae"):
    """Every command, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, f"{line} {name}")
        else:
            yield pytest.param(f"{line} {name}", command, id=name)


@pytest.mark.parametrize(("line", "command"), list(leaves(typer.main.get_command(app))))
def test_every_command_has_an_example_that_can_be_given(line, command):
    example = " ".join(command.help.partition("Example: ")[2].split())
    assert f"{example} ".startswith(f"{line} ")
    command.make_context(command.name, shlex.split(example.removeprefix(line)))
    options = [p for p in command.params if p.param_type_name == "option"]
    assert not [p.name for p in options if not p.help]
