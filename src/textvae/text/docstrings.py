"""The built-in corpus ``docstrings``: English sentences that are on every machine that runs this.

The opening sentences of the docstrings in Python's standard library and in packages installed beside it, read
from source by ``ast``: nothing is imported, nothing is fetched.
"""

from __future__ import annotations

import ast
import contextlib
import gzip
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import platform
import re
import sysconfig
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from textvae.errors import TextVAEError
from textvae.text.corpus import Corpus
from textvae.text.sentences import split_into_sentences

# Module -> its distribution; "python" is the standard library. The order is the order of the corpus.
PACKAGES = {
    "python": "",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "sympy": "sympy",
    "networkx": "networkx",
    "mpmath": "mpmath",
    "pydantic": "pydantic",
    "huggingface_hub": "huggingface_hub",
    "accelerate": "accelerate",
    "joblib": "joblib",
    "jinja2": "jinja2",
    "typer": "typer",
    "click": "click",
    "rich": "rich",
    "setuptools": "setuptools",
}
FEWEST_WORDS, MOST_WORDS = 3, 25
FEWEST_SENTENCES = 3  # with each word of a sentence: rarer words are names, and nothing is learnt about them
MOST_BYTES = 400_000  # larger files are tables and generated code

_FORMAT = 1  # part of the cache's key: raise it when the sentences change
_SKIPPED = frozenset(
    [
        *(
            "test",
            "tests",
            "testing",
            "_testing",
            "conftest.py",
            "benchmarks",
            "site-packages",
            "dist-packages",
        ),
        *("_vendor", "vendor", "externals", "extern", "ensurepip", "idlelib", "lib2to3", "turtledemo"),
    ]
)

_MARKUP = (
    (re.compile(r":[\w:+-]+:`~[\w.]*?(\w+)`"), r"\1"),  # :class:`~package.Name`
    (re.compile(r":[\w:+-]+:`\.?([^`<]*?)\s*(?:<[^`>]*>)?`"), r"\1"),  # :func:`name`, :ref:`text <link>`
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{1,2}"), r"\1"),  # `text <link>`_
    (re.compile(r"``([^`]+)``|`([^`]+)`_{0,2}"), r"\1\2"),
    (re.compile(r"\s*\[\w+\]_"), ""),  # [1]_
    (re.compile(r"\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*"), r"\1\2"),
)
# A line that begins an example, a directive, a field, a list, a section …
_BLOCK = re.compile(
    r"^(?:\s+\S|>>>|\.\. |[:@|]|[-*+#=~]|\(?\w{1,3}[.)] |\w+\(|[\w ]+:(?:\s|$))|:$", re.MULTILINE
)
_PROSE = re.compile(r"[A-Z][A-Za-z0-9 ,.;'\"()/%-]*[A-Za-z%)\"'][.!?][\"')]?$")
_WORD = re.compile(r"[A-Za-z]?[a-z]+(?:['-][A-Za-z]?[a-z]+)*$|[A-Z]{1,6}s?$|\d+(?:\.\d+)?%?$")
# What is left where the markup of a reference was the object.
_CUT_OFF = re.compile(
    r"\b(?:a|an|and|are|as|at|by|for|from|in|is|of|on|or|see|than|the|to|using|via|with)[.!?]$", re.I
)
_CODE = re.compile(
    r"\(\)|[a-z][A-Z]|\w\.\w(?<!e\.g)(?<!i\.e)|[a-z]\d|//|--|::|\s[.,;:]|\b[b-hj-z]\b", re.ASCII
)


