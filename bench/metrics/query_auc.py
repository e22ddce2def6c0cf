"""Area under the ROC curve within each query's list: with one number a query, a mean over queries like any other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.precision import above_tie, relevance
from bench.metrics.ranking import Floats, TiedTop


def query_auc(ties: TiedTop, candidates: NDArray[np.int64]) -> Floats:
    """(Q,) the share of a query's pairs of a relevant and another candidate that are ranked right, a tie half of one.

    NaN where all or none of the candidates are relevant.

    Args:
        ties: of all ranks.
        candidates: (Q,) how many each query has.
    """
    other = candidates - ties.relevant  # (Q,)
    beside = ties.size - ties.hits  # (Q, K) others in the tie that holds each rank
    until = ties.best - 1 - above_tie(ties)  # (Q, K) others above it
    right = (relevance(ties) * (other[:, None] - until - beside / 2)).sum(1)
    pairs = ties.relevant * other
    area = np.full(len(pairs), np.nan)
    np.divide(right, pairs, out=area, where=pairs > 0)
    return area
