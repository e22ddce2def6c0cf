"""The authors' downstream tables (``query_table``, ``click_table``, ``pv_table``) are read as their readme describes
them, alone and joined by session with the pretraining files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.datasets.mmsession import make
from bench.errors import BenchError

QUERY_COLUMNS = "sessionid\tquery_id\tquery_emb\tquery_type\tstart_time\tend_time\tuser_id\tcategory\tdate\tsplit\n"
CLICK_COLUMNS = (
    "sessionid\tquery_id\tclick_type\tuser_id\titem_id\ttitle_emb\ttime_stamp\tis_buy\tcategory\tdate\tsplit\n"
)
RANKING = {
    "query_table": QUERY_COLUMNS
    + "11\t2\t[0.5, 1.0]\tgoods_query\t1600000060\t1600000070\tu1\tbeauty\t20200913\ttrain\n"
    + "11\t1\t[0.5,1.0]\tkeyword_query\t1600000000\t1600000050\tu1\tbeauty\t20200913\ttrain\n"
    + "12\t3\t[0, 2]\tkeyword_query\t2020-09-13 12:26:40\t\t\tbeauty\t20200913\ttest\n"
    + "12\t4\t\tkeyword_query\tsoon\t\t\tbeauty\t20200913\ttest\n"
    + "13\t5\t[0, 2]\tkeyword_query\t1600000000\t\tu2\tclothes\t20200913\ttest\n",
    "click_table": CLICK_COLUMNS
    + "11\t1\tclick\tu1\tb\t[9, 9]\t1600000010\t0\tskin\t20200913\ttrain\n"
    + "11\t1\tcart\tu1\tb\t[9, 9]\t1600000005000\t0\tskin\t20200913\ttrain\n"
    + "11\t1\tclick\tu1\tz\t[0.5, 1.0]\t1599999999\t0\thair\t20200913\ttrain\n"
    + "99\t9\tclick\tu1\tb\t[9, 9]\t1600000010\t0\tskin\t20200913\ttrain\n",
    "pv_table": "query_id\titem_list\n1\t['a', 'b', 'c', 'a']\n1\td\n3\ta,c\n77\ta\n",
}
PRETRAINING = {
    "session.csv": "session_id\tquery_id\tsplit\n10\t1,6\ttrain\n11\t6,1,gone,2\ttrain\n12\t3,4\ttrain\n",
    "query2.csv": "query_id\tword_id\tquery_type\timage_emb\n1\t[0]\tkeyword_query\t\n2\t[1]\tgoods_query\t1,2\n"
    "6\t[1]\tgoods_query\t1,2\n",
    "word.csv": "word_id\tembedding\n0\t[1, 0]\n1\t[0, 1]\n",
    "session_click.csv": "session_id\titem_id\n10\ta\n11\tq\n",
}

Make = Callable[..., tuple[Corpus, dict[str, Any]]]


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """Writes tables and makes the corpus."""

    def run(*groups: dict[str, str], **changes: str) -> tuple[Corpus, dict[str, Any]]:
        source = tmp_path / "files"
        source.mkdir(exist_ok=True)
        for name, text in {name: text for group in (*groups, changes) for name, text in group.items()}.items():
            (source / name).write_text(text)
        report = make(tmp_path / "corpus", name="mmsession", source=source, valid_share=0.0)
        corpus = Corpus(tmp_path / "corpus")
        assert problems(corpus.folder) == []
        return corpus, report

    return run


def table(corpus: Corpus, name: str) -> dict[str, list[Any]]:
    return pq.read_table(corpus.folder / f"{name}.parquet").to_pydict()


def shown(corpus: Corpus) -> dict[str, list[tuple[str, int, bool]]]:
    """What each query shows: (item, rank, clicked)."""
    impressions, query = table(corpus, "impressions"), table(corpus, "queries")["query_id"]
    item = table(corpus, "items")["item_id"]
    found: dict[str, list[tuple[str, int, bool]]] = {}
    for q, i, rank, clicked in zip(*(impressions[c] for c in ("query", "item", "rank", "clicked")), strict=True):
        found.setdefault(query[q], []).append((item[i], rank, clicked))
    return found


def test_sessions_have_users_times_and_an_order_by_time(made: Make) -> None:
    corpus, report = made(RANKING)
    sessions, queries = table(corpus, "sessions"), table(corpus, "queries")
    assert sessions["session_id"] == ["11", "12"]
    assert sessions["user"] == ["u1", None]
    assert sessions["split"] == ["train", "test"]
    assert sessions["downstream"] == [True, True]
    assert queries["query_id"] == ["1", "2", "3", "4"]
    assert queries["kind"] == ["keyword", "product", "keyword", "keyword"]
    assert [time and time.timestamp() for time in queries["time"][:2]] == pytest.approx(
        [time.timestamp() for time in (sessions["start"][0], sessions["start"][0])], abs=60
    )
    columns = corpus.columns
    assert columns.query_time[:3].tolist() == [1_600_000_000_000, 1_600_000_060_000, 1_600_000_000_000]
    assert queries["time"][3] is None
    assert report["ranking_queries_without_time"] == 1
    assert report["ranking_queries_of_other_categories"] == 1


def test_lists_keep_their_order_pages_follow_and_clicks_are_marked(made: Make) -> None:
    corpus, report = made(RANKING)
    assert shown(corpus) == {
        "1": [("a", 1, False), ("b", 2, True), ("c", 3, False), ("d", 4, False), ("z", 5, True)],
        "3": [("a", 1, False), ("c", 2, False)],
    }
    times = table(corpus, "impressions")["click_time"]
    assert [time is not None for time in times] == [False, True, False, False, False, False, False]
    expected = {
        "queries_with_several_lists": 1,
        "lists_of_unknown_queries": 1,
        "clicks_of_unknown_queries": 1,
        "clicks_not_in_the_list": 1,
        "click_times_before_query": 1,
        "ranking_queries_without_list": 2,
        "ranking_queries_without_text": 1,
        "items_without_title": 3,
    }
    assert {key: report[key] for key in expected} == expected


def test_each_distinct_text_vector_is_one_word(made: Make) -> None:
    corpus, _ = made(RANKING)
    queries, items = table(corpus, "queries"), table(corpus, "items")
    assert [len(words) for words in queries["words"]] == [1, 1, 1, 0]
    assert queries["words"][0] == queries["words"][1], "spaces in a list make no other text"
    assert corpus.word_vectors[queries["words"][2][0]].tolist() == [0, 2]
    words = dict(zip(items["item_id"], items["words"], strict=True))
    assert words["z"] == queries["words"][0], "a title that is the same vector as a query is the same word"
    assert corpus.word_vectors[words["b"][0]].tolist() == [9, 9]
    assert dict(zip(items["item_id"], items["category"], strict=True)) == {
        "a": None, "b": "skin", "c": None, "d": None, "z": "hair"
    }  # fmt: skip
    assert set(items["domain"]) == {"beauty"}
    assert corpus.image_vectors.shape == (0, 512)


def test_both_layouts_join_by_session(made: Make) -> None:
    corpus, report = made(RANKING, PRETRAINING)
    sessions, queries = table(corpus, "sessions"), table(corpus, "queries")
    assert sessions["session_id"] == ["10", "11", "12"]
    assert sessions["downstream"] == [False, True, True]
    assert sessions["user"] == [None, "u1", None]
    assert sessions["split"] == ["train", "train", "test"], "a session that is test anywhere is never trained on"
    assert queries["query_id"] == ["1", "6", "6#2", "1#2", "2", "3", "4"]
    words = np.array(table(corpus, "vocabulary")["word"])
    assert [list(words[step]) for step in queries["words"][:5]] == [["0"], ["1"], ["1"], ["0"], ["1"]]
    assert corpus.word_vectors[queries["words"][5][0]].tolist() == [0, 2], "unknown to query2, known by its vector"
    assert queries["image"] == [None, 0, 0, None, 0, None, None]
    assert shown(corpus) == {
        "6": [("a", 1, True)],
        "1#2": [("a", 1, False), ("b", 2, True), ("c", 3, False), ("d", 4, False), ("z", 5, True)],
        "3": [("a", 1, False), ("c", 2, False)],
    }
    expected = {
        "sessions_in_both_layouts": 2,
        "sessions_split_differently": 1,
        "session_clicks_left_to_click_table": 1,
        "session_clicks_on_the_last_step": 1,
        "steps_of_unknown_queries": 1,
    }
    assert {key: report[key] for key in expected} == expected


def test_texts_of_another_width_than_the_words_are_left_out_and_said(made: Make) -> None:
    wide = {**PRETRAINING, "word.csv": "word_id\tembedding\n0\t[1, 0, 3]\n1\t[0, 1, 3]\n"}
    corpus, report = made(RANKING, wide)
    assert corpus.word_vectors.shape == (2, 3)
    assert report["texts_of_another_width"] == 3
    assert report["steps_without_text_vector"] == 1
    assert any("left out" in line for line in corpus.info.caveats)


def test_a_time_that_runs_backwards_is_dropped_where_the_order_is_the_files(made: Make) -> None:
    changed = RANKING["query_table"].replace(
        "11\t2\t[0.5, 1.0]\tgoods_query\t1600000060", "11\t2\t[0.5, 1.0]\tgoods_query\t1599999000"
    )
    corpus, report = made(RANKING, PRETRAINING, query_table=changed)
    assert report["times_that_run_backwards"] == 1
    assert table(corpus, "queries")["query_id"][2:5] == ["6#2", "1#2", "2"]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("query_table", "query_emb", "embedding", "column query_emb is missing"),
        ("query_table", "[0, 2]", "[0, 2, 3]", "a vector of width 3 where 1 have width 2"),
        ("query_table", "train", "later", "row 1: unknown split 'later'"),
        ("query_table", "beauty", "digital", "no row of category beauty"),
        ("click_table", "[0.5, 1.0]", "[0.5]", "a vector of width 1"),
        ("pv_table", "3\ta,c", "3", "pv_table, line 4: 1 columns instead of 2"),
    ],
)
def test_broken_tables_are_one_clear_line(
    made: Make, tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(BenchError) as caught:
        made(RANKING, **{file: RANKING[file].replace(old, new)})
    assert message in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["files"]
