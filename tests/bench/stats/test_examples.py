"""Two systems are compared on identical queries, users and candidates, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.stats.crossed import crossed_difference, crossed_sums
from bench.stats.examples import Examples, Pair, Scores, fingerprint_candidates

QUERIES = np.array(["q3", "q1", "q2", "q4"])
USERS = np.array(["b", "a", "b", "a"])
LISTS = np.array([3, 1, 2, 4], dtype=np.uint64)


def test_rows_in_any_order_are_the_same_pair() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.random((2, 3, 4))
    order = np.array([2, 0, 3, 1])
    first, second = Examples.of(QUERIES, USERS, LISTS), Examples.of(QUERIES[order], USERS[order], LISTS[order])
    pair = Pair.of(Scores.of(left, first), Scores.of(right[:, order], second))
    np.testing.assert_allclose(pair.sums, sums_of_a_and_b(left - right))
    found, expected = crossed_sums(pair.sums, pair.users.count), crossed_difference(left - right, USERS)
    assert (found.delta, found.error, found.p) == pytest.approx((expected.delta, expected.error, expected.p))
    assert Scores.of(left, first).mean == pytest.approx(left.mean())


def sums_of_a_and_b(differences: NDArray) -> NDArray:
    return np.stack([differences[:, user == USERS].sum(1) for user in ("a", "b")], axis=1)


def other(change: Callable[[NDArray, NDArray, NDArray], None]) -> Examples:
    columns = QUERIES.copy(), USERS.copy(), LISTS.copy()
    change(*columns)
    return Examples.of(*columns)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (other(lambda q, u, c: q.__setitem__(0, "q9")), "different queries: 2 stand on one side only, the first q3"),
        (Examples.of(QUERIES[1:], USERS[1:], LISTS[1:]), "different queries: 1 stand on one side only, the first q3"),
        (other(lambda q, u, c: u.__setitem__(0, "a")), "different users"),
        (other(lambda q, u, c: c.__setitem__(0, 9)), "different candidates: 1 queries, the first q3"),
        (Examples.of(QUERIES, USERS), "only one side has candidate lists"),
    ],
)
def test_what_differs_is_an_error_that_says_so_and_never_left_out(examples: Examples, message: str) -> None:
    mine = Examples.of(QUERIES, USERS, LISTS)
    for pair in ((mine, examples), (examples, mine)):
        with pytest.raises(BenchError, match=message) as error:
            pair[0].assert_same(pair[1], "beauty hscm lstm")
        assert str(error.value).startswith("beauty hscm lstm: ")


def test_the_same_examples_pass() -> None:
    Examples.of(QUERIES, USERS, LISTS).assert_same(Examples.of(QUERIES[::-1], USERS[::-1], LISTS[::-1]), "here")
    Examples.of(QUERIES, USERS).assert_same(Examples.of(QUERIES, USERS), "here")


def test_seeds_are_paired_by_number() -> None:
    rng = np.random.default_rng(1)
    examples, left, right = Examples.of(QUERIES, USERS), *rng.random((2, 2, 4))
    pair = Pair.of(Scores.of(left[::-1], examples, (1, 0)), Scores.of(right, examples, (0, 1)))
    np.testing.assert_allclose(pair.sums, sums_of_a_and_b(left - right))
    with pytest.raises(BenchError, match=r"seeds \(0, 1\) against \(0, 2\)"):
        Pair.of(Scores.of(left, examples, (0, 1)), Scores.of(right, examples, (0, 2)))


def test_a_query_twice_a_missing_score_and_a_wrong_shape_are_errors() -> None:
    with pytest.raises(BenchError, match="q1: a query was scored twice"):
        Examples.of(["q1", "q2", "q1"], ["a", "b", "a"])
    examples = Examples.of(QUERIES, USERS)
    with pytest.raises(BenchError, match="1 scores are missing"):
        Scores.of(np.array([[0.0, 1, np.nan, 1]]), examples)
    with pytest.raises(BenchError, match=r"scores \(1, 3\) for 1 seeds and 4 queries"):
        Scores.of(np.zeros((1, 3)), examples)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**31 - 1)), min_size=1, max_size=20), st.randoms())
def test_fingerprints_are_of_the_sets_shown_in_whatever_order(shown: list[tuple[int, int]], random: object) -> None:
    query, item = np.array(shown).T
    ids, marks = fingerprint_candidates(query, item)
    random.shuffle(shown)  # type: ignore[attr-defined]
    again = fingerprint_candidates(*np.array(shown).T)
    np.testing.assert_array_equal(ids, again[0])
    np.testing.assert_array_equal(marks, again[1])
    item[0] += 1
    changed = fingerprint_candidates(query, item)[1] != marks
    assert changed.tolist() == (ids == query[0]).tolist()


def test_fingerprints_tell_swapped_items_and_an_item_more_apart() -> None:
    marks = fingerprint_candidates([0, 0, 1, 1, 2, 3, 3, 3, 4, 4], [5, 6, 5, 7, 11, 5, 6, 0, 4, 7])[1]
    assert len(set(marks.tolist())) == 5
    assert fingerprint_candidates([], [])[1].shape == (0,)
