"""Histories hold what the same user clicked strictly before a query, in order, and nothing else: against loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_corpora import random_corpus
from whole_corpora import read, write

from bench.data.click_history import ClickHistory
from bench.data.corpus import Corpus
from bench.data.schema import TRAIN

_NONE = np.iinfo(np.int64).min


def awkward_times(folder: Path) -> Corpus:
    """Users with many sessions, out of order, overlapping, starting together; sessions without user or times."""
    content = read(random_corpus(folder / "random", sessions=60))
    rng = np.random.default_rng(1)
    user = [None if s % 9 == 0 else f"u{s % 11}" for s in range(60)]
    start = (rng.integers(0, 12, 60) * 2_000).tolist()  # steps are 1,000 apart, so sessions overlap and tie
    start = [None if s % 13 == 5 else value for s, value in enumerate(start)]
    session, position = (content.tables["queries"][name].to_pylist() for name in ("session", "position"))
    time = [None if start[s] is None else start[s] + 1_000 * p for s, p in zip(session, position, strict=True)]
    content.replace("sessions", "user", user)
    content.replace("sessions", "start", start)
    content.replace("queries", "time", time)
    content.replace("impressions", "click_time", [None] * len(content.tables["impressions"]))
    return write(folder / "corpus", content)


def expected_history(corpus: Corpus, query: int) -> list[tuple[int, int]]:
    """(query, item) of each click in the history, oldest first."""
    columns = corpus.columns

    def clicks(q: int) -> list[tuple[int, int]]:
        shown = range(columns.query_impressions[q], columns.query_impressions[q + 1])
        return [(q, int(columns.impression_item[i])) for i in shown if columns.impression_clicked[i]]

    session = columns.query_session[query]
    user, start = columns.session_user[session], columns.session_start[session]
    past = [
        q
        for q in range(len(columns.query_session))
        if (s := columns.query_session[q]) != session
        and user >= 0
        and columns.session_user[s] == user
        and columns.session_split[s] == TRAIN
        and start != _NONE
        and columns.session_start[s] != _NONE
        and columns.query_time[q] < start
    ]
    past.sort(key=lambda q: (columns.query_time[q], q))
    own = range(columns.session_queries[session], query)
    return [click for q in [*past, *own] for click in clicks(q)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return awkward_times(tmp_path_factory.mktemp("history"))


@pytest.mark.parametrize("longest", [None, 1, 3, 7])
def test_histories_against_loops(corpus: Corpus, longest: int | None) -> None:
    history, queries = ClickHistory.of(corpus), np.arange(len(corpus.columns.query_session))
    order = np.random.default_rng(0).permutation(queries)
    clicks, owner = history.of_queries(order, longest)
    assert (np.diff(owner) >= 0).all()
    others = 0
    for place, query in enumerate(order):
        rows = clicks[owner == place]
        expected = expected_history(corpus, int(query))
        expected = expected if longest is None else expected[-longest:]
        assert list(zip(history.queries[rows], history.items[rows], strict=True)) == expected
        others += any(corpus.columns.query_session[q] != corpus.columns.query_session[query] for q, _ in expected)
    assert others > 20, "the corpus has users who come back"


@pytest.mark.parametrize("longest", [None, 3])
def test_without_its_own_session_a_history_is_that_of_others(corpus: Corpus, longest: int | None) -> None:
    history, queries = ClickHistory.of(corpus), np.arange(len(corpus.columns.query_session))
    clicks, owner = history.of_queries(queries, longest, own_session=False)
    session = corpus.columns.query_session
    for query in queries:
        expected = [click for click in expected_history(corpus, query) if session[click[0]] != session[query]]
        rows = clicks[owner == query]
        found = list(zip(history.queries[rows], history.items[rows], strict=True))
        assert found == (expected if longest is None else expected[-longest:])
    assert len(clicks) > 20


def test_no_history_and_no_queries(corpus: Corpus) -> None:
    history = ClickHistory.of(corpus)
    clicks, owner = history.of_queries(np.array([], dtype=np.int64))
    assert len(clicks) == len(owner) == 0
    alone = int(np.flatnonzero(corpus.columns.session_user < 0)[0])
    clicks, owner = history.of_queries(corpus.columns.session_queries[[alone, alone]])
    assert len(clicks) == len(owner) == 0, "a session without user has no past before its first query"


def test_it_reads_only_training_sessions_of_others(corpus: Corpus) -> None:
    history, columns = ClickHistory.of(corpus), corpus.columns
    queries = np.arange(len(columns.query_session))
    clicks, owner = history.of_queries(queries)
    source, reader = columns.query_session[history.queries[clicks]], columns.query_session[queries[owner]]
    assert (columns.session_split[source[source != reader]] == TRAIN).all()
    assert (columns.session_split[reader[source != reader]] != TRAIN).any(), "test sessions look back too"
