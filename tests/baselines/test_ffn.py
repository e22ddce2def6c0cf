"""The feed-forward network: its equation, its loss in chunks against PyTorch's own, its start at word frequencies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.ffn import FeedForward
from bench.contracts import SuggestionDims, SuggestionModel

UNITS, WIDTH, WORDS = 7, 6, 25


def model(width: int = WIDTH, words: int = WORDS, seed: int = 0) -> FeedForward:
    torch.manual_seed(seed)
    made = FeedForward(SuggestionDims(width, words), hidden=5)
    with torch.no_grad():
        made.outer.bias.normal_()
    return made


def examples(units: int = UNITS, width: int = WIDTH, words: int = WORDS) -> tuple[Tensor, Tensor, Tensor]:
    """Session vectors, and 0 … 4 distinct words of each."""
    rng = np.random.default_rng(0)
    chosen = np.argsort(rng.random((units, words)), axis=1) < np.arange(units)[:, None] % 5
    owner, word = np.nonzero(chosen)
    session = torch.from_numpy(rng.normal(size=(units, width)).astype(np.float32))
    return session, torch.from_numpy(word), torch.from_numpy(owner)


def test_logits_are_those_of_the_equation() -> None:
    made, (session, _, _) = model(), examples()
    weights = {name: value.detach().double().numpy() for name, value in made.named_parameters()}
    hidden = np.maximum(session.double().numpy() @ weights["inner.weight"].T + weights["inner.bias"], 0)
    expected = hidden @ weights["outer.weight"].T + weights["outer.bias"]
    np.testing.assert_allclose(made(session).detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 7, 25, 4096])
def test_the_loss_and_its_gradients_are_those_of_dense_cross_entropy(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baselines.ffn._CHUNK_WORDS", chunk)
    session, words, owner = examples()
    target = torch.zeros(UNITS, WORDS)
    target[owner, words] = 1
    gradients, losses = [], []
    for dense in (True, False):
        made, given = model(), session.clone().requires_grad_()
        if dense:
            loss = F.binary_cross_entropy_with_logits(made(given), target, reduction="sum") / UNITS
        else:
            loss = made.loss(given, words, owner)
        (3 * loss).backward()
        losses.append(loss.detach())
        gradients.append([given.grad, *(p.grad for p in made.parameters())])
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(gradients[1], gradients[0])


def test_the_loss_that_every_suggestion_model_inherits_is_the_same() -> None:
    made, (session, words, owner) = model(), examples()
    torch.testing.assert_close(made.loss(session, words, owner), SuggestionModel.loss(made, session, words, owner))


def test_large_logits_stay_finite() -> None:
    made, (session, words, owner) = model(), examples()
    loss = made.loss(1e4 * session, words, owner)
    loss.backward()
    assert loss.isfinite()
    assert all(bool(p.grad.isfinite().all()) for p in made.parameters() if p.grad is not None)


def test_a_session_of_width_0_learns_word_frequencies_only() -> None:
    made = model(width=0)
    _, words, owner = examples(40)
    counts = torch.bincount(words, minlength=WORDS)
    made.prepare(counts, 40)
    logits = made(torch.empty(40, 0))
    assert (logits == logits[0]).all()
    torch.testing.assert_close(torch.sigmoid(logits[0]), (counts + 0.5) / 41)
    assert int(logits[0].argmax()) == int(counts.argmax())
    made.loss(torch.empty(40, 0), words, owner).backward()
    expected = torch.sigmoid(logits[0]) - counts / 40  # the start is near the optimum
    torch.testing.assert_close(made.outer.bias.grad, expected.detach(), atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_parameter() -> None:
    made, (session, words, owner) = model(), examples()
    made.loss(session, words, owner).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_batch_mates_do_not_matter() -> None:
    made, (session, words, owner) = model(), examples()
    torch.testing.assert_close(made(session)[3:4], made(session[3:4]))
    alone = [made.loss(session[u : u + 1], words[owner == u], owner[owner == u] * 0) for u in range(UNITS)]
    torch.testing.assert_close(made.loss(session, words, owner), torch.stack(alone).mean())


def test_the_words_start_the_same_beside_any_session_vector() -> None:
    """The first layer reads the vector and can't; the rest must not depend on how much that drew."""
    start = model(0).outer.weight
    for width in (1, WIDTH):
        assert torch.equal(model(width).outer.weight, start)
