"""Distances of a session's vector to the items clicked after it and to the unclicked ones, under an encoder."""

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
"""Largest number of test queries, evenly spread over the test split, whose distances are averaged."""
BACKGROUND = 150
"""Largest number of their sessions that are drawn around the case."""
_BATCH = 512


@dataclass(frozen=True)
class Nearness:
    """Vectors and distances of a case, and mean distances over test queries, under one encoder.

    Distances are Euclidean between standardised vectors, in units of the mean distance between two sessions of the test
    split.

    Attributes:
        session: (d,) vector of the case's session.
        clicked, unclicked: (n, d) vectors of its items.
        background: (m, d) vectors of other sessions.
        to_clicked, to_unclicked: (n,) distances of the case's session to its items.
        queries: number of test queries that ``nearer`` and ``gap`` are over.
        nearer: share of queries whose clicked items are nearer on average than the unclicked ones; ties count half.
        gap: mean over queries of the distance to unclicked minus that to clicked items, with its interval over users.
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
    """Encodes the case, a sample of test queries and their items, and measures the distances.

    Args:
        encoder: trained.
        case: the case.
        context: of the corpus, for the device.
    """
    corpus = context.corpus
    queries = spaced_queries(corpus, QUERIES)
    vectors = encode_prefixes(encoder, np.concatenate([[case.query], queries]), context)  # (1 + Q, d)
    mean, deviation = vectors[1:].mean(0), vectors[1:].std(0)
    deviation = np.where(deviation > 1e-6, deviation, np.inf)  # a constant dimension becomes 0
    vectors = (vectors - mean) / deviation
    session, sessions = vectors[0], vectors[1:]  # (d,), (Q, d)
    shown, owner, clicked = _shown(corpus, queries)  # (P,) each
    distinct, inverse = np.unique(np.concatenate([case.clicked, case.unclicked, shown]), return_inverse=True)
    items = ((_encode_items(encoder, distinct, context) - mean) / deviation)[inverse]
    case_clicked, case_unclicked, shown_items = np.split(items, np.cumsum([len(case.clicked), len(case.unclicked)]))
    unit = float(np.linalg.norm(sessions - np.roll(sessions, 1, axis=0), axis=1).mean()) or 1.0
    distance = np.linalg.norm(shown_items - sessions[owner], axis=1) / unit  # (P,)
    to_clicked, to_unclicked = _mean_by(owner, distance, clicked), _mean_by(owner, distance, ~clicked)  # (Q,) each
    gap = (to_unclicked - to_clicked).astype(np.float64)
    users = np.asarray(corpus.columns.session_user)[corpus.columns.query_session[queries]]
    users = np.where(users >= 0, users, -1 - corpus.columns.query_session[queries])  # sessions where there is no user
    others = sessions[queries != case.query]
    return Nearness(
        session=session,
        clicked=case_clicked,
        unclicked=case_unclicked,
        background=others[_spaced(len(others), BACKGROUND)],
        to_clicked=np.linalg.norm(case_clicked - session, axis=1) / unit,
        to_unclicked=np.linalg.norm(case_unclicked - session, axis=1) / unit,
        queries=len(queries),
        nearer=float(((gap > 0) + 0.5 * (gap == 0)).mean()),
        gap=crossed_difference(gap[None], users),
    )


def spaced_queries(corpus: Corpus, most: int) -> NDArray[np.int64]:
    """Rows of at most ``most`` test queries with a clicked and an unclicked item, evenly spread over all of them."""
    queries = rankable_queries(corpus, corpus.session_rows("test", downstream=True))
    return queries[_spaced(len(queries), most)]


def _spaced(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` evenly spaced rows of 0 … count - 1."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))


def _shown(corpus: Corpus, queries: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """The items shown for queries (Q,): item rows (P,), the query 0 … Q - 1 of each, and whether it was clicked."""
    offsets = corpus.columns.query_impressions
    rows, owner = expand_ranges(offsets[queries], offsets[queries + 1])
    items = np.asarray(corpus.columns.impression_item[rows], dtype=np.int64)
    return items, owner, np.asarray(corpus.columns.impression_clicked[rows])


def _encode_items(encoder: SessionEncoder, items: NDArray[np.int64], context: TrainingContext) -> NDArray[np.float32]:
    """(n, d) vectors of items (n,), each as a session of one product query."""
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(items), _BATCH):
            batch = items_as_sessions(context.corpus, items[start : start + _BATCH], context.features)
            vectors.append(encoder(batch).cpu().numpy())
    return np.concatenate(vectors)


def _mean_by(owner: Integers, values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(owners,) mean of the chosen ones of ``values`` (P,) by their ``owner`` (P,); every owner has at least one."""
    sums = np.bincount(owner[chosen], weights=values[chosen])
    return sums / np.bincount(owner[chosen])
