"""What every reference of ``ctr`` must hold to, as tests to inherit::

class TestMine(ClickReferenceConformance):
    name = "mine"
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.testing.click_corpora import click_batch, training_queries
from bench.testing.click_scores import ClickScoresConformance, every_query


class ClickReferenceConformance(ClickScoresConformance):
    """Tests of one reference that ranks the shown items; see :mod:`bench.testing.click_references`."""

    contract = ClickReference
    counts_training_clicks = True

    def make(self, corpus: Corpus, features: Features, seed: int = 0) -> ClickReference:
        """The reference, prepared on ``corpus``."""
        torch.manual_seed(seed)
        with self.may_refuse(corpus):
            made: ClickReference = self.target()(ClickDims(features.dims, corpus.num_users + 1), **self.settings())
            made.prepare(ClickCorpus(corpus, features, training_queries(corpus)))
        return made

    @torch.no_grad()
    def scores(self, ranker: ClickReference, batch: ClickBatch) -> Tensor:
        """(B, K) scores."""
        return ranker.scores(batch)

    def test_nothing_in_it_is_random(self, corpus: Corpus, features: Features, batch: ClickBatch) -> None:
        """One result stands for every seed."""
        first, other = (self.scores(self.make(corpus, features, seed), batch) for seed in (1, 2))
        torch.testing.assert_close(first, other, atol=0, rtol=0)

    def test_the_same_item_twice_is_an_exact_tie(self, corpus: Corpus, features: Features) -> None:
        """Metrics have one rule for ties, and a rounding error is none."""
        batch = click_batch(corpus, features, every_query(corpus))
        for name in ("items", "item_text", "item_images", "shown"):
            column = getattr(batch, name)
            column[:, -1] = column[:, 0]
        scores = self.scores(self.make(corpus, features), batch)
        torch.testing.assert_close(scores[:, -1], scores[:, 0], atol=0, rtol=0)
