"""Files of rows: every format whole again, and after a run cut short as if it had not been."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from textvae.errors import TextVAEError
from textvae.rowfile import RowFile

ENDINGS = [".npy", ".parquet", ".jsonl", ".csv"]
Z = np.arange(24, dtype=np.float32).reshape(8, 3) / 7
TEXTS = ['a "quoted", text', "zwei Wörter", "", "一二", "e", "f", "g", "h"]
CHUNKS = [slice(0, 3), slice(3, 4), slice(4, 8)]


def chunk(part: slice, labels: list | None = None) -> dict:
    stars = np.array(list(range(8)) if labels is None else labels)[part]
    return {"index": np.arange(8)[part], "text": TEXTS[part], "stars": stars, "z": Z[part]}


def write(path: Path, key: str = "k", digests: str = "abc", stop: int | None = None, **changes) -> list:
    """Chunks to a file, of which those before ``stop`` alone; what was noted by earlier runs."""
    notes = []
    with RowFile(path, key, **changes) as file:
        for place, (part, digest) in enumerate(zip(CHUNKS, digests, strict=False)):
            if place == stop:
                return notes
            notes.append(file.kept(digest))
            if notes[-1] is None:
                file.append(chunk(part), digest, note={"place": place})
        file.finish()
    assert list(path.parent.iterdir()) == [path]
    return notes


def latents(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return np.load(path, mmap_mode="r", allow_pickle=False)
    return np.array([row["z"] for row in rows(path)], np.float32)


def rows(path: Path) -> list[dict]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pylist()
    with path.open(newline="") as file:
        plain = list(csv.DictReader(file))
    numbers = [{"index": int(row["index"]), "stars": int(row["stars"])} for row in plain]
    return [
        row | more | {"z": [float(row.pop(f"z{i}")) for i in range(3)]}
        for row, more in zip(plain, numbers, strict=True)
    ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_come_back_as_they_went(tmp_path, ending):
    path = tmp_path / f"rows{ending}"
    path.write_bytes(b"earlier")
    write(path)
    np.testing.assert_array_equal(latents(path), Z)
    if ending != ".npy":
        assert [row["text"] for row in rows(path)] == TEXTS
        assert [row["index"] for row in rows(path)] == [row["stars"] for row in rows(path)] == list(range(8))


def test_a_parquet_file_has_typed_columns_and_a_row_group_a_chunk(tmp_path):
    write(tmp_path / "rows.parquet")
    file = pyarrow.parquet.ParquetFile(tmp_path / "rows.parquet")
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert types.pop("z").startswith("fixed_size_list<")
    assert types == {"index": "int64", "text": "string", "stars": "int64"}
    assert file.num_row_groups == 3


@pytest.mark.parametrize(("odd", "kind"), [(0.5, "double"), ("none", "string")])
def test_labels_of_several_types_share_one_in_a_parquet_file(tmp_path, odd, kind):
    with RowFile(tmp_path / "rows.parquet", "k") as file:
        for part, labels in zip(CHUNKS, (None, [odd] * 8, None), strict=True):
            file.append(chunk(part, labels), "d")
        file.finish()
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert str(table.schema.field("stars").type) == kind
    assert table["stars"].to_pylist()[3:5] == [odd, 4.0 if kind == "double" else "4"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("stop", [0, 1, 2])
def test_a_run_cut_short_is_gone_on_with(tmp_path, ending, torn, stop):
    whole, path = tmp_path / "whole" / f"rows{ending}", tmp_path / "cut" / f"rows{ending}"
    write(whole)
    path.parent.mkdir()
    path.write_bytes(b"earlier")
    write(path, stop=stop)
    assert path.read_bytes() == b"earlier"
    if torn:  # in the midst of writing
        for suffix in (".partial", ".progress"):
            with path.with_name(path.name + suffix).open("ab") as file:
                file.write(b'{"digest": "b')
    said = []
    notes = write(path, say=said.append)
    assert notes == [{"place": i} if i < stop else None for i in range(3)]
    assert path.read_bytes() == whole.read_bytes()
    assert len(said) == (stop > 0)


def test_what_has_changed_is_written_anew(tmp_path):
    path = tmp_path / "rows.jsonl"
    write(path, stop=2)
    assert [note is None for note in write(path, digests="axc")] == [False, True, True]
    assert [row["index"] for row in rows(path)] == list(range(8))
    write(path, stop=2)
    said = []
    assert write(path, key="another model", say=said.append) == [None] * 3
    assert "begun anew" in said[0]
    write(path, stop=2)
    assert write(path, digests="a") == [{"place": 0}]  # fewer texts than before
    assert len(rows(path)) == 3


def test_rows_of_which_the_disk_lost_some_are_written_again(tmp_path):
    path = tmp_path / "rows.npy"
    write(path, stop=2)
    partial = tmp_path / "rows.npy.partial"
    partial.write_bytes(partial.read_bytes()[:-4])
    assert [note is None for note in write(path)] == [False, True, True]
    np.testing.assert_array_equal(latents(path), Z)


def test_what_cannot_be_written_gets_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(TextVAEError, match=r"ends in \.npy"):
        RowFile(tmp_path / "rows.xls", "k")
    (tmp_path / "file").write_text("")
    with pytest.raises(TextVAEError, match="Could not write"):
        RowFile(tmp_path / "file" / "rows.csv", "k")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TextVAEError, match=r"textvae\[data\]"):
        RowFile(tmp_path / "rows.parquet", "k")


def test_a_file_larger_than_memory_can_be_written(tmp_path):
    """256 MiB of rows by a process that may take 64 MiB more than it has at the start."""
    code = f"""
import resource, numpy as np
from pathlib import Path
from textvae.rowfile import RowFile
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 2**26
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
z = np.ones((2**14, 64), np.float32)
with RowFile(Path({str(tmp_path / "z.npy")!r}), "k") as file:
    for _ in range(64):
        file.append({{"z": z}}, "d")
    file.finish()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert np.load(tmp_path / "z.npy", mmap_mode="r").shape == (2**20, 64)
