"""What every click model must hold to, as tests to inherit.

A plugin's test module needs two lines::

    class TestMine(ClickModelConformance):
        name = "mine"

for a baseline of ``ctr`` that is registered, or ``baseline = MyModel`` (and ``options``) for one that is not yet.
References (:mod:`bench.references`) are no click models: they have nothing to train and no place for a session vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_model, save_model
from torch import Tensor

from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickModel
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.data.schema import SPLITS, TRAIN
from bench.registry import registry
from bench.testing.click_corpora import (
    TOPICS,
    altered,
    awkward_corpus,
    click_batch,
    planted_corpus,
    rewritten,
    training_queries,
)
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors, JoinedClickModel

SESSION_WIDTH = 5
BY_CANDIDATE = ("items", "item_text", "item_images", "shown", "clicks")


class ClickModelConformance:
    """Tests of one click model; see :mod:`bench.testing.baselines`.

    Attributes:
        name: of a registered baseline of ``ctr``; its declared defaults are its options.
        baseline: the class, where there is no name.
        options: set beside the defaults.
        tolerance: how far a score may differ between batches.
        without_gradient: beginnings of names of parameters that need no gradient. Say why in a comment.
        epochs: within which it must learn the planted corpus of 480 training queries.
        learns_in_prepare: whether ``prepare`` trains weights on the clicks of training sessions. Then the weights of
            one model are put into the other before scores of training queries are compared.
    """

    name: ClassVar[str | None] = None
    baseline: ClassVar[type[ClickModel] | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    tolerance: ClassVar[float] = 1e-5
    without_gradient: ClassVar[tuple[str, ...]] = ()
    epochs: ClassVar[int] = 15
    learns_in_prepare: ClassVar[bool] = False

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def parts(self) -> tuple[type[ClickModel], dict[str, Any]]:
        """The class and its options."""
        if self.name is None:
            assert self.baseline is not None, "set name or baseline"
            return self.baseline, dict(self.options)
        spec = registry().get("baseline", self.name)
        return spec.load(), {**spec.defaults, **self.options}

    def make(self, corpus: Corpus, features: Features, seed: int = 0) -> ClickModel:
        """The model with the weights of this seed, prepared on ``corpus``, in evaluation mode."""
        torch.manual_seed(seed)
        model, options = self.parts()
        made = model(ClickDims(features.dims, corpus.num_users + 1), **options).eval()
        made.prepare(ClickCorpus(corpus, features, training_queries(corpus)))
        return made

    def trained(self, corpus: Corpus, features: Features, seed: int, steps: int = 3) -> ClickModel:
        """The model after a few steps on all training queries."""
        model = self.make(corpus, features, seed).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=model.learning_rate)
        batch = click_batch(corpus, features, training_queries(corpus))
        for _ in range(steps):
            optimizer.zero_grad()
            total_loss(model, batch).backward()
            optimizer.step()
        return model.eval()

    def same(self, left: Tensor, right: Tensor) -> None:
        """Asserts that scores agree within the tolerance."""
        torch.testing.assert_close(left, right, atol=self.tolerance, rtol=self.tolerance)

    @pytest.fixture
    def corpus(self, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """Forty sessions of :func:`bench.testing.click_corpora.awkward_corpus`, written once for all classes."""
        folder = tmp_path_factory.getbasetemp() / "conformance-clicks"
        return Corpus(folder) if folder.exists() else awkward_corpus(folder)

    @pytest.fixture
    def planted(self, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """A corpus to learn. Written once for all classes."""
        folder = tmp_path_factory.getbasetemp() / "conformance-planted"
        return Corpus(folder) if folder.exists() else planted_corpus(folder)

    @pytest.fixture
    def features(self, corpus: Corpus) -> Features:
        """Its vectors."""
        return Features.of(corpus)

    @pytest.fixture
    def batch(self, corpus: Corpus, features: Features) -> ClickBatch:
        """Every query of the corpus, those without items or clicks among them."""
        return click_batch(corpus, features, every_query(corpus))

    # ---- scores ----------------------------------------------------------------------------------------------------

    def test_parts_have_the_declared_shapes_and_are_finite(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        model = self.make(corpus, features)
        with torch.no_grad():
            context, items = model.context(batch), model.items(batch)
            scores = model.match(context, items)
        assert isinstance(model.context_dim, int)
        assert context.shape == (len(batch.queries), model.context_dim)
        assert items.shape[:2] == batch.items.shape
        assert scores.shape == batch.items.shape
        assert scores.dtype == torch.float32
        assert context.isfinite().all()
        assert scores.isfinite().all()

    @pytest.mark.parametrize("dims", [Dims(), Dims(words=3, images=1)], ids=["50 and 512", "3 and 1"])
    def test_any_width_of_word_and_image_vectors(self, corpus: Corpus, dims: Dims) -> None:
        features = wide_features(corpus, dims)
        scores = scores_of(self.make(corpus, features), click_batch(corpus, features, every_query(corpus)))
        assert scores.isfinite().all()

    def test_the_order_of_candidates_does_not_matter(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        model = self.make(corpus, features)
        order = torch.randperm(batch.items.shape[1], generator=torch.Generator().manual_seed(1))
        moved = altered(batch, **{name: getattr(batch, name)[:, order] for name in BY_CANDIDATE})
        scores, expected = scores_of(model, moved), scores_of(model, batch)
        self.same(scores, expected[:, order])
        self.same(model.loss(scores, moved.clicks, moved.shown), model.loss(expected, batch.clicks, batch.shown))

    def test_candidates_that_are_not_shown_do_not_matter(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        model, width = self.make(corpus, features), batch.items.shape[1]
        wide = click_batch(corpus, features, every_query(corpus), width + 5)
        hidden = ~wide.shown.unsqueeze(2)
        junk = altered(
            wide,
            items=torch.where(wide.shown, wide.items, 1),
            item_text=wide.item_text + 9.0 * hidden,
            item_images=wide.item_images - 9.0 * hidden,
        )
        scores, expected = scores_of(model, junk), scores_of(model, batch)
        self.same(scores[:, :width][batch.shown], expected[batch.shown])
        loss = model.loss(expected, batch.clicks, batch.shown)
        self.same(model.loss(scores, junk.clicks, junk.shown), loss)
        assert float(loss) != 0

    def test_items_that_are_called_independent_are(self, corpus: Corpus, features: Features, batch: ClickBatch) -> None:
        """Evaluation then encodes each item once, as if one query had shown all: nothing else may reach its vector."""
        model = self.make(corpus, features)
        if not model.independent_items:
            return
        order = torch.randperm(batch.items.numel(), generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            expected = model.items(batch).flatten(0, 1)[order]
            alone = ClickBatch(
                queries=batch.queries[:1],
                users=torch.zeros_like(batch.users[:1]),
                items=batch.items.view(1, -1)[:, order],
                shown=torch.ones(1, len(order), dtype=torch.bool),
                clicks=torch.zeros(1, len(order)),
                lookup=batch.lookup,
            )
            self.same(model.items(alone)[0], expected)

    def test_the_same_scores_in_any_batch(self, corpus: Corpus, features: Features, batch: ClickBatch) -> None:
        model, width = self.make(corpus, features), batch.items.shape[1]
        expected = scores_of(model, batch)
        rng = np.random.default_rng(0)
        for size in (1, 7, len(expected)):
            order = rng.permutation(len(expected))
            parts = np.split(order, range(size, len(order), size))
            found = [scores_of(model, click_batch(corpus, features, part, width)) for part in parts]
            self.same(torch.cat(found), expected[order])
        twice = np.repeat(rng.permutation(len(expected))[:9], 2)  # copies of a query beside it change nothing
        self.same(scores_of(model, click_batch(corpus, features, twice, width)), expected[twice])

    # ---- the session vector ----------------------------------------------------------------------------------------

    def test_the_session_vector_reaches_the_ranking(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        """By its gradient, and by mixing up the vectors; a part that all candidates share ranks nothing."""
        some = np.flatnonzero(batch.shown.sum(1).numpy() > 1)
        batch = click_batch(corpus, features, some)
        draws = torch.Generator().manual_seed(2)
        vectors = torch.randn(len(some), SESSION_WIDTH, generator=draws).requires_grad_()
        model = joined(self.make(corpus, features), batch.queries, vectors)
        scores = model(batch)
        against_first = (scores - scores[:, :1])[:, 1:] * batch.shown[:, 1:]
        weights = torch.rand(against_first.shape, generator=draws) + 0.5
        (against_first * weights).sum().backward()
        assert vectors.grad is not None
        assert vectors.grad.isfinite().all()
        reached = (vectors.grad != 0).any(1)
        assert float(reached.float().mean()) > 0.5, "most queries' rankings do not depend on their session vector"
        with torch.no_grad():
            mixed = joined(model.model, batch.queries, vectors.detach().roll(1, 0))(batch)
        moved = ((mixed - mixed[:, :1])[:, 1:] * batch.shown[:, 1:] - against_first.detach()).abs().amax(1)
        assert float((moved > 1e-6).float().mean()) > 0.5, "mixing up session vectors changes too few rankings"

    def test_vanilla_is_a_session_vector_of_width_0(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        """The reference sees what any other system sees with a session vector that says nothing."""
        model = self.make(corpus, features)
        vanilla = joined(model, batch.queries, torch.zeros(len(batch.queries), 0))
        wide = joined(model, batch.queries, torch.zeros(len(batch.queries), SESSION_WIDTH))
        assert vanilla.join.weight.shape == (model.context_dim, model.context_dim)
        with torch.no_grad():
            self.same(vanilla(batch), wide(batch))

    # ---- no look-ahead, no leaks -----------------------------------------------------------------------------------

    def test_clicks_on_the_query_are_not_read_from_the_batch(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        model = self.make(corpus, features)
        other = altered(batch, clicks=(1 - batch.clicks) * batch.shown)
        torch.testing.assert_close(scores_of(model, other), scores_of(model, batch), atol=0, rtol=0)

    @pytest.mark.parametrize("split", SPLITS)
    def test_what_comes_after_a_query_does_not_change_its_scores(
        self, corpus: Corpus, features: Features, tmp_path: Path, split: str
    ) -> None:
        """Its own clicks, and the words, images, items and clicks of the later steps of its session."""
        columns, model = corpus.columns, self.make(corpus, features)
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
                    other.load_state_dict(model.state_dict())
                found = scores_of(other, click_batch(changed, features, asked))
                self.same(found, scores_of(model, click_batch(corpus, features, asked)))

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
        found = scores_of(self.make(changed, features), click_batch(changed, features, asked, width))
        self.same(found, scores_of(self.make(corpus, features), click_batch(corpus, features, asked, width)))

    # ---- weights ---------------------------------------------------------------------------------------------------

    def test_weights_and_scores_follow_from_the_seed(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        """Also after some training."""
        for make in (self.make, self.trained):
            first, again = (make(corpus, features, seed=5) for _ in range(2))
            torch.testing.assert_close(first.state_dict(), again.state_dict(), atol=0, rtol=0)
            scores = scores_of(first, batch)
            torch.testing.assert_close(scores, scores_of(again, batch), atol=0, rtol=0)
            torch.testing.assert_close(scores, scores_of(first, batch), atol=0, rtol=0)

    def test_weights_survive_a_safetensors_file(
        self, corpus: Corpus, features: Features, batch: ClickBatch, tmp_path: Path
    ) -> None:
        """And with the same preparation they are all that scores depend on."""
        saved, loaded = self.trained(corpus, features, seed=1), self.make(corpus, features, seed=2)
        save_model(saved, str(tmp_path / "weights"))  # unlike save_file, it allows weights that two layers share
        load_model(loaded, tmp_path / "weights")
        torch.testing.assert_close(scores_of(loaded, batch), scores_of(saved, batch), atol=0, rtol=0)

    def test_gradient_reaches_every_parameter(self, corpus: Corpus, features: Features) -> None:
        """From the loss, or from the auxiliary one."""
        model = self.make(corpus, features)
        total_loss(model, click_batch(corpus, features, training_queries(corpus))).backward()
        idle = [
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
            and not name.startswith(self.without_gradient)
            and (parameter.grad is None or not parameter.grad.any())
        ]
        assert not idle, f"no gradient reaches {', '.join(idle)}"
        assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in model.parameters())

    def test_a_batch_that_compares_nothing_has_a_finite_loss(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        """No item shown, or only clicked ones."""
        model = self.make(corpus, features)
        scores = scores_of(model, batch)
        for clicks in (torch.zeros_like(batch.clicks), batch.shown.float()):
            assert torch.isfinite(model.loss(scores, clicks, batch.shown))
        assert torch.isfinite(model.loss(scores, batch.clicks * 0, torch.zeros_like(batch.shown)))

    # ---- learning --------------------------------------------------------------------------------------------------

    def test_it_learns_a_planted_corpus(self, planted: Corpus) -> None:
        """Through the task itself, without a session vector; the clicked item is of the query's topic."""
        torch.manual_seed(0)
        model, options = self.parts()
        task = registry().get("task", "ctr").load()(epochs=self.epochs, patience=self.epochs)
        context = TrainingContext(planted, seed=0)
        sessions = FrozenVectors(torch.from_numpy(task.units(planted)), torch.zeros(len(task.units(planted)), 0))
        result = task.run(planted, model, options, sessions, context)
        chance = float(np.mean(1 / np.log2(np.arange(2, TOPICS + 2))))  # NDCG of one relevant item at a random place
        found = float(result.scores.query("metric == 'ndcg@10'")["value"].mean())
        losses = result.curve["train_loss"]
        assert losses.iloc[-1] < losses.iloc[0], "the training loss does not fall"
        assert found > chance + 0.2, f"NDCG@10 {found:.3f} on the test split, by chance {chance:.3f}"


