"""Prefix vectors: one pass over a session where its queries come together, each prefix for itself where they do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_corpora import random_corpus
from torch import Tensor

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.training.prefix_vectors import prefix_vectors
from encoders.lstm import LstmEncoder
from encoders.transformer import TransformerEncoder


class Watched(LstmEncoder):
    """Counts the steps that it goes through."""

    steps = 0

    def at_steps(self, batch: SessionBatch, steps: Tensor) -> Tensor:
        self.steps += len(batch.step_kind)
        return super().at_steps(batch, steps)

    def forward(self, batch: SessionBatch) -> Tensor:
        self.steps += len(batch.step_kind)
        return super().forward(batch)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("prefixes") / "corpus", sessions=50, image_share=0.5)


@pytest.fixture(scope="module")
def features(corpus: Corpus) -> Features:
    return Features.of(corpus)


def restated(encoder: LstmEncoder, corpus: Corpus, features: Features, queries: np.ndarray) -> Tensor:
    """One prefix at a time."""
    each = [encoder(SessionBatch.from_prefixes(corpus, queries[at : at + 1], features)) for at in range(len(queries))]
    return torch.cat(each)


def test_queries_that_come_session_by_session_cost_each_step_once(corpus: Corpus, features: Features) -> None:
    encoder, queries = Watched(features.dims, output_dim=6), np.arange(len(corpus.columns.query_kind))
    found = prefix_vectors(encoder, corpus, queries, features)
    assert encoder.steps == len(queries)
    torch.testing.assert_close(found, restated(encoder, corpus, features, queries), atol=1e-6, rtol=1e-5)


def test_drawn_queries_are_encoded_one_by_one(corpus: Corpus, features: Features) -> None:
    encoder = Watched(features.dims, output_dim=6)
    queries = np.random.default_rng(0).permutation(len(corpus.columns.query_kind))[:20]
    found = prefix_vectors(encoder, corpus, queries, features)
    assert encoder.steps == len(SessionBatch.from_prefixes(corpus, queries, features).step_kind)
    torch.testing.assert_close(found, restated(encoder, corpus, features, queries), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("images", ["none", "steps", "pooled"])
def test_gradients_are_those_of_the_prefixes(corpus: Corpus, features: Features, images: str) -> None:
    torch.manual_seed(0)
    encoder = LstmEncoder(features.dims, output_dim=6, image_dim=4, images=images)
    assert encoder.causal == (images != "pooled"), "the mean of all images so far is no state of the LSTM"
    queries = np.arange(len(corpus.columns.query_kind))[::-1].copy()  # the latest prefix of a session first
    slopes = []
    for vectors in (
        prefix_vectors(encoder, corpus, queries, features),
        encoder(SessionBatch.from_prefixes(corpus, queries, features)),
    ):
        encoder.zero_grad()
        (vectors * torch.linspace(-1, 1, vectors.numel()).view(vectors.shape)).sum().backward()
        slopes.append([one.grad for one in encoder.parameters() if one.grad is not None])
    assert slopes[0]
    torch.testing.assert_close(slopes[0], slopes[1], atol=1e-4, rtol=1e-5)


def test_an_encoder_that_is_not_causal_and_no_query(corpus: Corpus, features: Features) -> None:
    transformer, queries = TransformerEncoder(features.dims, output_dim=8).eval(), np.arange(30)
    expected = transformer(SessionBatch.from_prefixes(corpus, queries, features))
    torch.testing.assert_close(prefix_vectors(transformer, corpus, queries, features), expected, atol=0, rtol=0)
    assert prefix_vectors(LstmEncoder(features.dims, output_dim=6), corpus, queries[:0], features).shape == (0, 6)
