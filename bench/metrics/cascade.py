"""Expected reciprocal rank: a user reads from the top and stops at a relevant candidate, or goes on."""

from __future__ import annotations

import numpy as np

from bench.metrics.precision import above_tie, place_in_tie, relevance
from bench.metrics.ranking import Floats, TiedTop, log_choose

STOPS = 0.5
"""Chance that a user stops at a relevant candidate: ``(2^g - 1) / 2^g_max`` with the grades 0 and 1."""

_MOST = 60  # relevant candidates read past: beyond these the chance to be still reading is no number


def expected_reciprocal_rank(top: TiedTop) -> Floats:
    """ERR@k, (Q,): the mean of 1 / rank at which the user stops, 0 for who does not (Chapelle et al., CIKM 2009).

    Clicks are two grades, so that the user stops at a relevant candidate with probability 1/2. gdeval, which
    ``ir_measures`` calls for this measure, takes five grades for given, and would have 1/16.

    Within a tie of n candidates, h of them relevant, a relevant one at place j has m other relevant ones of the tie
    above it with the hypergeometric probability of m among h - 1 in j draws from n - 1.
    """
    query, rank = np.nonzero(top.hits)  # the cells (c,) that a relevant candidate may hold
    size, hits, place = top.size[query, rank], top.hits[query, rank], place_in_tie(top)[query, rank]
    reading = np.zeros(len(query))  # the chance that nobody relevant of the tie has stopped the user before
    for others in range(min(int(hits.max(initial=0)), _MOST)):
        chosen = log_choose(hits - 1, np.full_like(hits, others)) + log_choose(size - hits, place - others)
        reading += np.exp(chosen - log_choose(size - 1, place)) * (1 - STOPS) ** others
    reading *= (1 - STOPS) ** above_tie(top)[query, rank]
    stopped = relevance(top)[query, rank] * STOPS * reading / (rank + 1)
    return np.bincount(query, weights=stopped, minlength=len(top.best)).astype(np.float64)
