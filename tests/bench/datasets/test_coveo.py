"""The CSVs of Coveo are read as they are laid out; vectors stand for words, and nothing is lost in silence."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from command_line import bench_here
from coveo_files import PRODUCTS, SHOWN, START, WIDTH, Rows, products, sku, small_coveo, vector, write_coveo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.datasets.coveo import make
from bench.datasets.ingest import IngestReport
from bench.errors import BenchError


def made(tmp_path: Path, tables: dict[str, Rows] | None = None, **options: Any) -> tuple[Corpus, IngestReport]:
    """The corpus of the files, and the report."""
    source = tmp_path / "files"
    if not source.exists():
        write_coveo(source, tables or small_coveo())
    folder = tmp_path / f"corpus{len(list(tmp_path.glob('corpus*')))}"
    report = make(folder, name="coveo", source=source, **options)
    return Corpus(folder), report


def table(corpus: Corpus, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(corpus.folder / f"{name}.parquet").to_pylist()
    return rows


def test_a_vector_is_the_vector_of_the_one_word_of_its_text(tmp_path: Path) -> None:
    corpus, report = made(tmp_path)
    assert problems(corpus.folder) == []
    queries, items = table(corpus, "queries"), table(corpus, "items")
    assert report.kept["vocabulary"] == 30 + PRODUCTS - 1
    assert items[0]["words"] == [], "it has no description"
    for number, query in enumerate(queries):
        np.testing.assert_allclose(corpus.word_vectors[query["words"]], [vector(3, number % 30)], rtol=1e-6)
    for number, item in enumerate(items[1:], 1):
        np.testing.assert_allclose(corpus.word_vectors[item["words"]], [vector(1, number)], rtol=1e-6)
    for number, item in enumerate(items[:-1]):
        np.testing.assert_allclose(corpus.image_vectors[item["image"]], vector(2, number), rtol=1e-6)
    assert (items[-1]["image"], items[-1]["category"]) == (None, None)


def test_lists_are_impressions_and_clicks_and_users_are_unknown(tmp_path: Path) -> None:
    corpus, report = made(tmp_path)
    with_results = [number for number in range(90) if number % 7 != 6]
    assert report.kept["impressions"] == SHOWN * len(with_results)
    assert report.kept["clicks"] == len(with_results)
    shown = [row for row in table(corpus, "impressions") if row["query"] == 4]
    items = [row["item_id"] for row in table(corpus, "items")]
    assert [items[row["item"]] for row in shown] == [sku((4 * 5 + 3 * rank) % PRODUCTS) for rank in range(SHOWN)]
    assert [row["clicked"] for row in shown].index(True) == 4
    assert corpus.num_users == 0


def test_the_licence_and_what_words_are_stand_under_every_table(tmp_path: Path) -> None:
    corpus, _ = made(tmp_path)
    assert "research only" in corpus.info.licence
    assert any("vectors only" in caveat for caveat in corpus.info.caveats)
    assert any("no redistribution" in caveat for caveat in corpus.info.caveats)


def test_suggest_is_refused_in_one_line_before_anything_runs(tmp_path: Path) -> None:
    corpus, _ = made(tmp_path)
    ran = bench_here("run", "--task", "suggest", "--dataset", str(corpus.folder), "--encoder", "lstm", "--seeds", "1",
                "--out", str(tmp_path / "runs"))  # fmt: skip
    assert "suggest cannot run on coveo: its texts are known as vectors" in ran.error
    assert not (tmp_path / "runs" / "cells").exists()


@pytest.mark.parametrize(("level", "category"), [(0, "a1/b1/c1"), (1, "a1"), (2, "a1/b1"), (9, "a1/b1/c1")])
def test_levels_of_a_category(tmp_path: Path, level: int, category: str) -> None:
    assert table(made(tmp_path, category_level=level)[0], "items")[1]["category"] == category


def test_detail_views_are_product_queries_where_that_is_asked_for(tmp_path: Path) -> None:
    plain, _ = made(tmp_path)
    corpus, report = made(tmp_path, views="product")
    assert {row["kind"] for row in table(plain, "queries")} == {"keyword"}
    views = [row for row in table(corpus, "queries") if row["kind"] == "product"]
    items = table(corpus, "items")
    assert [(row["position"], row["words"], row["image"]) for row in views] == [
        (2, items[session % 24]["words"], items[session % 24]["image"]) for session in range(30)
    ], "between the second and the third search; sessions without a search are left out"
    assert report.kept["impressions"] == plain.info.counts["impressions"]
    assert any("30 detail views" in note for note in report.notes)


def test_browsing_is_needed_only_for_views(tmp_path: Path) -> None:
    source = write_coveo(tmp_path / "files", small_coveo())
    (source / "browsing_train.csv").unlink()
    made(tmp_path)
    with pytest.raises(BenchError, match=r"browsing_train\.csv is not here"):
        made(tmp_path, views="product")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16))
def test_the_order_of_rows_says_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("order")
    whole, _ = made(folder, views="product")
    tables = small_coveo()
    for rows in tables.values():
        random.Random(seed).shuffle(rows)
    write_coveo(folder / "shuffled", tables)
    make(folder / "again", name="coveo", source=folder / "shuffled", views="product")
    assert Corpus(folder / "again").info.fingerprint == whole.info.fingerprint


def test_a_row_that_stands_twice_is_one_row(tmp_path: Path) -> None:
    tables = small_coveo()
    tables["search_train"] += tables["search_train"][:3]
    _, report = made(tmp_path, tables)
    assert report.kept["queries"] == 90
    assert report.dropped["rows of search_train that stand twice"] == 3


def test_products_that_the_catalogue_lacks_are_items_without_words(tmp_path: Path) -> None:
    tables = small_coveo()
    del tables["sku_to_content"][5]
    corpus, report = made(tmp_path, tables)
    assert table(corpus, "items")[5] == {
        "item_id": sku(5), "words": [], "image": None, "category": None, "domain": None
    }  # fmt: skip
    assert "1 products have no row in sku_to_content: items without words and image" in report.notes


NUMBERS = vector(9)
BROKEN: dict[str, tuple[str, Any, str]] = {
    "a short vector": ("query_vector", NUMBERS[:-1], "searches whose query_vector is not a list of 50 numbers"),
    "a long vector": ("query_vector", [*NUMBERS, 1.0], "searches whose query_vector is not a list of 50 numbers"),
    "a vector of text": ("query_vector", ["x"] * WIDTH, "searches whose query_vector is not a list of 50 numbers"),
    "a vector with a gap": ("query_vector", [None, *NUMBERS[1:]], "searches whose query_vector is not a list of 50"),
    "not a number": ("query_vector", str(NUMBERS).replace(str(NUMBERS[3]), "nan"), "searches whose query_vector is"),
    "code": ("query_vector", "__import__('os').abort()", "searches whose query_vector is not a list of 50 numbers"),
    "no vector": ("query_vector", "", "queries without words and image"),
    "a cut list": ("product_skus_hash", "['sku001', 'sku0", "searches whose product_skus_hash is not a list of ids"),
    "an open list": ("clicked_skus_hash", "sku001", "searches whose clicked_skus_hash is not a list of ids in quotes"),
    "nothing shown": ("product_skus_hash", "", "clicks on items that were not shown"),
    "another product": ("clicked_skus_hash", "['elsewhere']", "clicks on items that were not shown"),
    "no session": ("session_id_hash", "", "queries without a user or session"),
    "an absurd time": ("server_timestamp_epoch_ms", 17, "rows of queries without a readable time"),
    "no time": ("server_timestamp_epoch_ms", "soon", "rows of queries without a readable time"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_search_is_counted_and_dropped_or_refused(tmp_path: Path, name: str) -> None:
    column, value, reason = BROKEN[name]
    tables = small_coveo()
    tables["search_train"][40][column] = value
    if name != "no vector":
        with pytest.raises(BenchError) as caught:
            made(tmp_path, tables)
        assert "=drop" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert [path.name for path in tmp_path.iterdir()] == ["files"]
    corpus, report = made(tmp_path, tables, on_conflict="drop", anonymous="drop")
    assert any(what.startswith(reason) and count == 1 for what, count in report.dropped.items()), report.dropped
    assert problems(corpus.folder) == []


@pytest.mark.parametrize("column", ["description_vector", "image_vector"])
def test_a_broken_vector_of_a_product_leaves_it_without(tmp_path: Path, column: str) -> None:
    tables = small_coveo()
    tables["sku_to_content"][7][column] = "[1, 2"
    with pytest.raises(BenchError, match=f"column {column}: that of 'sku007' is not a list of 50 numbers"):
        made(tmp_path, tables)
    corpus, _ = made(tmp_path, tables, on_conflict="drop")
    item = table(corpus, "items")[7]
    assert (item["words"] == []) == (column == "description_vector")
    assert (item["image"] is None) == (column == "image_vector")


@pytest.mark.slow
def test_a_hundred_thousand_searches_of_which_one_in_a_hundred_is_broken(tmp_path: Path) -> None:
    texts = [str(vector(3, number)) for number in range(30)]
    rows = [row for session in range(33_334) for row in searches_of(session, texts)]
    for number, broken in enumerate(random.Random(0).sample(range(len(rows)), len(rows) // 100)):
        column, value, _ = list(BROKEN.values())[number % len(BROKEN)]
        rows[broken][column] = value
    tables = {"search_train": rows, "sku_to_content": products()}
    with pytest.raises(BenchError, match="is not a list of"):
        made(tmp_path, tables)
    corpus, report = made(tmp_path, on_conflict="drop", anonymous="drop")
    assert problems(corpus.folder) == []
    lost = sum(
        count for what, count in report.dropped.items() if what.startswith(("searches", "rows of", "queries without"))
    )
    assert report.kept["queries"] + lost == report.read["search_train"] == len(rows)


def searches_of(session: int, texts: list[str]) -> Rows:
    shown = [sku((session + rank) % PRODUCTS) for rank in range(SHOWN)]
    return [
        {
            "session_id_hash": f"session{session:06d}",
            "query_vector": texts[(session + place) % len(texts)],
            "clicked_skus_hash": [shown[place]],
            "product_skus_hash": shown,
            "server_timestamp_epoch_ms": START + session * 60_000 + place * 20_000,
        }
        for place in range(3)
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace("query_vector", "query", 1), "column query_vector is missing"),
        (lambda text: text + '"', "a quote is not closed"),
        (lambda text: text + "only,two\n", r"line 92: .*1 of 91 rows.*on_conflict=drop"),
    ],
)
def test_a_file_of_another_layout_is_one_clear_line(tmp_path: Path, spoil: Callable[[str], str], said: str) -> None:
    file = write_coveo(tmp_path / "files", small_coveo()) / "search_train.csv"
    file.write_text(spoil(file.read_text()))
    with pytest.raises(BenchError, match=said) as caught:
        made(tmp_path)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["files"]
