"""Reading: every format gives the same corpus, columns are found, bad input gets its sentence."""

import csv
import gzip
import io
import json
import lzma
import re
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from textvae.errors import TextVAEError
from textvae.text.columns import looks_like_header
from textvae.text.files import COMPRESSIONS
from textvae.text.read import load_corpus, read_chunks

TEXTS = [
    "The soup was not bad at all.",
    'She said "fine", and left; 3,5 €.',
    "很快，好吃，味道足",
    "No way, he thought.",
    "It was the best of times",
]
STARS = [5, 3, 4, 1, 2]
CITIES = ["Bonn", "Lyon", "Oslo", "Bonn", "Lyon"]


def written(suffix: str) -> bytes:
    rows = list(zip(STARS, TEXTS, CITIES, strict=True))
    if suffix == ".txt":
        return "\n".join(TEXTS).encode()
    if suffix == ".tsv":
        return "".join(f"{a}\t{b}\t{c}\n" for a, b, c in [("stars", "sentence", "city"), *rows]).encode()
    if suffix == ".csv":
        buffer = io.StringIO()
        csv.writer(buffer).writerows([("stars", "sentence", "city"), *rows])
        return buffer.getvalue().encode()
    records = [{"stars": a, "sentence": b, "city": c} for a, b, c in rows]
    if suffix == ".jsonl":
        return "".join(json.dumps(record) + "\n" for record in records).encode()
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(records), buffer)
    return buffer.getvalue()


