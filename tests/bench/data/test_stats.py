"""The statistics of a corpus are those that can be counted by hand, beside the numbers that the paper prints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bench.data import stats
from bench.data.corpus import Corpus
from bench.data.published import PUBLISHED
from bench.data.schema import KEYWORD, PRODUCT, TEST, TRAIN, VALID
from bench.data.stats import corpus_stats
from bench.data.writer import CorpusWriter

MINUTE = 60_000


def corpus(folder: Path, name: str, origin: str, users: bool = True, times: bool = True) -> Corpus:
    """Sessions of 11, 2 and 1 queries that last 10, 5 and 0 minutes; five of six items are shown."""
    with CorpusWriter(folder, name=name, origin=origin, licence="CC0-1.0", word_dim=2, image_dim=2) as writer:
        writer.vocabulary(["a", "b"], np.zeros((2, 2), np.float32))
        writer.images(np.ones((1, 2), np.int8))
        nothing = pa.nulls(6, pa.string())
        writer.items([f"i{i}" for i in range(6)], (np.zeros(7), []), [-1] * 6, nothing, nothing)
        user = ["ann", "ben", "ann"] if users else pa.nulls(3, pa.string())
        start = pa.array([0, 1_000_000, 2_000_000] if times else [None] * 3, pa.int64())
        writer.sessions(["s", "t", "u"], user, start, [TRAIN, VALID, TEST], [1, 0, 1])
        time = [i * MINUTE for i in range(11)] + [1_000_000, 1_000_000 + 5 * MINUTE, 2_000_000]
        kind = [KEYWORD] * 10 + [PRODUCT, KEYWORD, PRODUCT, PRODUCT]
        lengths = [1] * 10 + [6, 12, 3, 0]  # 22 words of 11 keyword queries, 9 of 3 product queries
        writer.queries(
            [f"q{i}" for i in range(14)],
            [0] * 11 + [1, 1, 2],
            [*range(11), 0, 1, 0],
            pa.array(time if times else [None] * 14, pa.int64()),
            kind,
            (np.concatenate([[0], np.cumsum(lengths)]), [0] * sum(lengths)),
            [-1] * 10 + [0, -1, 0, -1],
        )
        clicked = np.array([True, True, False, False, True, True])
        writer.impressions(
            [0, 0, 3, 10, 10, 13], [5, 0, 0, 1, 2, 3], [1, 2, 1, 1, 2, 1], clicked, pa.nulls(6, pa.int64())
        )
    return Corpus(folder)


EXPECTED = {
    "sessions": 3,
    "keyword queries": 11,
    "product queries": 3,
    "users": 2,
    "items": 5,
    "clicks": 4,
    "Avg. T(s), minutes": 5,
    "Avg. L(s), queries": 14 / 3,
    "Avg. L(PQ), words": 3,
    "Avg. L(KQ), words": 2,
    "image queries": 2,
    "clicks per session": 4 / 3,
    "users per session": 2 / 3,
    "items per session": 5 / 3,
    "keyword queries per product query": 11 / 3,
    "share of sessions with more than ten queries": 1 / 3,
    "sessions in the downstream sample": 2,
    "train sessions": 1,
    "valid sessions": 1,
    "test sessions": 1,
}


@pytest.mark.parametrize("chunk_rows", [1, 3, 1 << 20])
def test_values_counted_by_hand(tmp_path: Path, chunk_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "_CHUNK_ROWS", chunk_rows)
    rows = corpus_stats(corpus(tmp_path / "c", "mine", "log"))
    assert {row.statistic: row.value for row in rows} == pytest.approx(EXPECTED)
    assert {row.published for row in rows} == {None}


@pytest.mark.parametrize(("name", "origin"), [("beauty", "simulated"), ("mmsession-beauty", "released")])
def test_the_papers_datasets_stand_beside_its_numbers(tmp_path: Path, name: str, origin: str) -> None:
    rows = {row.statistic: row.published for row in corpus_stats(corpus(tmp_path / "c", name, origin))}
    assert rows["sessions"] == 851_250
    assert rows["image queries"] == rows["product queries"] == 2_349_832
    assert rows["Avg. T(s), minutes"] == 27
    assert rows["Avg. L(KQ), words"] == 2.42
    assert rows["clicks per session"] == pytest.approx(16.41, abs=0.005)
    assert rows["users per session"] == pytest.approx(0.914, abs=0.001)
    assert rows["keyword queries per product query"] == pytest.approx(1.219, abs=0.001)
    assert rows["sessions in the downstream sample"] == 50_000
    assert rows["train sessions"] is None


@pytest.mark.parametrize(
    ("name", "origin"),
    [("beauty", "log"), ("mmsession", "released"), ("mmsession-x", "released"), ("toy", "simulated")],
)
def test_other_datasets_have_no_published_value(tmp_path: Path, name: str, origin: str) -> None:
    assert {row.published for row in corpus_stats(corpus(tmp_path / "c", name, origin))} == {None}


def test_what_a_log_does_not_say_is_none(tmp_path: Path) -> None:
    rows = {row.statistic: row.value for row in corpus_stats(corpus(tmp_path / "c", "x", "log", False, False))}
    assert [name for name, value in rows.items() if value is None] == [
        "users",
        "Avg. T(s), minutes",
        "users per session",
    ]


def test_every_published_number_is_in_the_table(tmp_path: Path) -> None:
    rows = corpus_stats(corpus(tmp_path / "c", "clothes", "simulated"))
    assert set(PUBLISHED["clothes"].values()) <= {row.published for row in rows}
