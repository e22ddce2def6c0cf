"""What is drawn on disk is what numpy draws in memory."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import PCG64, Generator

from bench.data.shuffling import shuffled_rows
from bench.datasets.simulated.randomness import chosen_without


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
