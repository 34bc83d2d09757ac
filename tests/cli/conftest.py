"""Running the command in this process, and one small model for all to use."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from textvae.cli import app

_PARTS = ("encoder.embedding", "encoder.hidden", "decoder.embedding", "decoder.hidden")
SMALL = [word for part in _PARTS for word in ("--set", f"{part}=24")] + ["--latent-dim", "4"]


@pytest.fixture(scope="session")
def small():
    """Options that make training quick."""
    return SMALL


@pytest.fixture(scope="session")
def run():
    """``run("sample", folder, "-n", 3)``: exit code, stdout and stderr."""

    def command(*words, stdin=None):
        # a terminal of a fixed width, whoever runs the tests
        environment = {"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"}
        return CliRunner().invoke(app, [str(word) for word in words], input=stdin, env=environment)

    return command


@pytest.fixture
def refused(run):
    """Runs what must fail: with 1, one sentence on stderr that holds the words given, and no stack trace."""

    def command(*words, saying, stdin=None):
        result = run(*words, stdin=stdin)
        assert result.exit_code == 1, result.output
        errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, result.stderr
        assert saying in errors[0]
        assert "Traceback" not in result.output
        assert result.stdout == ""
        return result

    return command


@pytest.fixture(scope="session")
def lines(tmp_path_factory) -> Path:
    """A file of 300 texts."""
    from textvae.text.grammar import grammar_corpus

    path = tmp_path_factory.mktemp("texts") / "reviews.txt"
    path.write_text("\n".join(grammar_corpus(300).texts) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def trained(run, lines, small, tmp_path_factory):
    """The result of a training, and its folder."""
    folder = tmp_path_factory.mktemp("models") / "reviews"
    result = run("train", lines, "-o", folder, "--steps", 40, "--json", *small)
    assert result.exit_code == 0, result.output
    return result, folder


@pytest.fixture
def model(trained) -> Path:
    """The folder of a trained model; not to be changed."""
    return trained[1]
