"""Calibration: the parameters that give a simulated category the statistics of the paper's Table 1.

They are solved from expectations, so that a corpus differs from the table by sampling error only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from bench.data.published import IDLE_MINUTES, PUBLISHED, SHARE_OVER_TEN_STEPS

MIN_STEPS, MAX_STEPS = 2, 60
MIN_GAP_MS = 2_000  # between two queries of a session
MAX_GAP_MS = IDLE_MINUTES * 60_000 - 1
GAP_CONCENTRATION = 2.0  # a + b of the gaps' Beta(a, b)
MIN_TITLE, MAX_KEYWORDS = 5, 7
_CLICK_SIZE = 1.5  # size parameter of the negative binomial of clicks
_POISSON_LIKE = 1e4  # largest size parameter of the steps' negative binomial, practically a Poisson


@dataclass(frozen=True)
class Calibration:
    """The calibrated parameters of one category.

    Attributes:
        users_per_session, items_per_session: ratios of Table 1.
        steps: (MAX_STEPS + 1,) probability of each number of steps L: 2 + a negative binomial cut off at MAX_STEPS.
        product: probability that a step after the first is a product query.
        clicks: (shown + 1,) probability of each number of clicks before the one that a product query needs.
        gap: mean of the Beta distribution of the gaps between MIN_GAP_MS and MAX_GAP_MS.
        title_spread, title_chance: a title has MIN_TITLE + Binomial(title_spread, title_chance) words.
        keyword_chance: a keyword query has 1 + Binomial(MAX_KEYWORDS - 1, keyword_chance) words.
    """

    users_per_session: float
    items_per_session: float
    steps: NDArray[np.float64]
    product: float
    clicks: NDArray[np.float64]
    gap: float
    title_spread: int
    title_chance: float
    keyword_chance: float


def calibrate(name: str, shown: int) -> Calibration:
    """The parameters of category ``name``, a key of :data:`bench.data.published.PUBLISHED`, with ``shown`` results per
    query."""
    table = PUBLISHED[name]
    sessions, products = table["sessions"], table["product_queries"] / table["sessions"]
    mean_steps = (table["keyword_queries"] + table["product_queries"]) / sessions
    steps = _steps(mean_steps)
    later = np.arange(len(steps)) - 1  # steps after the first
    mean_gap = table["mean_minutes"] * 60_000 / (mean_steps - 1)
    spread = round(2 * (table["mean_product_words"] - MIN_TITLE))
    return Calibration(
        users_per_session=table["users"] / sessions,
        items_per_session=table["items"] / sessions,
        steps=steps,
        # A session without a product query gets one at a random later step: hence the second term.
        product=_solve(lambda p: float(steps[2:] @ (p * later[2:] + (1 - p) ** later[2:])) - products, 0.0, 1.0),
        clicks=_clicks(table["clicks"] / sessions / mean_steps, products / mean_steps, shown),
        gap=(mean_gap - MIN_GAP_MS) / (MAX_GAP_MS - MIN_GAP_MS),
        title_spread=spread,
        title_chance=(table["mean_product_words"] - MIN_TITLE) / spread,
        keyword_chance=(table["mean_keyword_words"] - 1) / (MAX_KEYWORDS - 1),
    )


def _steps(mean: float) -> NDArray[np.float64]:
    """(MAX_STEPS + 1,) probabilities of L with the given mean, and P(L > 10) as near the paper's as possible."""
    counts = np.arange(MAX_STEPS + 1)

    def of_size(size: float) -> NDArray[np.float64]:
        def truncated(location: float) -> NDArray[np.float64]:
            probabilities = np.zeros(MAX_STEPS + 1)
            probabilities[MIN_STEPS:] = negative_binomial(location, size, MAX_STEPS - MIN_STEPS + 1)
            shares: NDArray[np.float64] = probabilities / probabilities.sum()
            return shares

        return truncated(_solve(lambda location: float(truncated(location) @ counts) - mean, 0.5, 2 * mean))

    def excess(log_size: float) -> float:
        return float(of_size(np.exp(log_size))[11:].sum()) - SHARE_OVER_TEN_STEPS

    widest, narrowest = 0.0, np.log(_POISSON_LIKE)  # a geometric distribution; a Poisson
    if excess(narrowest) > 0:
        return of_size(_POISSON_LIKE)
    return of_size(np.exp(_solve(excess, widest, narrowest)))


def _clicks(mean: float, followed: float, shown: int) -> NDArray[np.float64]:
    """(shown + 1,) probabilities of X, such that min(X + [a product query follows], shown) has the given mean.

    Args:
        mean: clicks per query.
        followed: share of queries that a product query follows.
        shown: results per query.
    """
    counts = np.arange(shown + 1)

    def of_mean(x_mean: float) -> NDArray[np.float64]:
        probabilities = negative_binomial(x_mean, _CLICK_SIZE, shown + 1)
        probabilities[-1] += 1 - probabilities.sum()  # more clicks than shown items: all are clicked
        return probabilities

    def excess(x_mean: float) -> float:
        alone, with_source = of_mean(x_mean) @ counts, of_mean(x_mean) @ np.minimum(counts + 1, shown)
        return float(followed * with_source + (1 - followed) * alone) - mean

    return of_mean(_solve(excess, 0.0, 100.0))


def negative_binomial(mean: float, size: float, count: int) -> NDArray[np.float64]:
    """(count,) probabilities of 0, 1 … count - 1 under a mean and a variance of mean + mean² / size."""
    k, odds = np.arange(1, count), mean / (mean + size)
    log_zero = size * np.log1p(-odds)  # log P(0)
    log_ratios = np.concatenate([[0.0], np.cumsum(np.log((k + size - 1) / k))])
    coefficients: NDArray[np.float64] = np.exp(log_zero + log_ratios)
    return coefficients * odds ** np.arange(count)


def _solve(equation: Callable[[float], float], low: float, high: float) -> float:
    # Rounded, so that the last bits of a machine's logarithm don't reach the draws.
    return round(float(brentq(equation, low, high, xtol=1e-13)), 10)
