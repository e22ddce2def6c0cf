"""What a frozen session vector says of the shopper's hidden intent, on a simulated corpus whose truth is known.

A linear map from vectors to intents is fitted on training sessions; its R² is measured on test sessions. The intents
that it reads are then given to a ranker that knows the items (:mod:`bench.training.known_items`), so that its NDCG@10
stands on the scale of the ceilings: ``best-prefix`` is the same ranker with the best linear reader of the session.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.candidates import all_candidates
from bench.data.clicks import rankable_queries
from bench.data.corpus import Corpus
from bench.data.csr import expand_ranges
from bench.data.truth import read_truth
from bench.metrics.ranking import ranking_metrics
from bench.training.known_items import KnownItems
from bench.training.ridge import fit_ridge

MOST_QUERIES = {"train": 20_000, "valid": 20_000, "test": 100_000}
"""Queries at most of the sessions of each split that the linear map is fitted, chosen and measured on.

What is measured needs as many as make it certain, and no million: vectors of all of them would take hours.
"""

_BLOCK = 2_048  # queries whose candidates are scored at a time


@dataclass(frozen=True)
class Probe:
    """What a linear reader gets out of session vectors.

    Attributes:
        text_r2, visual_r2: R² of the textual and of the visual half of the intent, on test sessions.
        effective_rank: of the standardised vectors: exp of the entropy of their spectrum (Roy & Vetterli, The Effective
            Rank, EUSIPCO 2007); at most their width.
        ndcg: NDCG@10 of the ranker that knows the items, on the test queries of the downstream sample.
        width: of the vectors.
        queries: test queries of the downstream sample.
    """

    text_r2: float
    visual_r2: float
    effective_rank: float
    ndcg: float
    width: int
    queries: int


@dataclass(frozen=True)
class ProbedQueries:
    """The queries of a corpus that a probe needs vectors of.

    Attributes:
        rows: (n,) all of them, ascending.
        train, valid, test: places in ``rows`` of those that are fitted, chosen and measured on.
    """

    rows: NDArray[np.int64]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def probed_queries(corpus: Corpus) -> ProbedQueries:
    """Up to MOST_QUERIES steps of the sessions of each split, those of the downstream sample first.

    All of the downstream sample's test sessions are among them, however many there are: the ranker reads them.
    """
    bounds = corpus.columns.session_queries
    chosen = {}
    for split in ("train", "valid", "test"):
        sessions = corpus.session_rows(split)
        downstream = corpus.columns.session_downstream[sessions]
        sessions = sessions[np.argsort(~downstream, kind="stable")]
        rows, place = expand_ranges(bounds[sessions], bounds[sessions + 1])
        read = int(np.searchsorted(place, downstream.sum())) if split == "test" else 0
        chosen[split] = np.sort(rows[: max(MOST_QUERIES[split], read)])
    every = np.unique(np.concatenate(list(chosen.values())))
    return ProbedQueries(every, *(np.searchsorted(every, chosen[split]) for split in ("train", "valid", "test")))


def probe_vectors(corpus: Corpus, queries: ProbedQueries, vectors: NDArray[np.float32]) -> Probe:
    """Probes vectors (n, width) of the prefixes that end with each of ``queries.rows``.

    Raises:
        BenchError: the corpus has no known truth.
    """
    truth = read_truth(corpus)
    wanted = np.asarray(truth.intents[queries.rows])  # (n, d)
    train, valid, test = queries.train, queries.valid, queries.test
    reader = fit_ridge(vectors[train], wanted[train], vectors[valid], wanted[valid])
    read = np.asarray(reader(vectors), dtype=np.float32)  # (n, d)
    missed = np.square(read[test] - wanted[test]).sum(axis=0)  # (d,)
    spread = np.square(wanted[test] - wanted[test].mean(axis=0)).sum(axis=0)
    text = slice(0, truth.text_dim), slice(truth.text_dim, None)
    text_r2, visual_r2 = (float(1 - missed[half].sum() / spread[half].sum()) for half in text)

    intents = np.zeros_like(truth.intents)
    intents[queries.rows] = read
    ranked = {
        split: rankable_queries(corpus, corpus.session_rows(split, downstream=True)) for split in ("train", "test")
    }
    known = np.intersect1d(ranked["train"], queries.rows[train])
    ranker = KnownItems(corpus.columns, truth, intents, known)
    asked = all_candidates(corpus, ranked["test"])
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(asked.items), _BLOCK)]
    scores = np.concatenate(
        [ranker.scores(ranked["test"][block], asked.items[block].astype(np.int64)) for block in blocks]
    )
    ndcg = float(ranking_metrics(scores, asked.clicked, asked.shown)["ndcg@10"].mean())
    rank = effective_rank(vectors[test])
    return Probe(text_r2, visual_r2, rank, ndcg, vectors.shape[1], len(asked.items))


def effective_rank(vectors: NDArray[np.float32]) -> float:
    """exp of the entropy of the spectrum of standardised vectors (n, d); dimensions that are constant count nothing."""
    deviation = vectors.std(axis=0)
    standard = (vectors - vectors.mean(axis=0))[:, deviation > 0] / deviation[deviation > 0]
    power = np.clip(np.linalg.eigvalsh(standard.T.astype(np.float64) @ standard), 0, None)
    share = power[power > 0] / power.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
