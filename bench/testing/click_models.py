"""What every click model must hold to, as tests to inherit.

A plugin's test module needs two lines::

    class TestMine(ClickModelConformance):
        name = "mine"

for a baseline of ``ctr`` that is registered, or ``component = MyModel`` (and ``options``) for one that is not yet.
References (:mod:`bench.testing.click_references`) are no click models: they have nothing to train and no place for a
session vector.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickModel
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.plugins.registry import registry
from bench.testing.click_corpora import TOPICS, click_batch, planted_corpus, training_queries
from bench.testing.click_scores import ClickScoresConformance, filled_with_junk, shuffled
from bench.testing.corpora import VARIANTS, variant_corpus
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors, JoinedClickModel

SESSION_WIDTH = 5


class ClickModelConformance(ClickScoresConformance):
    """Tests of one click model; see :mod:`bench.testing.click_models`.

    Attributes:
        without_gradient: beginnings of names of parameters that need no gradient. Say why in a comment.
        epochs: within which it must learn the planted corpus of 480 training queries.
    """

    contract = ClickModel
    without_gradient: ClassVar[tuple[str, ...]] = ()
    epochs: ClassVar[int] = 15

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def make(self, corpus: Corpus, features: Features, seed: int = 0) -> ClickModel:
        """The model with the weights of this seed, prepared on ``corpus``, in evaluation mode."""
        torch.manual_seed(seed)
        with self.may_refuse(corpus):
            made: ClickModel = self.target()(ClickDims(features.dims, corpus.num_users + 1), **self.settings())
            made.eval().prepare(ClickCorpus(corpus, features, training_queries(corpus)))
        return made

    def scores(self, ranker: ClickModel, batch: ClickBatch) -> Tensor:
        """(B, K) scores without gradient."""
        return scores_of(ranker, batch)

    def adopt(self, ranker: ClickModel, other: ClickModel) -> None:
        """Gives the model the weights of another."""
        ranker.load_state_dict(other.state_dict())

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

    @pytest.fixture
    def planted(self, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """A corpus to learn. Written once for all classes."""
        folder = tmp_path_factory.getbasetemp() / "conformance-planted"
        return Corpus(folder) if folder.exists() else planted_corpus(folder)

    # ---- its parts -------------------------------------------------------------------------------------------------

    def test_parts_have_the_declared_shapes_and_are_finite(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        model = self.make(corpus, features)
        with torch.no_grad():
            context, items = model.context(batch), model.items(batch)
        assert isinstance(model.context_dim, int)
        assert context.shape == (len(batch.queries), model.context_dim)
        assert items.shape[:2] == batch.items.shape
        assert context.isfinite().all()

    def test_the_loss_is_about_shown_candidates_in_any_order(
        self, corpus: Corpus, features: Features, batch: ClickBatch
    ) -> None:
        model, width = self.make(corpus, features), batch.items.shape[1]
        loss = model.loss(scores_of(model, batch), batch.clicks, batch.shown)
        assert float(loss) != 0
        for other in (shuffled(batch)[0], filled_with_junk(corpus, features, width)):
            self.same(model.loss(scores_of(model, other), other.clicks, other.shown), loss)

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

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_it_trains_on_any_corpus(self, tmp_path: Path, variant: str) -> None:
        """Or says in a line what is missing."""
        corpus = variant_corpus(tmp_path / "corpus", variant)
        features = Features.of(corpus)
        if not len(training_queries(corpus)):
            pytest.skip("nothing to train on: ctr refuses this corpus before a model is made")
        model = self.trained(corpus, features, seed=0)
        assert scores_of(model, click_batch(corpus, features, training_queries(corpus))).isfinite().all()

    # ---- learning --------------------------------------------------------------------------------------------------

    def test_it_learns_a_planted_corpus(self, planted: Corpus) -> None:
        """Through the task itself, without a session vector; the clicked item is of the query's topic."""
        torch.manual_seed(0)
        model, options = self.target(), self.settings()
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