def joined(model: ClickModel, queries: Tensor, vectors: Tensor) -> JoinedClickModel:
    """The model with these session vectors (n, width) of these query rows (n,), in evaluation mode.

    The joining layer starts the same each time.
    """
    torch.manual_seed(0)
    return JoinedClickModel(model, FrozenVectors(queries, vectors), torch.Generator().manual_seed(0)).eval()


@torch.no_grad()
def scores_of(model: ClickModel, batch: ClickBatch) -> Tensor:
    """(B, K) scores without gradient."""
    return model.match(model.context(batch), model.items(batch))


def total_loss(model: ClickModel, batch: ClickBatch) -> Tensor:
    """The loss that training minimises, the auxiliary one included."""
    loss = model.loss(model.match(model.context(batch), model.items(batch)), batch.clicks, batch.shown)
    auxiliary = model.auxiliary_loss(batch)
    return loss if auxiliary is None else loss + auxiliary


def every_query(corpus: Corpus) -> NDArray[np.int64]:
    """(Q,) all rows of queries."""
    return np.arange(len(corpus.columns.query_session))


def wide_features(corpus: Corpus, dims: Dims) -> Features:
    """Random vectors of other widths for the words and images of a corpus."""
    rng = np.random.default_rng(0)
    words = rng.normal(size=(len(corpus.word_vectors), dims.words)).astype(np.float32)
    images = rng.integers(-127, 128, (len(corpus.image_vectors), dims.images)).astype(np.int8)
    return Features(torch.from_numpy(words), images)
