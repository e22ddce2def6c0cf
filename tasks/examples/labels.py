"""Sessions whose clicks a model may learn from, where labels are scarce."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.errors import BenchError


def labelled_sessions(corpus: Corpus, labels: int, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """Downstream sessions of the training and the validation split that are labelled, ascending rows by split.

    Args:
        corpus: the data.
        labels: sessions of both splits together, in the proportion of the two, at least one of each; 0 takes all.
        rng: draws them. The same state draws, for fewer labels, a part of what it draws for more.

    Raises:
        BenchError: there are not so many.
    """
    sessions = {split: corpus.session_rows(split, downstream=True) for split in ("train", "valid")}
    if not labels:
        return sessions
    there = {split: len(rows) for split, rows in sessions.items()}
    total = sum(there.values())
    if labels > total:
        what = f"{labels:,} labelled sessions are more than the {total:,} of training and validation"
        raise BenchError(what, where="labels", fix="fewer, or a larger downstream sample")
    valid = min(max(round(labels * there["valid"] / total), 1), labels - 1)
    wanted = {"train": labels - valid, "valid": valid}
    return {split: np.sort(rng.permutation(rows)[: wanted[split]]) for split, rows in sessions.items()}
