"""Two systems share a letter exactly where they were not told apart, with as few letters as insert and absorb finds."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from bench.stats.letters import compact_letters


def test_none_told_apart_is_one_group_and_all_are_as_many_as_there_are() -> None:
    assert compact_letters(["x", "y", "z"], []) == {"x": "a", "y": "a", "z": "a"}
    assert compact_letters(["x", "y", "z"], list(combinations("xyz", 2))) == {"x": "a", "y": "b", "z": "c"}
    assert compact_letters([], []) == {}


def test_a_chain_is_not_transitive() -> None:
    assert compact_letters(["x", "y", "z"], [("z", "x")]) == {"x": "a", "y": "ab", "z": "b"}
    far = [("v", "x"), ("v", "y"), ("w", "y"), ("v", "z"), ("w", "z"), ("x", "z")]
    assert compact_letters(list("vwxyz"), far) == {"v": "a", "w": "ab", "x": "bc", "y": "cd", "z": "d"}


def test_piephos_way_with_one_that_differs_from_two_of_the_middle() -> None:
    """The best differs from nobody, for it is uncertain; the second differs from the third and the fourth."""
    found = compact_letters(["p", "q", "r", "s"], [("q", "r"), ("q", "s")])
    assert found == {"p": "ab", "q": "a", "r": "b", "s": "b"}


PAIRS = st.integers(1, 7).flatmap(
    lambda n: st.tuples(st.just(n), st.sets(st.sampled_from([*combinations(range(n), 2), (0, 0)])))
)


@given(PAIRS)
def test_letters_say_what_the_pairs_say(case: tuple[int, set[tuple[int, int]]]) -> None:
    number, pairs = case
    names = [f"s{i}" for i in range(number)]
    different = {(names[i], names[j]) for i, j in pairs if i != j}
    letters = compact_letters(names, sorted(different))
    for one, other in combinations(names, 2):
        assert bool(set(letters[one]) & set(letters[other])) == ((one, other) not in different)
    assert "a" in letters[names[0]]
