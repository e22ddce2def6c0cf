"""Examples of intent classification: completed sessions with clicks, and the category most clicked in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.errors import BenchError

LABELS = ("auto", "domain", "leaf")


@dataclass(frozen=True)
class Intents:
    """n sessions of the downstream sample, with their labels.

    Attributes:
        sessions: (n,) rows, ascending.
        queries: (n,) row of the last query of each: the prefix that ends with it is the whole session.
        labels: (n,) codes, places in ``names``.
        names: of the categories that label a session, in the order of their codes in the corpus.
    """

    sessions: NDArray[np.int64]
    queries: NDArray[np.int64]
    labels: NDArray[np.int64]
    names: list[str]

    def __len__(self) -> int:
        return len(self.sessions)

    @classmethod
    def of(cls, corpus: Corpus, label: str) -> Intents:
        """All downstream sessions with a click on an item that has a category.

        A tie goes to the category with the smallest code, which is that whose items begin first in the corpus.

        Args:
            corpus: the data.
            label: ``domain``, ``leaf``, or ``auto``: domain where items of more than one are there, else leaf.
        """
        if label not in LABELS:
            raise BenchError(f"{label!r} is not one of {', '.join(LABELS)}", where="option label of intent")
        by_domain = label == "domain" or (label == "auto" and len(corpus.domains) > 1)
        columns = corpus.columns
        category = columns.item_domain if by_domain else columns.item_category
        names = corpus.domains if by_domain else corpus.categories
        sessions = corpus.session_rows(downstream=True)
        items, owner = Clicks.of(corpus).of_sessions(sessions)
        place, codes = most_frequent(category[items], owner, len(names))
        used = np.unique(codes)
        return cls(
            sessions[place],
            np.asarray(columns.session_queries)[sessions[place] + 1] - 1,
            np.searchsorted(used, codes),
            [names[code] for code in used],
        )


def most_frequent(
    codes: NDArray[np.int32], owner: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The code that occurs most among each owner's; the smallest of those that tie.

    Args:
        codes: (n,) 0 … classes - 1; a negative one does not count.
        owner: (n,) whose each is.
        classes: number of codes.

    Returns:
        ``(owners, codes)``, (m,) both: the owners that have a code, ascending, and the most frequent of each.
    """
    known = codes >= 0
    pairs, counts = np.unique(owner[known] * np.int64(max(classes, 1)) + codes[known], return_counts=True)
    owners, frequent = np.divmod(pairs, max(classes, 1))
    order = np.lexsort((frequent, -counts, owners))
    owners, frequent = owners[order], frequent[order]
    leads = np.ones(len(owners), dtype=bool)
    leads[1:] = owners[1:] != owners[:-1]
    return owners[leads], frequent[leads]