def docstrings_corpus(packages: Sequence[str] = tuple(PACKAGES)) -> Corpus:
    """About 30,000 distinct sentences of 3 to 25 words, labelled with their ``package``, in a fixed order.

    What is there depends on the versions installed; packages that are not are left out. The first call reads
    their source, for some tens of seconds, and keeps the result in ``$XDG_CACHE_HOME`` (else
    ``~/.cache``) under ``textvae`` if that can be written.

    Raises ``TextVAEError`` for a package that is not in ``PACKAGES``, or if none has source on this machine.
    """
    unknown = [name for name in packages if name not in PACKAGES]
    if unknown:
        raise TextVAEError(f"no docstrings of {unknown[0]!r}: choose among {', '.join(PACKAGES)}")
    roots = {name: root for name in packages if (root := _root_of(name)) is not None}
    cache = _cache_file({name: _version_of(name) for name in roots})
    rows = _read_cache(cache)
    if rows is None:
        rows = _without_rare_words(list(_sentences(roots)))
        _write_cache(cache, rows)
    if not rows:
        raise TextVAEError("no docstrings: Python's standard library has no source files on this machine")
    texts, names = zip(*rows, strict=True)
    return Corpus(list(texts), {"package": np.array(names)}, "docstrings")


def _root_of(package: str) -> Path | None:
    """The folder with a package's source; finding a top-level package does not run it."""
    if package == "python":
        root = Path(sysconfig.get_path("stdlib"))
        return root if root.is_dir() else None
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _version_of(package: str) -> str:
    if package == "python":
        return platform.python_version()
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(PACKAGES[package])
    return ""


def _sentences(roots: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Distinct (sentence, package), in the order of packages, paths and lines."""
    seen: set[str] = set()
    for package, root in roots.items():
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).parts
            if any(part in _SKIPPED or part.startswith("test_") for part in parts):
                continue
            for docstring in _docstrings(path):
                for sentence in prose_sentences(docstring):
                    if (key := sentence.lower()) not in seen:
                        seen.add(key)
                        yield sentence, package


def _without_rare_words(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    counts = Counter(word for text, _ in rows for word in set(_words(text)))
    return [row for row in rows if all(counts[word] >= FEWEST_SENTENCES for word in _words(row[0]))]


def _words(sentence: str) -> list[str]:
    return [word.strip(".,;:!?\"'()").lower() for word in re.split(r"[\s/]+", sentence)]


def _docstrings(path: Path) -> Iterator[str]:
    """The docstrings of a file's module, classes, functions and methods."""
    try:
        source = path.read_bytes()
        if len(source) > MOST_BYTES or b'"""' not in source:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escape sequences
            tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if is_function or isinstance(node, (ast.Module, ast.ClassDef)):
            docstring = ast.get_docstring(node, clean=False)  # type: ignore[arg-type]
            if docstring:
                yield inspect.cleandoc(docstring)
        if not is_function:
            nodes += reversed([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)])


def prose_sentences(docstring: str) -> list[str]:
    """The plain sentences of a docstring's opening paragraphs, without markup; none that holds code.

    They stop at the first paragraph that is no prose: a list, a section, an example.
    """
    sentences: list[str] = []
    for paragraph in re.split(r"\n\s*\n", docstring.strip()):
        if _BLOCK.search(paragraph):
            break
        text = " ".join(paragraph.split())
        for pattern, replacement in _MARKUP:
            text = pattern.sub(replacement, text)
        if text.endswith(":"):
            break
        if text[-1:].isalnum():
            text += "."
        sentences += filter(_is_prose, split_into_sentences(text))
    return sentences


def _is_prose(sentence: str) -> bool:
    words = sentence.split()
    if not FEWEST_WORDS <= len(words) <= MOST_WORDS or not _PROSE.match(sentence) or _CODE.search(sentence):
        return False
    if sentence.count("(") != sentence.count(")") or sentence.count('"') % 2:
        return False
    if _CUT_OFF.search(sentence):
        return False
    return all(_WORD.match(word.strip(".,;:!?\"'()")) for word in re.split(r"[\s/]+", sentence))


def _cache_file(versions: dict[str, str]) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "textvae"
    key = hashlib.sha256(json.dumps([_FORMAT, versions]).encode()).hexdigest()[:16]
    return folder / f"docstrings-{key}.jsonl.gz"


def _read_cache(path: Path) -> list[tuple[str, str]] | None:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [(text, package) for text, package in map(json.loads, lines)]
    except (OSError, EOFError, ValueError):  # none yet, or damaged: made again
        return None


def _write_cache(path: Path, rows: list[tuple[str, str]]) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    with contextlib.suppress(OSError):  # a cache that cannot be written is only slower
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(gzip.compress(content, mtime=0))
        os.replace(file.name, path)