def compressed(data: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(data)
    if suffix == ".xz":
        return lzma.compress(data)
    if suffix == ".zst":
        return pytest.importorskip("zstandard").compress(data)
    return data


@pytest.mark.parametrize("compression", ["", *COMPRESSIONS])
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_corpus(suffix, compression, tmp_path):
    path = tmp_path / f"reviews{suffix}{compression}"
    path.write_bytes(compressed(written(suffix), compression))
    labels = None if suffix == ".txt" else ["stars", "city"]
    corpus = load_corpus(path, label_column=labels)
    assert corpus.texts == TEXTS
    assert corpus.name == str(path)
    assert corpus.dropped == {}
    if labels:
        assert corpus.labels["stars"].dtype == np.int64
        assert corpus.labels["stars"].tolist() == STARS
        assert corpus.labels["city"].tolist() == CITIES


def test_texts_are_cleaned_and_empty_ones_counted():
    corpus = load_corpus(["  a\tb\r\nc\x00\x07d ", "", " \t ", "\ufeff", "e\u3000", "x\ud800"])
    assert corpus.texts == ["a b c d", "e", "x\ufffd"]
    assert corpus.dropped == {"empty": 3}


def test_labels_follow_their_texts_past_empty_ones(tmp_path):
    path = tmp_path / "some.tsv"
    path.write_text("label\ttext\n1\tone\n2\t\n3\n4\tfour\n", encoding="utf-8")
    corpus = load_corpus(path, label_column="label")
    assert corpus.texts == ["one", "four"]
    assert corpus.labels["label"].tolist() == [1, 4]
    assert corpus.dropped == {"empty": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_byte_order_marks_and_line_ends(encoding, newline, tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes(newline.join([*TEXTS, ""]).encode(encoding))
    assert load_corpus(path).texts == TEXTS


@pytest.mark.parametrize(
    ("content", "texts", "arguments"),
    [
        ("1\tgood soup\n0\tbad soup here\n1\tfine\n", ["good soup", "bad soup here", "fine"], {}),
        ("1\t1.5\n0\t2.5\n", ["1.5", "2.5"], {"text_column": "1"}),
        ("id\tnote\n1\tgood soup it was\n2\tbad soup here\n", ["good soup it was", "bad soup here"], {}),
        ("id\ttitle\ttext\n1\ta long title\tb\n", ["b"], {}),
        ("question\tsentence\n1\tIs it so?\n0\tIt is.\n", ["Is it so?", "It is."], {}),
        ("a\tb\n1\tx\n", ["1"], {"text_column": "a"}),
        ("a\tgood one\nb\tbad one\na\tno\n", ["good one", "bad one", "no"], {}),
        ("Hi.\t嗨。\nRun.\t跑。\n", ["Hi.", "Run."], {"text_column": 0}),
    ],
)
def test_header_and_text_column_are_found(content, texts, arguments, tmp_path):
    path = tmp_path / "some.tsv"
    path.write_text(content, encoding="utf-8")
    assert load_corpus(path, **arguments).texts == texts


def test_headers():
    assert looks_like_header([["0", "1"], ["2", "some text"]])
    assert looks_like_header([["", "remark"], ["0", "some longer remark"]])
    assert not looks_like_header([["good food"], ["bad food"]])
    assert not looks_like_header([["pos", "pos"], ["neg", "x"]])
    assert not looks_like_header([["word"]])


def test_csv_with_quotes_newlines_and_semicolons(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text('stars;text\n1;"two\nlines; ""quoted"""\n', encoding="utf-8")
    assert load_corpus(path).texts == ['two lines; "quoted"']


@pytest.mark.parametrize("head", ["text", "review", "note", '"text"'])
def test_commas_in_a_csv_of_one_column_are_part_of_the_text(head, tmp_path):
    path = tmp_path / "some.csv"
    path.write_text(
        f'{head}\nHello, world and more; so\nno comma in here\n"quoted, too",\n', encoding="utf-8"
    )
    texts = ["Hello, world and more; so", "no comma in here", "quoted, too,"]
    assert load_corpus(path).texts == texts
    path.with_suffix(".tsv").write_text("text\na\tb\n", encoding="utf-8")
    assert load_corpus(path.with_suffix(".tsv")).texts == ["a b"]


def test_rows_may_end_in_empty_cells_and_lines_may_be_blank(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("text,label\na,1,,\n\nb,2\n", encoding="utf-8")
    assert load_corpus(path).texts == ["a", "b"]
    path.with_suffix(".tsv").write_text("\n1\tgood soup\n\n0\tbad soup\n", encoding="utf-8")
    assert load_corpus(path.with_suffix(".tsv")).texts == ["good soup", "bad soup"]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_cells_may_be_long(end, tmp_path):
    path, usual = tmp_path / "some.csv", csv.field_size_limit()
    path.write_bytes(f'label,text\r\n1,"{"long " * 50_000}"\r\n0,{"x" * 150_000}{end}'.encode())
    assert list(map(len, load_corpus(path).texts)) == [249_999, 150_000]
    assert csv.field_size_limit() == usual


def test_a_text_file_has_columns_when_asked(tmp_path):
    path = tmp_path / "some.txt"
    path.write_text('1\tgood "soup\n0\tbad soup\n', encoding="utf-8")
    assert load_corpus(path).texts == ['1 good "soup', "0 bad soup"]
    corpus = load_corpus(path, label_column="0")
    assert corpus.texts == ['good "soup', "bad soup"]
    assert corpus.labels["0"].tolist() == [1, 0]


def test_label_types(tmp_path):
    path = tmp_path / "some.jsonl"
    rows = [{"text": "a", "f": 1.5, "z": "007", "n": None}, {"text": "b", "f": 2, "z": "1", "n": "x"}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    labels = load_corpus(path, label_column=["f", "z", "n"]).labels
    assert labels["f"].tolist() == [1.5, 2.0]
    assert labels["z"].tolist() == ["007", "1"]
    assert labels["n"].tolist() == ["", "x"]


def test_json_strings_are_texts(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('"one"\n\n"two"\n', encoding="utf-8")
    assert load_corpus(path).texts == ["one", "two"]


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"eins\nzwei\n")))
    corpus = load_corpus("-")
    assert corpus.texts == ["eins", "zwei"]
    assert corpus.name == "standard input"


def test_several_files_are_one_corpus(tmp_path):
    paths = [tmp_path / "a.tsv", tmp_path / "b.jsonl"]
    paths[0].write_text("label\ttext\n1\tone\n", encoding="utf-8")
    paths[1].write_text('{"text": "two", "label": 2}\n{"text": "", "label": 3}', encoding="utf-8")
    corpus = load_corpus(paths, label_column="label")
    assert corpus.texts == ["one", "two"]
    assert corpus.labels["label"].tolist() == [1, 2]
    assert corpus.dropped == {"empty": 1}
    assert load_corpus(list(map(str, paths))).texts == ["one", "two"]


def test_any_iterable_of_strings():
    assert load_corpus(word for word in ("one", "two")).texts == ["one", "two"]
    assert load_corpus(np.array(["one", "two"])).texts == ["one", "two"]
    assert load_corpus(["one", None]).dropped == {"empty": 1}  # type: ignore[list-item]


def test_sentences_repeat_their_labels(tmp_path):
    path = tmp_path / "some.tsv"
    path.write_text("label\ttext\n1\tOne here. Two there!\n0\tThree.\n", encoding="utf-8")
    corpus = load_corpus(path, label_column="label", split_sentences=True)
    assert corpus.texts == ["One here.", "Two there!", "Three."]
    assert corpus.labels["label"].tolist() == [1, 1, 0]


def test_built_in_grammar():
    corpus = load_corpus("grammar")
    assert len(corpus) == 10_000
    assert set(corpus.labels) == {"sentiment", "aspect", "tense", "person", "negation", "intensity"}
    assert set(load_corpus("grammar", label_column="tense").labels) == {"tense"}
    with pytest.raises(TextVAEError, match="grammar has no column 'mood': there are text, sentiment"):
        load_corpus("grammar", label_column="mood")


@pytest.fixture
def datasets():
    return pytest.importorskip("datasets")


@pytest.mark.parametrize("splits", [True, False])
def test_folder_saved_by_datasets(splits, datasets, tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    data = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    saved = datasets.DatasetDict({"test": data.select([0]), "train": data}) if splits else data
    saved.save_to_disk(str(tmp_path / "saved"))
    corpus = load_corpus(tmp_path / "saved", label_column="label")
    assert corpus.texts == ["a", "b"]
    assert corpus.labels["label"].tolist() == ["yes", "no"]


def test_hub_names_are_asked_of_datasets(datasets, monkeypatch):
    asked = []

    def load_dataset(name, config):
        asked.append((name, config))
        if name == "owner/none":
            raise FileNotFoundError("no such data set\nand more")
        return datasets.DatasetDict({"train": datasets.Dataset.from_dict({"text": ["a"]})})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_corpus("owner/name").texts == ["a"]
    assert load_corpus("owner/name:large").texts == ["a"]
    assert asked == [("owner/name", None), ("owner/name", "large")]
    with pytest.raises(
        TextVAEError, match=r"no file owner/none, and no .* could be loaded: no such data set$"
    ):
        load_corpus("owner/none")


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [
        ("pyarrow", "a.parquet", "data"),
        ("zstandard", "a.txt.zst", "data"),
        ("datasets", "owner/name", "data"),
    ],
)
def test_a_missing_extra_is_named(module, name, extra, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.chdir(tmp_path)
    if "/" not in name:
        Path(name).write_bytes(b"something")
    with pytest.raises(TextVAEError, match=re.escape(f"pip install 'textvae[{extra}]'")):
        load_corpus(name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "a.txt is empty"),
        ("a.txt", b" \n\n", "a.txt is empty"),
        ("a.csv", b"text\n", "holds no text"),
        ("a.tsv", b"text\tlabel\n\t1\n", "holds no text"),
        ("a.txt", b"fine\nna\xefve\n", r"a.txt: line 2 is not UTF-8 text \(byte 0xef\)"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0", "line 1 is not UTF-8"),
        ("a.txt.gz", b"not gzip at all", "is not a whole .gz file"),
        ("a.txt.gz", gzip.compress(b"some text" * 99, mtime=0)[:-9], "is not a whole .gz file"),
        ("a.txt.xz", b"not xz at all", "is not a whole .xz file"),
        ("a.txt.xz", lzma.compress(b"some text" * 99)[:-9], "is not a whole .xz file"),
        ("a.txt.zst", b"not zst at all", "is not a whole .zst file"),
        ("a.parquet.gz", gzip.compress(b"not parquet", mtime=0), "a.parquet.gz is not a parquet file"),
        ("a.parquet", b"not parquet", "a.parquet is not a parquet file"),
        ("a.json", b"[]", ".json files are not read"),
        ("a.xlsx.gz", b"PK", ".xlsx files are not read"),
        ("a.jsonl", b'{"text": "x"}\n{"text"\n', "line 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "line 1 holds a JSON list"),
        ("a.jsonl", b'{"n": 1, "m": 2}\n', "no column of texts: there are n, m"),
        (
            "a.csv",
            b'text\nfine\n"' + b"x" * 200_000,
            "quote opened in the row from line 3 on is never closed",
        ),
        ("a.csv", b'text,label\n"never\nclosed,1\n', "quote opened in the row from line 2 on"),
        (
            "a.csv",
            b"label,text\n1,fine\n1,too, much\n",
            "line 3 has 3 cells and its header 2; put .* in quotes",
        ),
        (
            "a.tsv",
            b"label\ttext\n\n1\ttoo\tmuch\n",
            "line 3 has 3 cells and its header 2; .* save the file as .txt",
        ),
        ("a.csv", b"Hello, world\nno comma\n", "line 2 has 1 cells and its first row 2"),
        ("a.csv", b"text,label,text\na,1,b\n", "two columns called 'text'"),
        ("a.tsv", b"text\tlabel\ttext\na\t1\tb\n", "two columns called 'text'"),
    ],
)
def test_bad_files_get_a_sentence(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TextVAEError, match=message):
        load_corpus(tmp_path / name)


def test_missing_sources_get_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("none.txt", "data/none", "./none", str(tmp_path / "none.csv.gz")):
        with pytest.raises(TextVAEError, match="there is no file"):
            load_corpus(name)
    with pytest.raises(TextVAEError, match=r"built-in corpora \(docstrings, grammar\)"):
        load_corpus("docstring")
    with pytest.raises(TextVAEError, match="data is a folder but not one that datasets saved"):
        load_corpus("data")
    with pytest.raises(TextVAEError, match="there is no file none"):
        load_corpus(["none.txt", "other.txt"])


def test_wrong_columns_are_named(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("stars\ttext\n1\ta\n", encoding="utf-8")
    with pytest.raises(TextVAEError, match=r"no column 'city': there are stars, text"):
        load_corpus(path, label_column="city")
    with pytest.raises(TextVAEError, match="no column '7'"):
        load_corpus(path, text_column=7)
    path.write_text("1\ta\n2\tb\n", encoding="utf-8")
    with pytest.raises(TextVAEError, match=r"no column 'text' \(it has no header\): there are 0, 1"):
        load_corpus(path, text_column="text")


def test_wrong_objects_are_refused():
    with pytest.raises(TextVAEError, match="text 1 is a float, not a string"):
        load_corpus(["a", 0.5])  # type: ignore[list-item]
    with pytest.raises(TextVAEError, match="not from a int"):
        load_corpus(3)  # type: ignore[arg-type]
    with pytest.raises(TextVAEError, match="has no columns"):
        load_corpus(["a", "b"], label_column="x")
    with pytest.raises(TextVAEError, match="holds no text"):
        load_corpus([])


def test_chinese_benchmark_without_header(shared_data):
    corpus = load_corpus(shared_data / "zh_reviews/waimai_10k.tsv", label_column="0")
    assert len(corpus) == 11_987
    assert np.bincount(corpus.labels["0"]).tolist() == [7987, 4000]


# ---------------------------------------------------------------------- some texts at a time


@pytest.mark.parametrize("compression", ["", *COMPRESSIONS])
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".tsv", ".jsonl", ".parquet"])
def test_chunks_are_the_corpus_in_pieces(suffix, compression, tmp_path, monkeypatch):
    """Small pieces of files and small tables: nothing is lost or joined wrongly where one ends."""
    monkeypatch.setattr("textvae.text.files._PIECE", 7)
    monkeypatch.setattr("textvae.text.formats.ROWS", 2)
    path = tmp_path / f"reviews{suffix}{compression}"
    path.write_bytes(compressed(written(suffix), compression))
    labels = None if suffix == ".txt" else "stars"
    chunks = list(read_chunks(path, label_column=labels, chunk=1))
    assert [chunk.texts for chunk in chunks] == [[text] for text in TEXTS]
    assert {chunk.name for chunk in chunks} == {str(path)}
    if labels:
        assert [chunk.labels["stars"].tolist() for chunk in chunks] == [[stars] for stars in STARS]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_piece_may_end_within_a_character_or_a_line_end(encoding, newline, tmp_path, monkeypatch):
    path = tmp_path / "some.txt"
    path.write_bytes(newline.join(TEXTS).encode(encoding))
    for size in (2, 3, 5):
        monkeypatch.setattr("textvae.text.files._PIECE", size)
        assert load_corpus(path).texts == TEXTS


def test_empty_texts_may_be_kept_in_their_places(tmp_path):
    path = tmp_path / "some.tsv"
    path.write_text("text\tlabel\none\t1\n\t2\n \t3\nfour\t4\n\t5\n", encoding="utf-8")
    chunks = list(read_chunks(path, label_column="label", keep_empty=True, chunk=2))
    assert [chunk.texts for chunk in chunks] == [["one", ""], ["", "four"], [""]]
    assert [chunk.labels["label"].tolist() for chunk in chunks] == [[1, 2], [3, 4], [5]]
    assert not any(chunk.dropped for chunk in chunks)
    assert sum(chunk.dropped.get("empty", 0) for chunk in read_chunks(path)) == 3


def test_several_files_are_read_one_after_the_other(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "b.txt").write_bytes(b"three\n\xff\n")
    chunks = read_chunks([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert next(chunks).texts == ["one", "two"]
    with pytest.raises(TextVAEError, match=r"b.txt: line 2 is not UTF-8"):
        list(chunks)
    with pytest.raises(TextVAEError, match=r"there is no file .*c.txt"):
        read_chunks([tmp_path / "a.txt", tmp_path / "c.txt"])


def test_the_texts_of_a_generator_are_taken_as_they_are_needed():
    taken = []
    chunks = read_chunks((taken.append(i) or f"text {i}" for i in range(25_000)), chunk=100)
    assert next(chunks).texts[0] == "text 0"
    assert len(taken) == 10_000
    assert load_corpus(path for path in [Path("grammar")]).name == "grammar"


def test_reading_takes_the_same_memory_however_long_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("textvae.text.formats.ROWS", 1000)
    monkeypatch.setattr("textvae.text.files._PIECE", 10_000)

    def most(count: int) -> int:
        path = tmp_path / "some.csv.gz"
        rows = "".join(f'{i},"a text, of number {i}"\n' for i in range(count))
        path.write_bytes(gzip.compress(b"label,text\n" + rows.encode(), 1))
        tracemalloc.start()
        try:
            assert sum(len(chunk) for chunk in read_chunks(path, label_column="label")) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert most(40_000) < 1.2 * most(10_000)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_file_cut_short_says_how_far_it_was_read(compression, tmp_path):
    path = tmp_path / f"some.txt{compression}"
    whole = np.random.default_rng(0).integers(10**9, size=100_000)
    path.write_bytes(compressed("\n".join(map(str, whole)).encode(), compression)[:-100])
    with pytest.raises(
        TextVAEError, match=rf"some.txt{compression} is not a whole .* \(after line \d{{4,}}\)$"
    ):
        load_corpus(path)


def test_files_whose_texts_are_in_other_columns_are_refused(tmp_path):
    (tmp_path / "1.csv").write_text("id,text\n1,one text\n")
    (tmp_path / "2.csv").write_text("id,review\n2,another text\n")
    (tmp_path / "3.csv").write_text("text,id\nmore text,3\n")
    paths = [tmp_path / f"{i}.csv" for i in (1, 2, 3)]
    with pytest.raises(
        TextVAEError, match=r"1.csv are in its column 'text', and those of .*2.csv .* 'review'"
    ):
        load_corpus(paths)
    assert load_corpus(paths[::2]).texts == ["one text", "more text"]
    with pytest.raises(TextVAEError, match=r"2.csv has no column 'text': there are id, review"):
        load_corpus(paths, text_column="text")
    assert load_corpus(paths[:2], text_column=1).texts == ["one text", "another text"]
