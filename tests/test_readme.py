"""The Python of the READMEs runs as it stands there, and both have the same."""

import ast
import re
from pathlib import Path

from textvae import TextVAE

ROOT = Path(__file__).resolve().parents[1]


def code(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S)


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    blocks = code("README.md")
    assert blocks
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["z"].shape == (5, 16)
    assert names["theta"].shape == (5, 5)
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert TextVAE.from_pretrained("my-model").sample(2, seed=1) == names["vae"].sample(2, seed=1)


def test_both_languages_have_the_same_python_and_the_same_figures():
    english, chinese = (
        [ast.dump(ast.parse(block)) for block in code(name)] for name in ("README.md", "README.zh.md")
    )
    assert english == chinese
    figures = [
        re.findall(r"\d+\.\d+", (ROOT / name).read_text(encoding="utf-8"))
        for name in ("README.md", "README.zh.md")
    ]
    assert sorted(figures[0]) == sorted(figures[1])
