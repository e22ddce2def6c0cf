"""Flat columns say what the tables say and are a mere cache; the fingerprint knows every value; corpus.toml."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_corpora import random_corpus
from whole_corpora import Content, awkward, read, write

from bench.claiming import Claim
from bench.data.columns import FOLDER, Columns, build_columns
from bench.data.corpus import Corpus
from bench.data.schema import KINDS, MATRICES, SPLITS, TABLES
from bench.errors import BenchError

NO_TIME = np.iinfo(np.int64).min


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("columns")
    return write(folder / "corpus", awkward(random_corpus(folder / "random", sessions=20, image_share=0.5)))


@pytest.fixture
def corpus(original: Corpus, tmp_path: Path) -> Corpus:
    """A copy to spoil."""
    shutil.copytree(original.folder, tmp_path / "corpus")
    return Corpus(tmp_path / "corpus")


# ---- columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [5, 262_144], ids=["small chunks", "one chunk"])
def test_columns_say_what_the_tables_say(corpus: Corpus, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr("bench.data.columns._CHUNK_ROWS", chunk)
    meta = build_columns(corpus.folder)
    tables = {name: table.to_pydict() for name, table in read(corpus).tables.items()}
    columns = Columns(**{f.name: np.load(corpus.folder / "columns" / f"{f.name}.npy") for f in fields(Columns)})

    def missing(values: list[Any]) -> list[int]:
        return [-1 if value is None else value for value in values]

    def times(values: list[datetime.datetime | None]) -> list[int]:
        epoch = datetime.datetime(1970, 1, 1)
        milli = datetime.timedelta(milliseconds=1)
        return [NO_TIME if value is None else (value - epoch) // milli for value in values]

    def codes(values: list[str | None]) -> tuple[list[int], list[str]]:
        names = list(dict.fromkeys(value for value in values if value is not None))
        return [-1 if value is None else names.index(value) for value in values], names

    def offsets(owner: list[int], rows: int) -> list[int]:
        return [sum(o < row for o in owner) for row in range(rows + 1)]

    sessions, queries, shown, items = (tables[name] for name in ("sessions", "queries", "impressions", "items"))
    category, categories = codes(items["category"])
    domain, domains = codes(items["domain"])
    user, users = codes(sessions["user"])
    assert (meta["categories"], meta["domains"], meta["users"]) == (categories, domains, len(users))
    total = len(queries["session"])
    expected = {
        "session_start": times(sessions["start"]),
        "session_user": user,
        "session_split": [SPLITS.index(split) for split in sessions["split"]],
        "session_downstream": sessions["downstream"],
        "session_queries": offsets(queries["session"], len(sessions["user"])),
        "query_session": queries["session"],
        "query_time": times(queries["time"]),
        "query_kind": [KINDS.index(kind) for kind in queries["kind"]],
        "query_image": missing(queries["image"]),
        "query_word_offsets": np.cumsum([0, *(len(words) for words in queries["words"])]).tolist(),
        "query_words": [word for words in queries["words"] for word in words],
        "query_impressions": offsets(shown["query"], total),
        "impression_item": shown["item"],
        "impression_rank": shown["rank"],
        "impression_clicked": shown["clicked"],
        "item_image": missing(items["image"]),
        "item_category": category,
        "item_domain": domain,
        "item_word_offsets": np.cumsum([0, *(len(words) for words in items["words"])]).tolist(),
        "item_words": [word for words in items["words"] for word in words],
    }
    assert set(expected) == {f.name for f in fields(Columns)}
    for name, values in expected.items():
        assert getattr(columns, name).tolist() == values, name


def test_everything_large_is_memory_mapped(corpus: Corpus) -> None:
    for field in fields(Columns):
        assert isinstance(getattr(corpus.columns, field.name), np.memmap), field.name
    assert isinstance(corpus.word_vectors, np.memmap)
    assert isinstance(corpus.image_vectors, np.memmap)


@pytest.mark.parametrize("harm", ["deleted", "one file gone", "emptied", "cut", "no meta", "of other contents"])
def test_the_cache_is_made_again_whatever_happens_to_it(corpus: Corpus, harm: str) -> None:
    expected = np.array(corpus.columns.query_words)
    folder = corpus.folder / "columns"
    words = folder / "query_words.npy"
    if harm == "deleted":
        shutil.rmtree(folder)
    elif harm == "one file gone":
        words.unlink()
    elif harm == "emptied":
        words.write_bytes(b"")
    elif harm == "cut":
        words.write_bytes(words.read_bytes()[:-8])
    elif harm == "no meta":
        (folder / "meta.json").write_text("{")
    else:
        meta = (folder / "meta.json").read_text()
        (folder / "meta.json").write_text(meta.replace(corpus.info.fingerprint, "0" * 64))
    again = Corpus(corpus.folder)
    np.testing.assert_array_equal(again.columns.query_words, expected)
    assert again.categories == corpus.categories
    assert isinstance(again.columns.query_words, np.memmap)
    assert sorted(p.name for p in corpus.folder.iterdir() if p.is_dir()) == ["columns"]


def test_the_claim_of_a_process_that_was_killed_when_the_columns_stood_goes_with_the_next_look(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(Corpus(corpus.folder).columns.query_kind) > 0
    with monkeypatch.context() as context:
        context.setattr("bench.claiming._began", lambda pid: 1)  # long before this process
        assert Claim(corpus.folder / FOLDER, 1, None).make()
    before = {file.name for file in corpus.folder.iterdir()}
    assert f"{FOLDER}.claim-1" in before
    assert len(Corpus(corpus.folder).columns.query_kind) > 0
    assert {file.name for file in corpus.folder.iterdir()} == before - {f"{FOLDER}.claim-1"}


def test_tables_that_were_changed_behind_the_corpus_are_noticed(corpus: Corpus) -> None:
    content = read(corpus)
    content.replace("items", "domain", ["other"] * len(content.tables["items"]))
    pq.write_table(content.tables["items"], corpus.folder / "items.parquet")
    with pytest.raises(BenchError, match=r"items\.parquet: is not the one that corpus\.toml was written for"):
        _ = Corpus(corpus.folder).columns
    shutil.rmtree(corpus.folder / "columns")
    with pytest.raises(BenchError, match=r"items\.parquet: is not the one that corpus\.toml was written for"):
        _ = Corpus(corpus.folder).columns


def test_rows_of_splits_and_samples(corpus: Corpus) -> None:
    parts = [corpus.session_rows(split) for split in SPLITS]
    assert sorted(np.concatenate(parts)) == list(range(20))
    assert len(corpus.session_rows(downstream=True)) == 20
    assert not len(corpus.session_rows("train", downstream=False))
    assert corpus.strings("sessions", "session_id").to_pylist()[3] == "s3"


# ---- fingerprint -----------------------------------------------------------------------------------------------------


def fingerprint(folder: Path) -> str:
    return build_columns(folder, keep=False)["fingerprint"]


@pytest.mark.parametrize("chunk", [16, 262_144])
def test_the_fingerprint_does_not_depend_on_row_groups_or_encoding(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("bench.data.columns._CHUNK_ROWS", chunk)
    expected, content = fingerprint(corpus.folder), read(corpus)
    for groups, dictionary, compression in ((3, True, "none"), (17, False, "snappy"), (10**6, True, "zstd")):
        for name, table in content.tables.items():
            pq.write_table(
                table,
                corpus.folder / f"{name}.parquet",
                row_group_size=groups,
                use_dictionary=dictionary,
                compression=compression,
            )
        assert fingerprint(corpus.folder) == expected, groups


def other(value: Any, kind: pa.DataType) -> Any:
    """A value next to this one."""
    if pa.types.is_boolean(kind):
        return not value
    if pa.types.is_string(kind):
        return {"train": "test", "keyword": "product", "product": "keyword"}.get(value, f"{value}x")
    if pa.types.is_timestamp(kind):
        return (value or datetime.datetime(2020, 1, 1)) + datetime.timedelta(milliseconds=1)
    if pa.types.is_list(kind):
        return [*value[:-1], (value[-1] + 1) % 40] if value else [0]
    return (value or 0) + 1


# A position follows from the order of the rows; the check insists on it and nothing else reads it.
COLUMNS = [(t, c) for t, schema in TABLES.items() for c in schema.names if (t, c) != ("queries", "position")]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_the_fingerprint_changes_with_any_value(corpus: Corpus, table: str, column: str) -> None:
    expected, content, field = fingerprint(corpus.folder), read(corpus), TABLES[table].field(column)
    values = content.tables[table][column].to_pylist()
    seen = {expected}
    for row in (0, len(values) // 2, len(values) - (2 if column in ("session", "query") else 1)):
        spoilt = [other(value, field.type) if at == row else value for at, value in enumerate(values)]
        changed = Content({table: content.tables[table]}, {})
        changed.replace(table, column, spoilt)
        pq.write_table(changed.tables[table], corpus.folder / f"{table}.parquet")
        seen.add(fingerprint(corpus.folder))
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("table", "column"), [(t, field.name) for t, schema in TABLES.items() for field in schema if field.nullable]
)
def test_the_fingerprint_tells_null_from_its_neighbours(corpus: Corpus, table: str, column: str) -> None:
    content, field = read(corpus), TABLES[table].field(column)
    values = content.tables[table][column].to_pylist()
    empty: Callable[[], list[Any]] = lambda: ["", "null"] if pa.types.is_string(field.type) else [0]  # noqa: E731
    zeros = [datetime.datetime(1970, 1, 1)] if pa.types.is_timestamp(field.type) else empty()
    seen = set()
    for value in [None, *zeros]:
        content.replace(table, column, [value, *values[1:]])
        pq.write_table(content.tables[table], corpus.folder / f"{table}.parquet")
        seen.add(fingerprint(corpus.folder))
    assert len(seen) == 1 + len(zeros)


@pytest.mark.parametrize("name", MATRICES)
def test_the_fingerprint_changes_with_matrices(corpus: Corpus, name: str) -> None:
    expected, matrix = fingerprint(corpus.folder), np.load(corpus.folder / f"{name}.npy")
    changed = matrix.copy()
    changed[-1, -1] += 1
    for spoilt in (changed, matrix[:-1], matrix.astype(np.float64)):
        np.save(corpus.folder / f"{name}.npy", spoilt)
        assert fingerprint(corpus.folder) != expected
    np.save(corpus.folder / f"{name}.npy", matrix)
    assert fingerprint(corpus.folder) == expected


def test_words_that_move_between_neighbours_change_the_fingerprint(corpus: Corpus) -> None:
    """Not only the concatenation counts."""
    content = read(corpus)
    seen = {fingerprint(corpus.folder)}
    words = content.tables["vocabulary"]["word"].to_pylist()
    content.replace("vocabulary", "word", [*words[:5], words[5] + words[6][0], words[6][1:], *words[7:]])
    pq.write_table(content.tables["vocabulary"], corpus.folder / "vocabulary.parquet")
    seen.add(fingerprint(corpus.folder))
    titles = content.tables["items"]["words"].to_pylist()
    content.replace("items", "words", [titles[0], titles[1] + titles[2][:1], titles[2][1:], *titles[3:]])
    pq.write_table(content.tables["items"], corpus.folder / "items.parquet")
    seen.add(fingerprint(corpus.folder))
    assert len(seen) == 3


# ---- corpus.toml -----------------------------------------------------------------------------------------------------


def test_a_folder_without_corpus_toml(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BenchError, match=r"no corpus\.toml.*bench data make"):
            Corpus(folder)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("format_version = 1", "format_version = 2", "corpus format 2, this version reads 1"),
        ("format_version = 1", "", "corpus format None"),
        ('name = "again"', "", "key 'name' is missing"),
        ("fingerprint", "print", "key 'fingerprint' is missing"),
        ("format_version = 1", "format_version = ", "not TOML"),
    ],
)
def test_a_corpus_toml_that_is_wrong_is_one_clear_line(corpus: Corpus, old: str, new: str, complaint: str) -> None:
    file = corpus.folder / "corpus.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(BenchError, match=complaint) as failure:
        Corpus(corpus.folder)
    assert str(file) in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_corpus_toml_that_is_not_text(corpus: Corpus) -> None:
    (corpus.folder / "corpus.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BenchError, match="not UTF-8"):
        Corpus(corpus.folder)


def test_simulated_data_is_always_called_so(corpus: Corpus, tmp_path: Path) -> None:
    assert corpus.info.label == "again"
    assert random_corpus(tmp_path / "simulated", sessions=6).info.label == "small (simulated)"
