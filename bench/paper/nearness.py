"""How near a session's vector lies to the items that were clicked after it, and to those that were not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bench.contracts import SessionEncoder
from bench.data.clicks import rankable_queries
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges
from bench.paper.case import Case, items_as_sessions
from bench.runs.work import encode_prefixes
from bench.stats.crossed import Difference, crossed_difference
from bench.training.context import TrainingContext

QUERIES = 300
"""So many test queries at most stand behind the distances over all queries, evenly spread over the test split."""
BACKGROUND = 150
"""So many of their sessions are drawn behind the case."""
_BATCH = 512


@dataclass(frozen=True)
class Nearness:
    """Vectors and distances under one encoder.

    Distances are Euclidean between standardised vectors, in units of the mean distance between two sessions of the test
    split: 1 is as far as two strangers.

    Attributes:
        session: (d,) the case's session.
        clicked, unclicked: (n, d) its items.
        background: (m, d) other sessions.
        to_clicked, to_unclicked: (n,) the case's distances.
        queries: how many test queries stand behind ``gap``.
        nearer: share of them whose clicked items are nearer on average than the unclicked.
        gap: mean over them of the distance to unclicked minus that to clicked items, with its interval over users.
    """

    session: NDArray[np.float32]
    clicked: NDArray[np.float32]
    unclicked: NDArray[np.float32]
    background: NDArray[np.float32]
    to_clicked: NDArray[np.float64]
    to_unclicked: NDArray[np.float64]
    queries: int
    nearer: float
    gap: Difference


def measure_nearness(encoder: SessionEncoder, case: Case, context: TrainingContext) -> Nearness:
    """Encodes the case, its items, and a sample of the test queries with theirs."""
    corpus = context.corpus
    queries = spaced_queries(corpus, QUERIES)
    sessions = encode_prefixes(encoder, np.concatenate([[case.query], queries]), context)
    mean, deviation = sessions[1:].mean(0), sessions[1:].std(0)
    deviation = np.where(deviation > 1e-6, deviation, np.inf)  # what never changes says nothing
    sessions = (sessions - mean) / deviation
    shown, owner, clicked = _shown(corpus, queries)
    wanted, place = np.unique(np.concatenate([case.clicked, case.unclicked, shown]), return_inverse=True)
    items = (_encode_items(encoder, wanted, context) - mean) / deviation
    apart = float(np.linalg.norm(sessions[1:] - np.roll(sessions[1:], 1, axis=0), axis=1).mean()) or 1.0
    first, second = len(case.clicked), len(case.clicked) + len(case.unclicked)
    distance = np.linalg.norm(items[place[second:]] - sessions[1:][owner], axis=1) / apart
    to_clicked, to_unclicked = _mean_by(owner, distance, clicked), _mean_by(owner, distance, ~clicked)
    gap = (to_unclicked - to_clicked).astype(np.float64)
    users = np.asarray(corpus.columns.session_user)[corpus.columns.query_session[queries]]
    users = np.where(users >= 0, users, -1 - corpus.columns.query_session[queries])  # without users, sessions
    others = sessions[1:][queries != case.query]
    return Nearness(
        session=sessions[0],
        clicked=items[place[:first]],
        unclicked=items[place[first:second]],
        background=others[np.unique(np.linspace(0, len(others) - 1, min(BACKGROUND, len(others))).astype(int))],
        to_clicked=np.linalg.norm(items[place[:first]] - sessions[0], axis=1) / apart,
        to_unclicked=np.linalg.norm(items[place[first:second]] - sessions[0], axis=1) / apart,
        queries=len(queries),
        nearer=float(((gap > 0) + 0.5 * (gap == 0)).mean()),
        gap=crossed_difference(gap[None], users),
    )


def spaced_queries(corpus: Corpus, most: int) -> NDArray[np.int64]:
    """Rows of at most ``most`` test queries with a clicked and an unclicked item, evenly spread."""
    queries = rankable_queries(corpus, corpus.session_rows("test", downstream=True))
    spread = np.linspace(0, len(queries) - 1, min(most, len(queries))).astype(np.int64)
    return queries[np.unique(spread)]


def _shown(corpus: Corpus, queries: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Shown items of these queries, the place of each one's query, and whether it was clicked."""
    offsets = corpus.columns.query_impressions
    rows, owner = expand_ranges(offsets[queries], offsets[queries + 1])
    items = np.asarray(corpus.columns.impression_item[rows], dtype=np.int64)
    return items, owner, np.asarray(corpus.columns.impression_clicked[rows])


def _encode_items(encoder: SessionEncoder, items: NDArray[np.int64], context: TrainingContext) -> NDArray[np.float32]:
    """(n, d) vectors of items, each as a session of one product step."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(items), _BATCH):
            batch = items_as_sessions(context.corpus, items[start : start + _BATCH], context.features)
            parts.append(encoder(batch).cpu().numpy())
    return np.concatenate(parts)


def _mean_by(owner: Integers, values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean of the chosen values of each owner, who all have some."""
    sums = np.bincount(owner[chosen], weights=values[chosen])
    return sums / np.bincount(owner[chosen])
