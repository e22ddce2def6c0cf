"""Sessions in padded blocks: few shapes whatever the batches, none too large, and nobody notices the padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from node_layouts import SESSIONS, SOURCES, Step, layout_of, random_session
from torch import Tensor

from encoders.kernels import blocks, reference
from encoders.kernels.blocks import PAIRS_AT_ONCE, deal, rounded_up


def random_sizes(sessions: int, seed: int) -> np.ndarray:
    """Nodes of sessions as simulated ones have them: 38 on average, some with none and some with hundreds."""
    return np.random.default_rng(seed).lognormal(3.5, 0.55, sessions).astype(np.int64)


@pytest.mark.parametrize("pairs", [PAIRS_AT_ONCE, 20_000, 300], ids=["at once", "in parts", "one by one"])
def test_each_session_has_one_row_that_is_wide_enough(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "PAIRS_AT_ONCE", pairs)
    sizes = np.concatenate([random_sizes(500, 0), [0, 1, 32, 33, 5000]])
    shapes, session, row = deal(sizes)
    np.testing.assert_array_equal(session[row], np.arange(len(sizes)))
    assert len(session) == sum(rows for rows, _ in shapes)
    assert (session < len(sizes)).sum() == len(sizes), "other rows are nobody's"
    width = np.repeat([width for _, width in shapes], [rows for rows, _ in shapes])
    assert (sizes <= width[row]).all()
    assert (width[row] <= np.maximum(1.5 * sizes, blocks.NARROWEST)).all()
    assert all(rows * width**2 <= pairs or rows == 1 for rows, width in shapes)


def test_a_pretraining_meets_few_shapes() -> None:
    found = [{*deal(random_sizes(512, seed))[0]} for seed in range(500)]
    assert max(map(len, found)) <= 9
    assert len(set.union(*found)) <= 20
    assert len(set.union(*found[:250])) >= len(set.union(*found)) - 3, "there are hardly any others later"


def test_numbers_are_rounded_up_by_half_at_most() -> None:
    numbers = np.arange(1, 5000)
    rounded = rounded_up(numbers, 1)
    assert (rounded >= numbers).all()
    assert (2 * rounded <= 3 * numbers).all()
    assert len(set(rounded)) <= 25
    assert rounded_up(np.array([0, 32, 33, 49, 65, 97, 129]), 32).tolist() == [32, 32, 48, 64, 96, 128, 192]


def computed(sessions: list[list[Step]], values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Means and scores of the sessions, and the gradient of ``values`` under weights that are a session's own."""
    given = values.clone().requires_grad_()
    left, right, weight = given[:, 0], given[:, 1], torch.linspace(-1, 1, values.shape[1], dtype=values.dtype)
    means, scores = reference.typed_means(layout_of(sessions), left, right, given, weight, -weight[:1])
    own = torch.tensor([float(len(session)) for session in sessions], dtype=values.dtype)
    ((means * weight).sum((1, 2)) * own + (scores.sum(1) * own)).nansum().backward()
    assert given.grad is not None
    return means.detach(), scores.detach(), given.grad


def values() -> Tensor:
    return torch.randn(SOURCES, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_session_is_the_same_in_any_company() -> None:
    sessions = [session for some in SESSIONS.values() for session in some]
    together = computed(sessions, values())
    alone = [computed([session], values()) for session in sessions if session and any(session)]
    kept = [bool(session and any(session)) for session in sessions]
    for number in (0, 1):
        torch.testing.assert_close(together[number][kept], torch.cat([one[number] for one in alone]))
        assert not together[number][[not one for one in kept]].any(), "a session without nodes is zero"
    torch.testing.assert_close(together[2], torch.stack([one[2] for one in alone]).sum(0))


def test_what_is_not_a_number_stays_in_its_session() -> None:
    sessions = [random_session(4, 4, seed=1), [{(0, SOURCES - 1)}, {(1, 3)}], random_session(3, 4, seed=2), []]
    broken = values()
    broken[SOURCES - 1] = torch.nan  # no other session shows it
    for found, whole in zip(computed(sessions, broken)[:2], computed(sessions, values())[:2], strict=True):
        assert found[1].isnan().any()
        torch.testing.assert_close(found[[0, 2, 3]], whole[[0, 2, 3]])


def test_without_any_node_all_is_zero() -> None:
    means, scores = reference.typed_means(
        layout_of([[], [set()]]), torch.zeros(0), torch.zeros(0), torch.zeros(0, 6), torch.ones(6), torch.ones(1)
    )
    assert means.shape == (2, 3, 6)
    assert scores.shape == (2, 3)
    assert not means.any()
    assert not scores.any()
