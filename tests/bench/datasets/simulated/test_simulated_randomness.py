"""What is drawn on disk is what numpy draws in memory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.random import PCG64, Generator

from bench.data.shuffling import shuffled_rows
from bench.datasets.simulated import engine
from bench.datasets.simulated.randomness import chosen_without, on_grid


@pytest.mark.parametrize(
    ("population", "size"),
    [(100, 100), (10_001, 600), (10_001, 10_001), (20_000, 19_999), (50_000, 2_000), (200_000, 50_000)],
)
def test_a_choice_without_replacement_is_numpys(population: int, size: int) -> None:
    ours, numpys = Generator(PCG64(7)), Generator(PCG64(7))
    drawn = chosen_without(ours, population, size, np.zeros)
    assert drawn.tolist() == numpys.choice(population, size, replace=False, shuffle=False).tolist()
    assert ours.random() == numpys.random(), "the stream goes on at the same place"


def test_a_permutation_is_numpys() -> None:
    ours, numpys = Generator(PCG64(7)), Generator(PCG64(7))
    assert shuffled_rows(ours, np.ones(30_000, np.int64)).tolist() == numpys.permutation(30_000).tolist()
    assert ours.random() == numpys.random()


def test_items_sorted_on_disk_are_in_the_order_of_a_stable_sort() -> None:
    rng = np.random.default_rng(0)
    latents = on_grid(rng.standard_normal((3_000, 4)))
    latents[::97] = -0.0  # which is where 0 is
    leaves, found = np.array([0, 1_700, 1_701, 3_000]), np.zeros((4, 3_000), np.int32)
    engine._sort_by_axis(leaves, latents, found, np.zeros)
    for first, end in pairwise(leaves):
        for axis in range(4):
            assert (found[axis, first:end] == first + np.argsort(latents[first:end, axis], kind="stable")).all()
