"""What holds for the whole source: floors, light imports, and nothing that runs code from a file."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "src" / "textvae").rglob("*.py"))

PICKLES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
RUNS_CODE = {"eval", "exec", "builtins.eval", "builtins.exec", "torch.load", "torch.save"}
EXTRAS = ["datasets", "pyarrow", "zstandard", "rjieba", "pandas", "openTSNE", "starlette", "uvicorn"]


def test_imports_only_point_down():
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def unsafe(source: str) -> list[str]:
    """What in a module's source pickles, or runs code that it read."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                used = [name.name for name in names]
            case ast.ImportFrom(module=str(module), names=names):
                used = [module, *(f"{module}.{name.name}" for name in names)]
            case ast.Call(func=function, keywords=keywords):
                used = [ast.unparse(function)]
                if any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in keywords):
                    used.append("pickle")
            case _:
                continue
        found += [name for name in used if name in RUNS_CODE or name.split(".")[0] in PICKLES]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_source_neither_pickles_nor_evaluates(path):
    assert unsafe(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import torch\ntorch.load('x')",
        "from torch import load",
        "eval('1')",
        "np.load('x', allow_pickle=True)",
    ],
)
def test_unsafe_source_is_seen(source):
    assert unsafe(source)


def test_safe_source_is_not_accused():
    source = "model.eval()\nre.compile('x')\nnp.load('x', allow_pickle=False)\nsafetensors.torch.load(b'')"
    assert unsafe(source) == []


def test_extras_are_imported_lazily():
    code = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({EXTRAS}))  # None: importing it fails
import textvae
for module in pkgutil.walk_packages(textvae.__path__, "textvae."):
    # the explorer's own modules need its extra; textvae.explore imports them when it is called
    if not module.name.endswith("__main__") and not module.name.startswith("textvae.explore."):
        importlib.import_module(module.name)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
