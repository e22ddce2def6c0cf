"""What holds for whatever scores the candidates of a query, learning or not: shapes, batches, and no look-ahead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import ClickBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.data.schema import SPLITS, TRAIN
from bench.plugins.registry import registry
from bench.plugins.specs import Spec
from bench.testing.click_corpora import altered, awkward_corpus, click_batch, rewritten
from bench.testing.components import ComponentConformance
from bench.testing.corpora import IMAGES, VARIANTS, variant_corpus

BY_CANDIDATE = ("items", "item_text", "item_images", "shown", "clicks")


class ClickScoresConformance(ComponentConformance):
    """Tests of one ranker of candidates, on a corpus with images and on one without.

    Attributes:
        tolerance: how far a score may differ between batches.
        learns_in_prepare: whether ``prepare`` trains weights on the clicks of training sessions. Then the weights of
            one model are put into the other before scores of training queries are compared.
    """

    tolerance: ClassVar[float] = 1e-5
    learns_in_prepare: ClassVar[bool] = False
    counts_training_clicks: ClassVar[bool] = False
    """Of references, whose counts of training clicks are all they have: there is nothing to look ahead to."""

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def make(self, corpus: Corpus, features: Features, seed: int = 0) -> Any:
        """The ranker, prepared on ``corpus``, everything random from ``seed``."""
        raise NotImplementedError

    def scores(self, ranker: Any, batch: ClickBatch) -> Tensor:
        """(B, K) scores without gradient."""
        raise NotImplementedError

    def declarations(self) -> list[tuple[Spec, dict[str, Any]]]:
        """Its own and those of ``ctr``, which runs no ranker on a corpus that lacks what the task needs."""
        task = registry().get("task", "ctr")
        return [*super().declarations(), (task, dict(task.defaults))]

    def adopt(self, ranker: Any, other: Any) -> None:
        """Gives the ranker the weights of another, where it has any."""

    def same(self, left: Tensor, right: Tensor) -> None:
        """Asserts that scores agree within the tolerance."""
        torch.testing.assert_close(left, right, atol=self.tolerance, rtol=self.tolerance)

    @pytest.fixture(params=list(IMAGES.values()), ids=list(IMAGES))
    def corpus(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """Forty sessions of :func:`bench.testing.click_corpora.awkward_corpus`, written once for all classes."""
        folder = tmp_path_factory.getbasetemp() / f"conformance-clicks-{request.param}"
        return Corpus(folder) if folder.exists() else awkward_corpus(folder, image_share=request.param)

    @pytest.fixture
    def features(self, corpus: Corpus) -> Features:
        """Its vectors."""
        return Features.of(corpus)

    @pytest.fixture
    def batch(self, corpus: Corpus, features: Features) -> ClickBatch:
        """Every query of the corpus, those without items or clicks among them."""
        return click_batch(corpus, features, every_query(corpus))

    # ---- scores ----------------------------------------------------------------------------------------------------

    def test_scores_are_one_finite_number_a_candidate(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        scores = self.scores(self.make(corpus, features), batch)
        assert scores.shape == batch.items.shape
        assert scores.dtype == torch.float32
        assert scores.isfinite().all()

    @pytest.mark.parametrize("dims", [Dims(), Dims(words=3, images=1)], ids=["50 and 512", "3 and 1"])
    def test_any_width_of_word_and_image_vectors(self, corpus: Corpus, dims: Dims) -> None:
        features = wide_features(corpus, dims)
        scores = self.scores(self.make(corpus, features), click_batch(corpus, features, every_query(corpus)))
        assert scores.isfinite().all()

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_any_corpus_gives_finite_scores(self, tmp_path: Path, variant: str) -> None:
        """Or a line that says what it lacks."""
        corpus = variant_corpus(tmp_path / "corpus", variant)
        features = Features.of(corpus)
        batch = click_batch(corpus, features, every_query(corpus))
        scores = self.scores(self.make(corpus, features), batch)
        assert scores.isfinite().all()
        order = np.random.default_rng(0).permutation(len(scores))[:7]
        some = click_batch(corpus, features, order, batch.items.shape[1])
        self.same(self.scores(self.make(corpus, features), some), scores[order])

    def test_the_order_of_candidates_does_not_matter(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        ranker = self.make(corpus, features)
        moved, order = shuffled(batch)
        self.same(self.scores(ranker, moved), self.scores(ranker, batch)[:, order])

    def test_candidates_that_are_not_shown_do_not_matter(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        ranker, width = self.make(corpus, features), batch.items.shape[1]
        found = self.scores(ranker, filled_with_junk(corpus, features, width))
        self.same(found[:, :width][batch.shown], self.scores(ranker, batch)[batch.shown])

    def test_the_same_scores_in_any_batch(self, corpus: Corpus, features: Features, batch: ClickBatch) -> None:
        ranker, width = self.make(corpus, features), batch.items.shape[1]
        expected = self.scores(ranker, batch)
        rng = np.random.default_rng(0)
        for size in (1, 7, len(expected)):
            order = rng.permutation(len(expected))
            parts = np.split(order, range(size, len(order), size))
            found = [self.scores(ranker, click_batch(corpus, features, part, width)) for part in parts]
            self.same(torch.cat(found), expected[order])
        twice = np.repeat(rng.permutation(len(expected))[:9], 2)  # copies of a query beside it change nothing
        self.same(self.scores(ranker, click_batch(corpus, features, twice, width)), expected[twice])

    # ---- no look-ahead, no leaks -----------------------------------------------------------------------------------

    def test_clicks_on_the_query_are_not_read_from_the_batch(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        ranker = self.make(corpus, features)
        other = replace(batch, clicks=(1 - batch.clicks) * batch.shown)
        torch.testing.assert_close(self.scores(ranker, other), self.scores(ranker, batch), atol=0, rtol=0)

    @pytest.mark.parametrize("parity", [0, 1])
    def test_a_validation_or_test_session_reaches_no_other(
        self, corpus: Corpus, features: Features, batch: ClickBatch, tmp_path: Path, parity: int
    ) -> None:
        """Also not another session of the same user."""
        columns, width = corpus.columns, batch.items.shape[1]
        sessions = np.arange(len(columns.session_split))
        marked = (columns.session_split != TRAIN) & (sessions % 2 == parity)
        steps = marked[columns.query_session]
        changed = rewritten(corpus, tmp_path / "changed", steps=steps, clicks=steps)
        asked = np.flatnonzero(~steps)
        found = self.scores(self.make(changed, features), click_batch(changed, features, asked, width))
        expected = self.scores(self.make(corpus, features), click_batch(corpus, features, asked, width))
        self.same(found, expected)

    @pytest.mark.parametrize("split", SPLITS)
    def test_what_comes_after_a_query_does_not_change_its_scores(
        self, corpus: Corpus, features: Features, tmp_path: Path, split: str
    ) -> None:
        """Its own clicks, and the words, images, items and clicks of the later steps of its session."""
        if self.counts_training_clicks and split == "train":
            pytest.skip("counts the clicks of training sessions")
        columns, ranker = corpus.columns, self.make(corpus, features)
        rows = corpus.session_rows(split)
        steps = np.diff(columns.session_queries)[rows]
        for session in rows[np.argsort(-steps, kind="stable")[:2]]:
            first, end = columns.session_queries[session], columns.session_queries[session + 1]
            for last in {first, (first + end - 1) // 2}:
                queries = every_query(corpus)
                changed = rewritten(
                    corpus,
                    tmp_path / f"{session}-{last}",
                    steps=(queries > last) & (queries < end),
                    clicks=(queries >= last) & (queries < end),
                )
                assert changed.info.fingerprint != corpus.info.fingerprint
                asked, other = np.arange(first, last + 1), self.make(changed, features)
                if self.learns_in_prepare and split == "train":
                    self.adopt(other, ranker)
                found = self.scores(other, click_batch(changed, features, asked))
                self.same(found, self.scores(ranker, click_batch(corpus, features, asked)))


def every_query(corpus: Corpus) -> NDArray[np.int64]:
    """(Q,) all rows of queries."""
    return np.arange(len(corpus.columns.query_session))


def shuffled(batch: ClickBatch) -> tuple[ClickBatch, Tensor]:
    """The batch with its candidates in another order, the same for every query, and that order (K,)."""
    order = torch.randperm(batch.items.shape[1], generator=torch.Generator().manual_seed(1))
    return altered(batch, **{name: getattr(batch, name)[:, order] for name in BY_CANDIDATE}), order


def filled_with_junk(corpus: Corpus, features: Features, width: int) -> ClickBatch:
    """Every query with five places more than ``width``; what is not shown has vectors of its own all the same."""
    wide = click_batch(corpus, features, every_query(corpus), width + 5)
    hidden = ~wide.shown.unsqueeze(2)
    return altered(
        wide,
        items=torch.where(wide.shown, wide.items, 1),
        item_text=wide.item_text + 9.0 * hidden,
        item_images=wide.item_images - 9.0 * hidden,
    )


def wide_features(corpus: Corpus, dims: Dims) -> Features:
    """Random vectors of other widths for the words and images of a corpus."""
    rng = np.random.default_rng(0)
    words = rng.normal(size=(len(corpus.word_vectors), dims.words)).astype(np.float32)
    images = rng.integers(-127, 128, (len(corpus.image_vectors), dims.images)).astype(np.int8)
    return Features(torch.from_numpy(words), images)
