"""The users behind the queries: the unit of every test, since one user's queries are not independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Users:
    """The users of Q queries, in the order of their labels, so that the order of queries decides nothing.

    Attributes:
        labels: (U,) sorted, distinct.
        code: (Q,) row in ``labels`` of each query's user.
        count: (U,) queries of each user.
    """

    labels: NDArray[Any]
    code: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, user: ArrayLike) -> Users:
        """The users of queries, from the label (Q,) of each query's user; its session's, where a log has no users."""
        code, labels = pd.factorize(np.asarray(user), sort=True, use_na_sentinel=False)
        return cls(np.asarray(labels), code.astype(np.int64), np.bincount(code, minlength=len(labels)))

    def __len__(self) -> int:
        return len(self.labels)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums (S, U) of ``values`` (S, Q) over the queries of each user."""
        sums = np.empty((len(values), len(self)))
        for row, of_seed in zip(sums, values, strict=True):
            row[:] = np.bincount(self.code, weights=of_seed, minlength=len(self))
        return sums
