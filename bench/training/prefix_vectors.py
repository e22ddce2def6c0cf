"""The vectors of session prefixes: each prefix for itself, or all prefixes of a session in one pass over it."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.csr import Integers
from bench.data.features import Features

_WORTH = 1.5
"""Steps of the prefixes for each step of one pass over their sessions, from which on the pass is made. Queries that are
drawn from a whole corpus seldom share a session, and then it would only move the last digits of sums."""


def prefix_vectors(encoder: SessionEncoder, corpus: Corpus, queries: Integers, features: Features) -> Tensor:
    """(B, output_dim) vectors of the prefixes that end with these query rows (B,).

    Where several end in the same session and the encoder is causal, the session is gone through once; the vectors are
    the same but for the order in which products are summed.

    Args:
        encoder: in the mode, training or evaluation, that is wanted.
        corpus, features: the data and its vectors, on the encoder's device.
        queries: in any order.
    """
    if encoder.causal and _share_sessions(corpus, queries):
        batch, steps = SessionBatch.covering(corpus, queries, features)
        return encoder.at_steps(batch, steps)
    return encoder(SessionBatch.from_prefixes(corpus, queries, features))


def _share_sessions(corpus: Corpus, queries: Integers) -> bool:
    """Whether the prefixes have so many steps in common that one pass over their sessions is worth it."""
    sessions = np.asarray(corpus.columns.query_session)[queries]
    steps = queries + 1 - np.asarray(corpus.columns.session_queries)[sessions]  # (B,) of each prefix
    _, place = np.unique(sessions, return_inverse=True)
    longest = np.zeros(int(place.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(longest, place, steps)
    return bool(len(queries)) and int(steps.sum()) >= _WORTH * int(longest.sum())
