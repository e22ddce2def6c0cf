"""The vectors of session prefixes: each prefix for itself, or all prefixes of a session in one pass over it."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.csr import Integers
from bench.data.features import Features
from bench.data.step_rows import covered_runs

_IN_A_ROW = 2
"""Queries of the same session in a row, on average, from which on the session is gone through once. Queries that are
drawn from a whole corpus seldom share one, and then it would only change the order of sums."""


def prefix_vectors(encoder: SessionEncoder, corpus: Corpus, queries: Integers, features: Features) -> Tensor:
    """(B, output_dim) vectors of the prefixes that end with these query rows (B,).

    Where several in a row end in the same session and the encoder is causal, the session is gone through once; the
    vectors are the same but for the order of sums.

    Args:
        encoder: in the mode, training or evaluation, that is wanted.
        corpus, features: the data and its vectors, on the encoder's device.
        queries: in any order.
    """
    if encoder.causal:
        starts, ends, steps = covered_runs(corpus.columns, queries)
        if len(queries) >= _IN_A_ROW * len(starts) > 0:
            batch = SessionBatch.from_ranges(corpus, starts, ends, features)
            return encoder.at_steps(batch, torch.from_numpy(steps).to(features.device))
    return encoder(SessionBatch.from_prefixes(corpus, queries, features))
