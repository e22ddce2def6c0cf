"""The batches of an epoch: every example once, sessions whole where sessions are drawn, and new ones every epoch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.examples.batches import epoch_batches

SESSIONS = np.repeat([3, 4, 7, 8, 20], [2, 5, 1, 30, 3])


@pytest.mark.parametrize("drawn", ["queries", "sessions"])
def test_every_example_is_in_one_batch_and_the_next_epoch_has_others(drawn: str) -> None:
    rng = np.random.default_rng(0)
    epochs = [epoch_batches(SESSIONS, 4, drawn, rng) for _ in range(2)]  # type: ignore[arg-type]
    for batches in epochs:
        assert sorted(np.concatenate(batches)) == list(range(len(SESSIONS)))
        assert all(len(rows) for rows in batches)
    assert [rows.tolist() for rows in epochs[0]] != [rows.tolist() for rows in epochs[1]]


def test_queries_are_drawn_as_they_always_were() -> None:
    """Whoever compares with a table of last year draws the same batches."""
    found = epoch_batches(SESSIONS, 4, "queries", np.random.default_rng(3))
    shuffled = np.random.default_rng(3).permutation(len(SESSIONS))
    assert [rows.tolist() for rows in found] == [shuffled[at : at + 4].tolist() for at in range(0, len(SESSIONS), 4)]


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=40), size=st.integers(1, 20), seed=st.integers(0, 1 << 30)
)
def test_sessions_stay_whole_and_batches_are_as_large_as_asked(counts: list[int], size: int, seed: int) -> None:
    sessions = np.repeat(np.arange(len(counts)), counts)
    batches = epoch_batches(sessions, size, "sessions", np.random.default_rng(seed))
    of_batch = [sessions[rows] for rows in batches]
    seen = np.concatenate([np.unique(owners) for owners in of_batch])
    assert len(seen) == len(set(seen)) == len(counts), "a session in two batches"
    for rows, owners in zip(batches, of_batch, strict=True):
        assert all(np.diff(rows)[np.diff(owners) == 0] == 1), "the examples of a session in their order"
    # restated: a session goes into the batch of the multiple of size that it begins in
    begins, batch_of = 0, []
    for owners in of_batch:
        for session in owners[np.flatnonzero(np.diff(owners, prepend=-1))]:
            batch_of.append(begins // size)
            begins += counts[session]
    assert len(set(batch_of)) == len(batches)
    assert [len(set(part)) for part in np.split(np.array(batch_of), _ends(of_batch))] == [1] * len(batches)


def _ends(of_batch: list[np.ndarray]) -> np.ndarray:
    """Where the sessions of one batch end among all."""
    return np.cumsum([len(np.unique(owners)) for owners in of_batch])[:-1]


def test_a_session_larger_than_a_batch_is_a_batch() -> None:
    found = epoch_batches(np.zeros(50, np.int64), 8, "sessions", np.random.default_rng(0))
    assert [len(rows) for rows in found] == [50]
