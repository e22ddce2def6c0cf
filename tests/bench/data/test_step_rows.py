"""The steps of a batch are the same arrays with compiled loops and without, and nothing beside a corpus is read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_corpora import random_corpus

from bench.data.columns import Columns
from bench.data.step_rows import covered_runs, gathered_steps

QUERIES = 60


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Columns:
    corpus = random_corpus(tmp_path_factory.mktemp("steps") / "corpus", sessions=30, image_share=0.5)
    assert len(corpus.columns.query_session) > QUERIES
    return corpus.columns


def both(compute: Callable[[], tuple[np.ndarray, ...]]) -> list[tuple[np.ndarray, ...]]:
    found = []
    for setting in ("", "reference"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BENCH_KERNELS", setting)
            found.append(compute())
    return found


def assert_same(compute: Callable[[], tuple[np.ndarray, ...]]) -> None:
    for one, other in zip(*both(compute), strict=True):
        assert one.dtype == other.dtype == np.int64
        np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(queries=st.lists(st.integers(0, QUERIES - 1), max_size=12))
def test_runs_of_one_session(columns: Columns, queries: list[int]) -> None:
    assert_same(lambda: covered_runs(columns, np.array(queries, dtype=np.int64)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bounds=st.lists(st.tuples(st.integers(0, QUERIES), st.integers(0, QUERIES)).map(sorted), max_size=6))
def test_steps_of_ranges(columns: Columns, bounds: list[list[int]]) -> None:
    starts, ends = np.array(bounds, dtype=np.int64).reshape(-1, 2).T
    assert_same(lambda: gathered_steps(columns, starts, ends))
    assert_same(lambda: gathered_steps(columns, starts.astype(np.int32), ends.astype(np.int32)))


@pytest.mark.parametrize("setting", ["", "reference"])
@pytest.mark.parametrize("row", [-1, 10**6])
def test_a_query_that_is_not_there_is_an_error(
    columns: Columns, setting: str, row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_KERNELS", setting)
    with pytest.raises(IndexError, match="the corpus does not have"):
        covered_runs(columns, np.array([0, row]))
    with pytest.raises(IndexError, match="the corpus does not have"):
        gathered_steps(columns, np.array([0, row]), np.array([1, row + 1]))
