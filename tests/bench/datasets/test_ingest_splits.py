"""A log is split by time or by user, and nothing of the time to come reaches what is made of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from event_logs import MINUTE, START, Log, write_log

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.data.schema import SPLITS, TEST, TRAIN
from bench.datasets.ingest import IngestOptions, IngestReport, ingest
from bench.errors import BenchError

SESSIONS = 40
HOUR = 60 * MINUTE
WORDS = ["red", "blue", "shoe", "hat", "bag", "coat"]


def log_of(late: str = "", new_titles: str = "") -> Log:
    """Forty sessions of two queries, one an hour; a user has two in a row. Items 0 to 5 are shown from the first day
    on, item 6 and item 7 in the last eight sessions alone, which are the test period.

    Args:
        late: a word more in each query of the last eight sessions, which then click other items too.
        new_titles: another title of the two items that are new then.
    """
    log: Log = {
        "queries": {name: [] for name in ("query_id", "user", "time", "kind", "text")},
        "impressions": {name: [] for name in ("query_id", "item_id", "rank")},
        "clicks": {name: [] for name in ("query_id", "item_id", "time")},
        "items": {"item_id": [f"i{n}" for n in range(8)], "title": []},
    }
    log["items"]["title"] = [f"{WORDS[n]} {WORDS[n - 1]}" for n in range(6)] + [new_titles or "new thing", "new red"]
    for session in range(SESSIONS):
        in_test = session >= SESSIONS - 8
        for step in range(2):
            query, time = f"q{session:02d}{step}", START + HOUR * session + MINUTE * step
            text = f"{WORDS[session % 6]} {WORDS[(session + step + 1) % 6]}"
            row = (query, f"u{session // 2}", time, "keyword", f"{text} {late}" if in_test and late else text)
            for name, value in zip(log["queries"], row, strict=True):
                log["queries"][name].append(value)
            for rank, item in enumerate([session % 6, (session + 1) % 6] + ([6, 7] if in_test else []), 1):
                for name, value in zip(log["impressions"], (query, f"i{item}", rank), strict=True):
                    log["impressions"][name].append(value)
            clicked = 7 if late and in_test else session % 6
            for name, value in zip(log["clicks"], (query, f"i{clicked}", time + 5), strict=True):
                log["clicks"][name].append(value)
    return log


def made(tmp_path: Path, log: Log, **options: Any) -> tuple[Corpus, IngestReport]:
    number = len(list(tmp_path.iterdir()))
    source = write_log(tmp_path / f"log{number}", log, "parquet")
    report = ingest(source, tmp_path / f"corpus{number}", options=IngestOptions(keep_text_only=True, **options))
    assert problems(tmp_path / f"corpus{number}") == []
    return Corpus(tmp_path / f"corpus{number}"), report


def vectors(corpus: Corpus) -> dict[str, list[float]]:
    words = corpus.strings("vocabulary", "word").to_pylist()
    return dict(zip(words, np.asarray(corpus.word_vectors).tolist(), strict=True))


def test_by_time_the_latest_sessions_are_the_test_split(tmp_path: Path) -> None:
    corpus, report = made(tmp_path, log_of(), split="time")
    assert [SPLITS[code] for code in corpus.columns.session_split] == ["train"] * 28 + ["valid"] * 4 + ["test"] * 8
    assert corpus.info.split == "time"
    assert corpus.info.label.endswith("(split by time)")
    assert any(line.startswith("split by time: validation begins 2020-09-14") for line in report.lines())
    assert not any("left out" in caveat for caveat in corpus.info.caveats), "nothing was"


def test_a_session_that_reaches_into_the_next_period_is_left_out_and_counted(tmp_path: Path) -> None:
    log = log_of()
    # u0's first session goes on when validation has begun, u15's (of validation) by a late click, when test has
    rows = [("q009", "u0", START + HOUR * 28, "keyword", "onlyhere")]
    for row in rows:
        for name, value in zip(log["queries"], row, strict=True):
            log["queries"][name].append(value)
    log["queries"]["session_id"] = [f"s{query[1:3]}" for query in log["queries"]["query_id"]]
    log["clicks"]["time"][2 * 30] = START + HOUR * 32
    corpus, report = made(tmp_path, log, split="time")
    assert np.bincount(corpus.columns.session_split).tolist() == [27, 3, 8]
    assert report.dropped["sessions that reach into the period of the next split"] == 2
    assert report.dropped["queries of sessions that reach into the period of the next split"] == 5
    assert report.dropped["impressions of dropped queries"] == 8
    assert report.kept["sessions"] == SESSIONS - 2
    assert "split by time: 2 sessions" in corpus.info.caveats[0]
    assert "onlyhere" not in vectors(corpus)
    assert {"s00", "s30"}.isdisjoint(corpus.strings("sessions", "session_id").to_pylist())


def test_by_time_word_vectors_know_neither_later_queries_nor_items_that_came_later(tmp_path: Path) -> None:
    before, _ = made(tmp_path, log_of(), split="time")
    after, _ = made(tmp_path, log_of(late="unheard", new_titles="unseen coat"), split="time")
    known, changed = vectors(before), vectors(after)
    assert set(changed) - set(known) == {"unheard", "unseen"}
    assert {word: known[word] for word in WORDS} == {word: changed[word] for word in WORDS}, "to the bit"
    assert not np.any([changed["unheard"], changed["unseen"], known["new"], known["thing"]]), "no vector of its own"


def test_by_time_everything_of_training_is_the_same_whatever_happens_later(tmp_path: Path) -> None:
    tables = []
    for log in (log_of(), log_of(late="unheard")):
        corpus, _ = made(tmp_path, log, split="time")
        words = np.array(corpus.strings("vocabulary", "word").to_pylist())
        rows = pq.read_table(corpus.folder / "queries.parquet").to_pylist()
        early = [row for row in rows if corpus.columns.session_split[row["session"]] != TEST]
        tables.append([(row["query_id"], row["time"], words[row["words"]].tolist()) for row in early])
    assert tables[0] == tables[1]
    assert len(tables[0]) == 2 * 32


def test_by_user_no_user_is_in_two_splits(tmp_path: Path) -> None:
    corpus, report = made(tmp_path, log_of(), split="user", seed=3)
    users, split = corpus.columns.session_user, corpus.columns.session_split
    assert all(len(set(split[users == user])) == 1 for user in range(corpus.num_users))
    assert np.bincount(split).tolist() == [28, 4, 8]
    assert corpus.info.label.endswith("(split by user)")
    assert "split by user: none has sessions in two splits" in report.lines()
    other, _ = made(tmp_path, log_of(), split="user", seed=4)
    assert (other.columns.session_split != split).any(), "the seed decides which"


def test_sessions_without_a_user_are_users_of_their_own(tmp_path: Path) -> None:
    log = log_of()
    log["queries"]["session_id"] = [f"s{query[1:3]}" for query in log["queries"]["query_id"]]
    log["queries"]["user"] = [None] * len(log["queries"]["user"])
    corpus, report = made(tmp_path, log, split="user")
    assert np.bincount(corpus.columns.session_split).tolist() == [28, 4, 8]
    assert any("40 sessions without a user" in line for line in report.lines())


def test_a_random_split_is_what_it_was(tmp_path: Path) -> None:
    """Fingerprint of a corpus that was made before there were other splits."""
    corpus, _ = made(tmp_path, log_of())
    assert corpus.info.split == "random"
    assert "split" not in corpus.info.label
    assert (corpus.columns.session_split == TRAIN).sum() == 28
    assert corpus.info.fingerprint == "d5606f18175d9ef80cb24ce0c5efb9846ff1005727f320761b9e9ec7c5323d1e"


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="split must be random, time or user, not 'hour'"):
        made(tmp_path, log_of(), split="hour")


def test_a_log_of_one_moment_is_not_split_by_time(tmp_path: Path) -> None:
    log = log_of()
    log["queries"]["time"] = [START] * len(log["queries"]["time"])
    log["clicks"]["time"] = [START + 5] * len(log["clicks"]["time"])
    with pytest.raises(BenchError, match="would be empty"):
        made(tmp_path, log, split="time", session_ids="keep")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("corpus")]
