"""Examples of intent classification: completed sessions with clicks, and the category most clicked in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.session_labels import session_labels
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
        names = corpus.domains if by_domain else corpus.categories
        labelled, codes = session_labels(corpus, corpus.session_rows(downstream=True), by_domain)
        used = np.unique(codes)
        return cls(
            labelled,
            np.asarray(corpus.columns.session_queries)[labelled + 1] - 1,
            np.searchsorted(used, codes),
            [names[code] for code in used],
        )
