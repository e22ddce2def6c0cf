"""Clicks of sessions, queries and items are those of the tables, counted in loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_corpora import Altered, random_corpus

from bench.data import clicks as clicks_module
from bench.data.clicks import Clicks, clicks_of_queries, clicks_per_item, clicks_per_query, rankable_queries
from bench.data.corpus import Corpus

SESSIONS = 25


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("clicks") / "corpus", sessions=SESSIONS)


def rows(corpus: Corpus, table: str) -> list[dict[str, Any]]:
    return pq.read_table(corpus.folder / f"{table}.parquet").to_pylist()


def clicked_items(corpus: Corpus, key: str) -> list[list[int]]:
    """The clicked items of each query, or of each session, in the order of the impressions."""
    session = [row["session"] for row in rows(corpus, "queries")]
    found: list[list[int]] = [[] for _ in range(SESSIONS if key == "session" else len(session))]
    for row in rows(corpus, "impressions"):
        if row["clicked"]:
            found[session[row["query"]] if key == "session" else row["query"]].append(row["item"])
    return found


def test_clicks_of_sessions_and_queries(corpus: Corpus) -> None:
    clicks = Clicks.of(corpus)
    for key, of in (("session", clicks.of_sessions), ("query", clicks.of_queries)):
        expected = clicked_items(corpus, key)
        items, owner = of(np.arange(len(expected)))
        assert [items[owner == row].tolist() for row in range(len(expected))] == expected
        items, owner = of(np.array([7, 3, 7]))
        assert [items[owner == place].tolist() for place in range(3)] == [expected[7], expected[3], expected[7]]
        items, owner = of(np.array([], dtype=np.int64))
        assert len(items) == len(owner) == 0
    assert all(clicked_items(corpus, "session")), "every session has clicks here"
    assert clicks.queries.tolist() == [q for q, items in enumerate(clicked_items(corpus, "query")) for _ in items]


def test_clicks_are_counted_per_query_and_per_item(corpus: Corpus) -> None:
    by_query, by_session = clicked_items(corpus, "query"), clicked_items(corpus, "session")
    assert clicks_per_query(corpus.columns).tolist() == [len(items) for items in by_query]
    some = np.array([4, 11, 19])
    expected = [sum(by_session[s].count(item) for s in some) for item in range(len(rows(corpus, "items")))]
    assert clicks_per_item(corpus, some).tolist() == expected
    assert not clicks_per_item(corpus, some[:0]).any()


def test_a_query_can_be_ranked_where_it_showed_a_clicked_and_an_unclicked_item(corpus: Corpus) -> None:
    sessions = np.array([1, 2, 3, 5, 8, 13, 21])
    offsets, none, every = corpus.columns.query_impressions, *corpus.columns.session_queries[[2, 3]]
    clicked = np.random.default_rng(0).random(offsets[-1]) < 0.3
    clicked[offsets[none] : offsets[none + 1]] = False
    clicked[offsets[every] : offsets[every + 1]] = True
    expected = [
        query
        for query, session in enumerate(corpus.columns.query_session)
        if session in sessions and len(set(clicked[offsets[query] : offsets[query + 1]].tolist())) == 2
    ]
    found = rankable_queries(Altered(corpus, impression_clicked=clicked), sessions)
    assert found.tolist() == expected
    assert len(found)
    assert not {none, every} & set(found)


def test_some_at_a_time_are_all_at_once(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, sessions = np.array([9, 2, 2, 30, 0]), np.array([8, 3, 4, 21, 20])

    def found() -> list[np.ndarray]:
        columns = corpus.columns
        counts = [clicks_per_query(columns), clicks_per_query(columns, slice(3, 11))]
        return [*counts, clicks_per_item(corpus, sessions), rankable_queries(corpus, sessions)]

    whole, (items, owner) = found(), Clicks.of(corpus).of_queries(queries)
    monkeypatch.setattr(clicks_module, "_QUERIES", 2)
    monkeypatch.setattr(clicks_module, "_SESSIONS", 2)
    for some, every in zip(found(), whole, strict=True):
        np.testing.assert_array_equal(some, every)
    np.testing.assert_array_equal(whole[1], whole[0][3:11])
    for some, every in zip(clicks_of_queries(corpus.columns, queries), (items, owner), strict=True):
        np.testing.assert_array_equal(some, every)
