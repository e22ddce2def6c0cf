"""The files of Qilin are read as they are laid out, and nothing is lost in silence."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qilin_files import NOTES, SHOWN, Rows, image_ids, searches, small_qilin, write_qilin, write_vectors

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.datasets.ingest import IngestReport
from bench.datasets.qilin import make
from bench.datasets.qilin.words import bigrams
from bench.errors import BenchError

needs_jieba = pytest.mark.skipif(importlib.util.find_spec("jieba") is None, reason="jieba (extra chinese) is missing")


def made(tmp_path: Path, tables: dict[str, Rows] | None = None, **options: Any) -> tuple[Corpus, IngestReport]:
    """The corpus of the files, and the report."""
    source = tmp_path / "files"
    if not source.exists():
        write_qilin(source, tables or small_qilin())
    folder = tmp_path / f"corpus{len(list(tmp_path.glob('corpus*')))}"
    report = make(folder, name="qilin", source=source, **options)
    return Corpus(folder), report


def table(corpus: Corpus, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(corpus.folder / f"{name}.parquet").to_pylist()
    return rows


def words(corpus: Corpus) -> list[str]:
    return [row["word"] for row in table(corpus, "vocabulary")]


def test_searches_lists_notes_and_the_released_test_part(tmp_path: Path) -> None:
    corpus, report = made(tmp_path)
    assert problems(corpus.folder) == []
    assert report.read["search_train"] == 48
    assert report.kept["queries"] == 60
    assert report.kept["impressions"] == 60 * SHOWN
    assert report.kept["clicks"] == 60
    assert report.kept["items"] == NOTES
    sessions = table(corpus, "sessions")
    assert [row["split"] for row in sessions[16:]] == ["test"] * 4
    assert {row["split"] for row in sessions[:16]} == {"train", "valid"}
    assert {row["user"] for row in sessions} == {str(user) for user in range(10)}
    first = [row for row in table(corpus, "impressions") if row["query"] == 7]
    assert [row["rank"] for row in first] == list(range(1, SHOWN + 1)), "positions count from 0 in the files"
    assert [row["clicked"] for row in first].index(True) == 7 % SHOWN
    items = table(corpus, "items")
    assert (items[0]["words"], items[1]["category"], items[-1]["category"]) == ([], "t1", None)
    assert all(row["image"] is None for row in items), "no image vectors were given"
    assert corpus.info.licence == "Apache-2.0"
    assert set(corpus.info.source["files"]) == {
        f"{name}/train-00000-of-00001.parquet" for name in ("search_train", "search_test", "notes")
    }


def test_without_its_own_split_all_sessions_are_split_here(tmp_path: Path) -> None:
    corpus, _ = made(tmp_path, own_split=False, test_share=0.5)
    assert sum(row["split"] == "test" for row in table(corpus, "sessions")) == 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("连衣裙", ["连衣", "衣裙"]),
        ("猫", ["猫"]),
        ("iPhone15手机壳 T恤", ["iphone15", "手机", "机壳", "t", "恤"]),
        ("ＤＩＹ，手工！", ["diy", "手工"]),
        ("🐱 café", ["café"]),
        ("it's", ["it", "s"]),
        ("", []),
        (None, None),
    ],
)
def test_bigrams_of_characters_and_whole_words_of_letters(text: str | None, expected: list[str] | None) -> None:
    assert duckdb.execute(f"SELECT {bigrams('$1')}", [text]).fetchall() == [(expected,)]


@needs_jieba
def test_a_segmenter_gives_words(tmp_path: Path) -> None:
    corpus, _ = made(tmp_path, words="jieba")
    assert {"连衣裙", "咖啡机", "diy"} <= set(words(corpus))
    assert corpus.info.caveats[0].startswith("the word vectors"), "no caveat about bigrams"


def test_words_of_the_content_are_an_option(tmp_path: Path) -> None:
    assert "分享" not in words(made(tmp_path)[0])
    assert "分享" in words(made(tmp_path, content=True)[0])


@pytest.mark.parametrize("key", ["image_id", "id"])
def test_image_vectors_come_from_a_file(tmp_path: Path, key: str) -> None:
    vectors = write_vectors(tmp_path / "vectors.parquet", image_ids(), key=key)
    corpus, report = made(tmp_path, vectors=str(vectors))
    assert problems(corpus.folder) == []
    assert corpus.image_vectors.shape == (NOTES - 1, 8), "one image a note; the last note has none"
    assert report.dropped["images that nothing refers to"] == NOTES - 1
    second, _ = made(tmp_path, vectors=str(vectors), image=2)
    assert second.info.fingerprint != corpus.info.fingerprint


def test_an_image_without_a_vector_is_refused_or_dropped(tmp_path: Path) -> None:
    vectors = str(write_vectors(tmp_path / "vectors.parquet", image_ids()[2:]))
    with pytest.raises(BenchError, match=r"no vector for 'image/0_0.jpg' .*--set missing_images=drop"):
        made(tmp_path, vectors=vectors)
    _, report = made(tmp_path, vectors=vectors, missing_images="drop")
    assert report.dropped["images of items without a vector"] == 1


def test_product_queries_are_those_of_the_types_that_are_named(tmp_path: Path) -> None:
    vectors = str(write_vectors(tmp_path / "vectors.parquet", image_ids()))
    corpus, report = made(tmp_path, vectors=vectors, product_types="1,3", product_note="last")
    expected = ["product" if n % 5 and n % 4 in (1, 3) else "keyword" for n in (*range(48), *range(12))]
    queries = table(corpus, "queries")
    assert [row["kind"] for row in queries] == expected
    items = table(corpus, "items")
    for search, row in enumerate(queries):
        began = items[(search + 1) % NOTES]["image"] if row["kind"] == "product" else None
        assert row["image"] == began
    assert any("product queries are those of 1,3" in note for note in report.notes)
    assert {row["kind"] for row in table(made(tmp_path)[0], "queries")} == {"keyword"}


def test_the_time_may_have_its_other_name_and_searches_may_count_anew(tmp_path: Path) -> None:
    tables = small_qilin()
    whole = made(tmp_path, tables)[0]
    source = write_qilin(tmp_path / "other", {**tables, "search_test": searches(4)})
    for file in source.glob("search_*/*.parquet"):
        rows = pq.read_table(file).to_pylist()
        for row in rows:
            for shown in row["search_result_details_with_idx"]:
                shown["timestamp"] = shown.pop("search_timestamp")
        pq.write_table(pa.Table.from_pylist(rows), file)
    report = make(tmp_path / "renamed", name="qilin", source=source)
    assert report.kept["queries"] == whole.info.counts["queries"]
    ids = {row["query_id"] for row in table(Corpus(tmp_path / "renamed"), "queries")}
    assert {"train-0", "test-0"} <= ids
    assert any("stand in both parts" in note for note in report.notes)


def test_a_session_of_both_parts_is_a_test_session(tmp_path: Path) -> None:
    tables = small_qilin()
    moved = tables["search_train"].pop()
    tables["search_test"].append(moved)
    corpus, report = made(tmp_path, tables)
    split = {row["session_id"]: row["split"] for row in table(corpus, "sessions")}
    assert split[str(moved["session_idx"])] == "test"
    assert any("1 sessions have queries of several splits" in warning for warning in report.warnings)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16), parts=st.integers(1, 3))
def test_the_order_of_rows_and_parts_says_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int, parts: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    whole, _ = made(folder)
    tables = small_qilin()
    for rows in tables.values():
        random.Random(seed).shuffle(rows)
        for row in rows:
            random.Random(seed).shuffle(row.get("search_result_details_with_idx", []))
    write_qilin(folder / "shuffled", tables, parts)
    make(folder / "again", name="qilin", source=folder / "shuffled")
    assert Corpus(folder / "again").info.fingerprint == whole.info.fingerprint


Break = Callable[[dict[str, Any]], None]


def _shown(row: dict[str, Any], **values: Any) -> None:
    row["search_result_details_with_idx"][2].update(values)


def _times(row: dict[str, Any], time: int) -> None:
    for shown in row["search_result_details_with_idx"]:
        shown["search_timestamp"] = time


BROKEN: dict[str, tuple[Break, str]] = {
    "no id of the search": (lambda row: row.update(search_idx=None), "rows of queries without a readable query_id"),
    "no session": (lambda row: row.update(session_idx=None), "queries without a user or session"),
    "nothing shown": (lambda row: row.update(search_result_details_with_idx=None), "searches that showed nothing"),
    "no text": (lambda row: row.update(query=None), "queries without words and image"),
    "no note": (lambda row: _shown(row, note_idx=None), "rows of impressions without a readable item_id"),
    "an unknown note": (lambda row: _shown(row, note_idx=10**9), "impressions without a row in items"),
    "a negative position": (lambda row: _shown(row, position=-7), "rows of impressions without a readable rank"),
    "a position twice": (lambda row: _shown(row, position=3), "impressions of a rank that another item has"),
    "a time to come": (lambda row: _times(row, 10**17), "rows of queries without a readable time"),
    "no time": (lambda row: _times(row, -1), "rows of queries without a readable time"),
}
ALWAYS_DROPPED = ("nothing shown", "no text")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_is_counted_and_dropped_or_refused(tmp_path: Path, name: str) -> None:
    spoil, reason = BROKEN[name]
    tables = small_qilin()
    spoil(tables["search_train"][5])
    if name not in ALWAYS_DROPPED:
        with pytest.raises(BenchError) as caught:
            made(tmp_path, tables)
        assert "=drop" in str(caught.value)
        assert str(tmp_path / "corpus") not in str(caught.value), "a file that is gone by then"
        assert [path.name for path in tmp_path.iterdir()] == ["files"]
    corpus, report = made(tmp_path, tables, on_conflict="drop", anonymous="drop")
    assert any(what.startswith(reason) and count for what, count in report.dropped.items()), report.dropped
    assert problems(corpus.folder) == []


@pytest.mark.slow
def test_a_hundred_thousand_searches_of_which_one_in_a_hundred_is_broken(tmp_path: Path) -> None:
    rows = []
    whole = searches(40)
    for copy in range(834):
        for row in whole:
            shown = [
                {**note, "search_timestamp": note["search_timestamp"] + copy}
                for note in row["search_result_details_with_idx"]
            ]
            rows.append(
                {
                    **row,
                    "search_idx": len(rows),
                    "session_idx": len(rows) // 3,
                    "user_idx": len(rows) // 6,
                    "search_result_details_with_idx": shown,
                }
            )
    for number, broken in enumerate(random.Random(0).sample(range(len(rows)), len(rows) // 100)):
        list(BROKEN.values())[number % len(BROKEN)][0](rows[broken])
    tables = {**small_qilin(), "search_train": rows, "search_test": []}
    with pytest.raises(BenchError, match="kinds of fault"):
        made(tmp_path, tables, own_split=False)
    corpus, report = made(tmp_path, own_split=False, on_conflict="drop", anonymous="drop")
    assert problems(corpus.folder) == []
    lost = sum(count for what, count in report.dropped.items() if what.split(" ")[0] in ("queries", "searches"))
    lost += sum(count for what, count in report.dropped.items() if what.startswith("rows of queries"))
    assert report.kept["queries"] + lost == len(rows) == report.read["search_train"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda source: (source / "notes").rename(source / "elsewhere"), "no Parquet file of notes is here"),
        (lambda source: _without(source / "notes", "note_title"), "column note_title: the column is missing"),
        (lambda source: _twice(source / "notes", "note_title"), "column note_title: two columns have this name"),
        (lambda source: _as_text(source / "search_test"), "is string, not a list of structs"),
        (lambda source: _cut(source / "notes"), "not a readable Parquet file"),
    ],
)
def test_files_of_another_layout_are_one_clear_line(tmp_path: Path, spoil: Callable[[Path], Any], said: str) -> None:
    spoil(write_qilin(tmp_path / "files", small_qilin()))
    with pytest.raises(BenchError, match=said) as caught:
        made(tmp_path)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


def test_an_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="is not downloaded"):
        make(tmp_path / "corpus", name="qilin", source="https://example.org/qilin")


def _only(folder: Path) -> Path:
    return next(folder.glob("*.parquet"))


def _without(folder: Path, column: str) -> None:
    pq.write_table(pq.read_table(_only(folder)).drop_columns([column]), _only(folder))


def _twice(folder: Path, column: str) -> None:
    table = pq.read_table(_only(folder))
    pq.write_table(table.append_column(column, table[column]), _only(folder))


def _as_text(folder: Path) -> None:
    rows = pq.read_table(_only(folder)).to_pylist()
    texts = [{**deepcopy(row), "search_result_details_with_idx": "[]"} for row in rows]
    pq.write_table(pa.Table.from_pylist(texts), _only(folder))


def _cut(folder: Path) -> None:
    _only(folder).write_bytes(_only(folder).read_bytes()[:-100])
