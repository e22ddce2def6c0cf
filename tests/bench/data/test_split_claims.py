"""A corpus that is not split as it says is wrong, and is never written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.data.checks.corpus_checks import problems
from bench.data.clicks import clicks_per_query
from bench.data.corpus import Corpus
from bench.data.split_kinds import SplitKind
from bench.datasets.simulated import make
from bench.errors import BenchError

OPTIONS: dict[str, Any] = {"sessions": 300, "downstream": 200, "shown": 10}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("split")
    for kind in ("random", "time", "user"):
        make(folder / kind, name="beauty", split=kind, **OPTIONS)
    return folder


def changed(corpora: Path, tmp_path: Path, kind: SplitKind, table: str, change: Callable[[Any], Any]) -> list[str]:
    folder = Path(shutil.copytree(corpora / kind, tmp_path / kind))
    frame = pq.read_table(folder / f"{table}.parquet")
    pq.write_table(change(frame), folder / f"{table}.parquet")
    return [f"{problem.file} {problem.column} {problem.rows}: {problem.what}" for problem in problems(folder)]


def with_column(table: Any, name: str, values: list[Any]) -> Any:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))


@pytest.mark.parametrize("kind", ["random", "time", "user"])
def test_what_is_split_as_it_says_is_sound_and_says_so(corpora: Path, kind: SplitKind) -> None:
    assert problems(corpora / kind) == []
    info = Corpus(corpora / kind).info
    assert info.split == kind
    assert info.label == ("beauty (simulated)" if kind == "random" else f"beauty (simulated, split by {kind})")


def test_a_corpus_that_says_nothing_is_split_at_random(corpora: Path) -> None:
    assert "\nsplit =" not in (corpora / "random" / "corpus.toml").read_text().split("[source")[0]


def test_an_unknown_split_is_refused(corpora: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(corpora / "time", tmp_path / "time"))
    text = (folder / "corpus.toml").read_text()
    (folder / "corpus.toml").write_text(text.replace('split = "time"', 'split = "tide"', 1))
    with pytest.raises(BenchError, match="'tide' is no kind of split"):
        Corpus(folder)


def test_a_user_in_two_splits_is_found(corpora: Path, tmp_path: Path) -> None:
    def change(table: Any) -> Any:
        user, split = table["user"].to_pylist(), table["split"].to_pylist()
        twice = next(u for u in user if user.count(u) > 1)
        place = user.index(twice)
        split[place] = "test" if split[place] == "train" else "train"
        return with_column(table, "split", split)

    found = changed(corpora, tmp_path, "user", "sessions", change)
    assert any(line.startswith("sessions.parquet split") and "the split is by user" in line for line in found), found


def test_a_training_query_in_the_test_period_is_found(corpora: Path, tmp_path: Path) -> None:
    sessions = pq.read_table(corpora / "time" / "sessions.parquet")
    split, columns = np.array(sessions["split"].to_pylist()), Corpus(corpora / "time").columns
    last = columns.session_queries[1:] - 1
    unclicked = clicks_per_query(columns)[last] == 0  # whose last query can be moved without its clicks
    moved = int(last[np.flatnonzero((split == "train") & unclicked)[0]])
    border = min(t for t, s in zip(sessions["start"].to_pylist(), split, strict=True) if s != "train")

    def change(table: Any) -> Any:
        time = table["time"].to_pylist()
        time[moved] = border
        return with_column(table, "time", time)

    found = changed(corpora, tmp_path, "time", "queries", change)
    assert any("queries.parquet time 1: is of train, but not before" in line for line in found), found


def test_a_validation_click_in_the_test_period_is_found(corpora: Path, tmp_path: Path) -> None:
    sessions = pq.read_table(corpora / "time" / "sessions.parquet")
    split = sessions["split"].to_pylist()
    chosen = split.index("valid")
    of_query = pq.read_table(corpora / "time" / "queries.parquet")["session"].to_pylist()
    latest = max(sessions["start"].to_pylist())

    def change(table: Any) -> Any:
        click, query = table["click_time"].to_pylist(), table["query"].to_pylist()
        row = next(r for r, q in enumerate(query) if of_query[q] == chosen and click[r] is not None)
        click[row] = latest
        return with_column(table, "click_time", click)

    found = changed(corpora, tmp_path, "time", "impressions", change)
    assert any("impressions.parquet click_time 1: is of valid, but not before test" in line for line in found), found


def test_a_session_without_a_start_is_found(corpora: Path, tmp_path: Path) -> None:
    def change(table: Any) -> Any:
        return with_column(table, "start", [None, *table["start"].to_pylist()[1:]])

    found = changed(corpora, tmp_path, "time", "sessions", change)
    assert any("sessions.parquet start 1: is null, but the split is by time" in line for line in found), found
