"""The README's Python runs as it stands there."""

import re
from pathlib import Path

from textvae import TextVAE

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, README.name, "exec"), names)
    assert names["z"].shape == (5, 16)
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert TextVAE.from_pretrained("my-model").sample(2, seed=1) == names["vae"].sample(2, seed=1)
