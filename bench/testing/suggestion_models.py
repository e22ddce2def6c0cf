"""What every suggestion model must hold to, as tests to inherit::

class TestMine(SuggestionModelConformance):
    name = "mine"
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from bench.contracts import SuggestionDims, SuggestionModel
from bench.testing.components import ComponentConformance

WORDS, EXAMPLES, TOPICS = 40, 120, 5
DIMS = [SuggestionDims(6, WORDS), SuggestionDims(0, WORDS), SuggestionDims(1, 3)]


class SuggestionModelConformance(ComponentConformance):
    """Tests of one suggestion model; see :mod:`bench.testing.suggestion_models`.

    Attributes:
        tolerance: how far a logit may differ between batches.
        without_gradient: beginnings of names of parameters that need no gradient. Say why in a comment.
        steps: of Adam within which it must learn which of five topics' words follow.
    """

    contract = SuggestionModel
    tolerance: ClassVar[float] = 1e-5
    without_gradient: ClassVar[tuple[str, ...]] = ()
    steps: ClassVar[int] = 300

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def make(self, dims: SuggestionDims, seed: int = 0) -> SuggestionModel:
        """The model with the weights of this seed, prepared, in evaluation mode."""
        torch.manual_seed(seed)
        made: SuggestionModel = self.target()(dims, **self.settings())
        made.prepare(torch.arange(dims.words) % EXAMPLES, EXAMPLES)  # word 0 is in no answer
        return made.eval()

    def same(self, left: Tensor, right: Tensor) -> None:
        """Asserts that logits agree within the tolerance."""
        torch.testing.assert_close(left, right, atol=self.tolerance, rtol=self.tolerance)

    # ---- logits ----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("dims", DIMS, ids=["6 wide", "without a session vector", "1 wide, 3 words"])
    def test_logits_are_one_finite_number_a_word(self, dims: SuggestionDims) -> None:
        logits = logits_of(self.make(dims), sessions(9, dims))
        assert logits.shape == (9, dims.words)
        assert logits.dtype == torch.float32
        assert logits.isfinite().all()

    def test_the_same_logits_in_any_batch(self) -> None:
        model, vectors = self.make(DIMS[0]), sessions(9, DIMS[0])
        expected = logits_of(model, vectors)
        for order in (torch.arange(9).flip(0), torch.tensor([4]), torch.tensor([2, 2, 7])):
            self.same(logits_of(model, vectors[order]), expected[order])

    def test_the_session_vector_reaches_the_ranking(self) -> None:
        """By its gradient; a number that all words share ranks nothing."""
        vectors = sessions(9, DIMS[0]).requires_grad_()
        logits = self.make(DIMS[0])(vectors)
        ((logits - logits[:, :1]) * torch.linspace(0.5, 1.5, WORDS)).sum().backward()
        assert vectors.grad is not None
        assert (vectors.grad.abs() > 1e-4).any(1).all(), "the ranking does not depend on the session vector"

    def test_without_a_session_vector_every_session_has_the_same_ranking(self) -> None:
        logits = logits_of(self.make(DIMS[1]), sessions(9, DIMS[1]))
        self.same(logits, logits[:1].expand_as(logits))

    # ---- weights ---------------------------------------------------------------------------------------------------

    def test_weights_and_logits_follow_from_the_seed(self) -> None:
        first, again = (self.make(DIMS[0], seed=5) for _ in range(2))
        torch.testing.assert_close(first.state_dict(), again.state_dict(), atol=0, rtol=0)
        vectors = sessions(9, DIMS[0])
        torch.testing.assert_close(logits_of(first, vectors), logits_of(again, vectors), atol=0, rtol=0)

    def test_weights_survive_a_safetensors_file(self, tmp_path: Path) -> None:
        saved, loaded = (self.make(DIMS[0], seed) for seed in (1, 2))
        save_model(saved, str(tmp_path / "weights"))
        load_model(loaded, tmp_path / "weights")
        vectors = sessions(9, DIMS[0])
        torch.testing.assert_close(logits_of(loaded, vectors), logits_of(saved, vectors), atol=0, rtol=0)

    # ---- loss ------------------------------------------------------------------------------------------------------

    def test_gradient_reaches_every_parameter(self) -> None:
        model = self.make(DIMS[0])
        vectors, words, owner, _ = planted(30)
        model.loss(vectors, words, owner).backward()
        idle = [
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
            and not name.startswith(self.without_gradient)
            and (parameter.grad is None or not parameter.grad.any())
        ]
        assert not idle, f"no gradient reaches {', '.join(idle)}"
        assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in model.parameters())

    def test_the_loss_is_a_mean_over_the_batch(self) -> None:
        """Each query with its copy beside it is the same loss, in any order of the answers' words."""
        model = self.make(DIMS[0])
        vectors, words, owner, _ = planted(30)
        loss = model.loss(vectors, words, owner)
        twice = model.loss(vectors.repeat(2, 1), words.repeat(2), torch.cat([owner, owner + 30]))
        self.same(twice, loss)
        self.same(model.loss(vectors, words.flip(0), owner.flip(0)), loss)

    def test_a_query_without_answer_has_a_finite_loss(self) -> None:
        vectors, nothing = sessions(3, DIMS[0]), torch.zeros(0, dtype=torch.int64)
        assert torch.isfinite(self.make(DIMS[0]).loss(vectors, nothing, nothing))

    def test_it_learns_which_words_follow_a_session(self) -> None:
        """The session vector tells one of five topics; the answer is two of its eight words."""
        model = self.make(DIMS[0]).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=10 * model.learning_rate)
        losses = []
        for step in range(self.steps):
            vectors, words, owner, _ = planted(64, seed=step)
            loss = model.loss(vectors, words, owner)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        vectors, _, _, topic = planted(200, seed=-1)
        best = logits_of(model.eval(), vectors).topk(WORDS // TOPICS).indices  # (200, 8)
        found = float((best % TOPICS == topic.unsqueeze(1)).float().mean())
        assert losses[-1] < losses[0], "the training loss does not fall"
        assert found > 0.8, f"{found:.0%} of the best words are of the session's topic, by chance {1 / TOPICS:.0%}"


def sessions(count: int, dims: SuggestionDims) -> Tensor:
    """(count, dims.session) session vectors."""
    return torch.randn(count, dims.session, generator=torch.Generator().manual_seed(3))


def planted(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Session vectors (count, 6) that tell a topic, two different words of it as the answer, and the topic (count,).

    Word w is of topic w % 5.
    """
    draws = torch.Generator().manual_seed(seed + 1)
    topic = torch.randint(TOPICS, (count,), generator=draws)
    vectors = torch.eye(TOPICS, 6)[topic] * 2 + 0.1 * torch.randn(count, 6, generator=draws)
    two = torch.rand(count, WORDS // TOPICS, generator=draws).topk(2).indices  # (count, 2)
    words = (two * TOPICS + topic.unsqueeze(1)).flatten()
    return vectors, words, torch.arange(count).repeat_interleave(2), topic


@torch.no_grad()
def logits_of(model: SuggestionModel, vectors: Tensor) -> Tensor:
    """(B, V) logits without gradient."""
    logits: Tensor = model(vectors)
    return logits
