"""Sign flips: what these trained models show, without a word on models trained anew.

Were two systems equal, a user's difference could as well have had the other sign. The flips are the same for all
contrasts of a dataset, so that the largest statistic of each draw knows how the contrasts hang together (Westfall and
Young, 1993); the statistic is studentised, which keeps the level where users differ in how much they ask (Chung and
Romano, 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.stats.examples import Pair
from bench.stats.student import Alternative

_BLOCK = 4_000_000  # signs held at a time
_LARGEST = 1e100  # sum of a user's differences that has a square
_NO_ERROR = 1e-12  # share of the sum of squares below which it is rounding


@dataclass(frozen=True)
class FlipResult:
    """The p-values of one contrast, alone and adjusted by the family's largest statistic; both (k + 1) / (B + 1)."""

    p: float
    p_adjusted: float


def sign_flips(
    pairs: Sequence[Pair], alternatives: Sequence[Alternative] | None = None, flips: int = 9_999, seed: int = 0
) -> list[FlipResult]:
    """Tests each contrast, and all of them as one family.

    Args:
        pairs: the contrasts. Those of one dataset share its users' signs, those of different ones are independent.
        alternatives: one each; by default two-sided.
        flips: draws, B.
        seed: decides the draws, with the dataset's name, so that a contrast more or less on the same users changes no
            raw p.

    Returns:
        one each; p = 1 for a contrast with a difference that is NaN or endless.
    """
    alternatives = alternatives or ["two-sided"] * len(pairs)
    if not pairs:
        return []
    observed, drawn = np.empty(len(pairs)), np.empty((flips, len(pairs)))
    for dataset in sorted({pair.dataset for pair in pairs}):
        mine = [i for i, pair in enumerate(pairs) if pair.dataset == dataset]
        rng = np.random.default_rng([seed, *dataset.encode()])
        observed[mine], drawn[:, mine] = _statistics([pairs[i] for i in mine], flips, rng)
    for column, alternative in enumerate(alternatives):
        for values in (observed[column : column + 1], drawn[:, column]):
            values[:] = {"two-sided": np.abs, "greater": np.positive, "less": np.negative}[alternative](values)
    # Flips that restore or mirror the data are ties with them, whatever the last digit says.
    bar = observed - 1e-9 * np.abs(observed)
    raw = (drawn >= bar).sum(0)
    over_family = (drawn.max(1)[:, None] >= bar).sum(0)
    return [
        FlipResult((one + 1) / (flips + 1), (all_of_them + 1) / (flips + 1))
        for one, all_of_them in zip(raw.tolist(), over_family.tolist(), strict=True)
    ]


def _statistics(
    pairs: Sequence[Pair], flips: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Studentised differences of C contrasts of one dataset: as observed (C,), and under flips (B, C).

    With a user's mean sum over seeds g_u, his n_u queries and signs e_u, the difference of means is
    ``D = sum(e g) / sum(n)`` and the sum of squared residuals of that ratio ``sum((e g - n D)^2)``, which needs nothing
    but the two products of signs with g and with g n.
    """
    gains, counts = _on_common_users(pairs)  # (U, C) each
    people, total = (counts > 0).sum(0), np.maximum(counts.sum(0), 1)  # without any user nothing is 0 of 1
    squares, count_squares = (gains**2).sum(0), (counts.astype(np.float64) ** 2).sum(0)
    columns = np.concatenate([gains, gains * counts], axis=1)  # (U, 2 C)
    sums = columns.sum(0)
    enough = people > 1
    unbiased = np.where(enough, people / np.maximum(people - 1, 1), 0.0)

    def studentised(products: NDArray[np.float64]) -> NDArray[np.float64]:  # (b, 2 C) -> (b, C)
        top, with_counts = np.split(products, 2, axis=1)
        difference = top / total
        residual = squares - 2 * difference * with_counts + difference**2 * count_squares
        error = np.sqrt(np.maximum(residual, _NO_ERROR * squares) * unbiased) / total
        ratio = np.zeros(difference.shape)
        np.divide(difference, error, out=ratio, where=error > 0)
        return ratio

    drawn = np.empty((flips, len(pairs)))
    size = max(1, _BLOCK // max(1, len(gains)))
    for start in range(0, flips, size):
        stop = min(start + size, flips)
        packed = rng.integers(0, 256, (stop - start, -(-len(gains) // 8)), dtype=np.uint8)
        plus = np.unpackbits(packed, axis=1, count=len(gains)).astype(np.float64)  # (b, U), 1 where the sign stays
        drawn[start:stop] = studentised(2 * (plus @ columns) - sums)
    return studentised(sums[None])[0], drawn


def _on_common_users(pairs: Sequence[Pair]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Gains and query counts (U, C) on the users of all contrasts; 0 where a contrast lacks a user."""
    labels = pairs[0].users.labels
    if any(pair.users is not pairs[0].users and not np.array_equal(pair.users.labels, labels) for pair in pairs):
        labels = np.unique(np.concatenate([pair.users.labels for pair in pairs]))
    gains, counts = np.zeros((len(labels), len(pairs))), np.zeros((len(labels), len(pairs)), dtype=np.int64)
    for column, pair in enumerate(pairs):
        rows = np.searchsorted(labels, pair.users.labels)
        mean = pair.sums.mean(0)
        if np.abs(mean).max(initial=0.0) < _LARGEST:  # no NaN, and squares are numbers; else no flip is a larger one
            gains[rows, column] = mean
        counts[rows, column] = pair.users.count
    return gains, counts
