"""The search for the nearest nodes equals a full sort, ties included, whatever the number of nodes to a block."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import baselines.hscm.nearest
from baselines.hscm.nearest import as_columns, nearest


@pytest.mark.parametrize("block", [1, 3, 64])
@pytest.mark.parametrize("nodes", [1, 5, 200])
def test_the_nearest_are_those_of_a_full_sort(monkeypatch: pytest.MonkeyPatch, block: int, nodes: int) -> None:
    """Small whole numbers, so that many products tie at the last place; some texts want more than there are."""
    monkeypatch.setattr(baselines.hscm.nearest, "BLOCK", block)
    rng = np.random.default_rng(nodes)
    texts, directions = (rng.integers(-2, 3, (n, 3)).astype(np.float32) for n in (60, nodes))
    wanted = rng.integers(1, 12, 60)
    products = torch.from_numpy(texts) @ as_columns(directions)
    text, node = nearest(products, wanted)
    plain = texts @ directions.T
    ties = 0
    for row, (likeness, most) in enumerate(zip(plain, wanted, strict=True)):
        positive = [n for n in range(nodes) if likeness[n] > 0]
        order = sorted(positive, key=lambda n: (-likeness[n], n))
        assert node[text == row].tolist() == order[:most]
        ties += len(order) > most and likeness[order[most]] == likeness[order[most - 1]]
    assert ties > 10 or nodes < 200, "else no tie was cut"
