"""Labels of sessions: the category, or the domain, that was clicked most in each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.clicks import Clicks
from bench.data.corpus import Corpus


def session_labels(
    corpus: Corpus, sessions: NDArray[np.int64], by_domain: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The label of each session that has one.

    Args:
        corpus: the data.
        sessions: (S,) rows.
        by_domain: whether labels are domains of the clicked items, rather than categories.

    Returns:
        ``(sessions, codes)``, (m,) both: those of the sessions with a click on an item that has a category, and the
        code of it. A tie goes to the smallest code.
    """
    columns = corpus.columns
    category, names = (columns.item_domain, corpus.domains) if by_domain else (columns.item_category, corpus.categories)
    items, owner = Clicks.of(corpus).of_sessions(sessions)
    place, codes = most_frequent(category[items], owner, len(names))
    return sessions[place], codes


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
