"""ALSTP agrees with its equations, stated one user and one purchase at a time in float64 with the state carried by
hand, whatever the batch; its loss is BPR; it reads no image and nothing of a query but its words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.alstp.model import ALSTP
from bench.contracts import ClickBatch, ClickCorpus, ClickDims
from bench.data.click_history import ClickHistory
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.errors import BenchError
from bench.testing.click_corpora import altered, click_batch, training_queries
from bench.testing.click_models import scores_of
from bench.testing.click_scores import every_query
from bench.testing.corpora import random_corpus

D, ALPHA = 6, 0.7


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Up to twelve steps a session and two clicks each: histories of many rounds, and of none."""
    return random_corpus(tmp_path_factory.mktemp("alstp") / "corpus", sessions=40, longest=12, image_share=0.5)


def model(corpus: Corpus, steps: int = 4, **options: float | str) -> ALSTP:
    torch.manual_seed(3)
    features = Features.of(corpus)
    options = {"alpha": ALPHA, **options}
    made = ALSTP(ClickDims(features.dims, corpus.num_users + 1), num_steps=steps, global_dim=D, **options)  # type: ignore[arg-type]
    for parameter in made.parameters():  # biases too must count
        torch.nn.init.uniform_(parameter, -0.7, 0.7)
    made.prepare(ClickCorpus(corpus, features, training_queries(corpus)))
    return made.eval()


def batch_of(corpus: Corpus, queries: NDArray) -> ClickBatch:
    return click_batch(corpus, Features.of(corpus), queries)


# ---- the original's equations, one example after the other ----------------------------------------------------------


def elu(x: NDArray) -> NDArray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def sigmoid(x: NDArray) -> NDArray:
    return 1 / (1 + np.exp(-x))


def softmax(x: NDArray) -> NDArray:
    e = np.exp(x - x.max())
    return e / e.sum()


class Sequential:
    """A user's purchases one by one; the long-term preference is a number that is carried along."""

    def __init__(self, made: ALSTP) -> None:
        self.w = {name: value.double().numpy() for name, value in made.state_dict().items()}
        self.steps, self.alpha = made.num_steps, made.alpha

    def convert(self, text: NDArray) -> NDArray:
        return elu(self.w["convert.weight"] @ text + self.w["convert.bias"])

    def read(self, texts: list[NDArray], state: NDArray) -> list[NDArray]:
        """The GRU's states (Cho et al. 2014, in the form of cuDNN) after each of these items."""
        states = []
        for text in texts:
            of_input = self.w["gru.weight_ih_l0"] @ self.convert(text) + self.w["gru.bias_ih_l0"]
            of_state = self.w["gru.weight_hh_l0"] @ state + self.w["gru.bias_hh_l0"]
            reset, update = sigmoid(of_input[:D] + of_state[:D]), sigmoid(of_input[D : 2 * D] + of_state[D : 2 * D])
            new = np.tanh(of_input[2 * D :] + reset * of_state[2 * D :])
            state = (1 - update) * new + update * state
            states.append(state)
        return states

    def long_term(self, items: list[NDArray]) -> NDArray:
        """The preference before the next purchase, by the steps of the public code's training loop."""
        preference, last_state = np.zeros(D), np.zeros(D)
        for example in range(max(len(items) - self.steps, 0) + 1):
            if example == 1:
                preference = last_state
            if example > 0 and example % self.steps == 0:
                preference = self.alpha * preference + (1 - self.alpha) * last_state
            if example + self.steps <= len(items):
                last_state = self.read(items[example : example + self.steps], preference)[-1]
        return preference

    def context(self, items: list[NDArray], queries: list[NDArray], text: NDArray) -> NDArray:
        preference, query = self.long_term(items), self.convert(text)
        states = self.read(items[-self.steps :], preference)
        asked = self.w["query_local.weight"] @ query + self.w["query_local.bias"]
        keys = [
            self.w["queries_local.weight"] @ self.convert(q) + self.w["queries_local.bias"]
            for q in queries[-self.steps :]
        ]
        short = np.zeros(D)
        if states:
            weights = softmax(np.array([float((self.w["v_local.weight"] @ elu(key + asked)).item()) for key in keys]))
            short = sum((w * h for w, h in zip(weights, states, strict=True)), np.zeros(D))
        factor = elu(self.w["query_global.weight"] @ query + self.w["query_global.bias"])
        long = preference * softmax(preference * factor)
        return elu(self.w["concate.weight"] @ np.concatenate([short, long, query]) + self.w["concate.bias"])

    def score(self, context: NDArray, title: NDArray) -> float:
        item = self.convert(title)
        return float(item @ context / np.linalg.norm(item) / np.linalg.norm(context))


def texts(corpus: Corpus, kind: str, rows: NDArray) -> list[NDArray]:
    """Mean word vector of each of these queries or items, in float64."""
    offsets = getattr(corpus.columns, f"{kind}_word_offsets")
    words = getattr(corpus.columns, f"{kind}_words")
    found = [corpus.word_vectors[words[offsets[r] : offsets[r + 1]]].astype(np.float64) for r in rows]
    return [x.mean(0) if len(x) else np.zeros(x.shape[1]) for x in found]


@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_scores_are_those_of_the_original_one_user_at_a_time(corpus: Corpus, steps: int) -> None:
    made, history = model(corpus, steps), ClickHistory.of(corpus)
    queries = every_query(corpus)
    batch = batch_of(corpus, queries)
    scores, by_hand = scores_of(made, batch), Sequential(made)
    rounds = []
    for place, query in enumerate(queries):
        clicks, _ = history.of_queries(np.array([query]))
        past = texts(corpus, "item", history.items[clicks]), texts(corpus, "query", history.queries[clicks])
        context = by_hand.context(*past, texts(corpus, "query", np.array([query]))[0])
        expected = [by_hand.score(context, title) for title in texts(corpus, "item", batch.items[place].numpy())]
        np.testing.assert_allclose(scores[place].numpy(), expected, atol=1e-5)
        rounds.append(max(len(clicks) - steps, 0) // steps)
    assert min(rounds) == 0
    assert max(rounds) >= 4, "the long-term preference is updated several times"


@pytest.mark.parametrize("items", ["title", "title+image"])
@pytest.mark.parametrize("read", ["all", "earlier"])
def test_scores_with_each_history_and_each_item_side(corpus: Corpus, read: str, items: str) -> None:
    """Image vectors are projected and added to titles; ``earlier`` leaves out what was clicked in the same session."""
    made, history, columns = model(corpus, history=read, items=items), ClickHistory.of(corpus), corpus.columns
    queries = every_query(corpus)
    batch = batch_of(corpus, queries)
    scores, by_hand = scores_of(made, batch), Sequential(made)
    projection = by_hand.w.get("images.project.weight", np.zeros((8, 12)))
    assert ("images.project.weight" in by_hand.w) == (items == "title+image")

    def item_vectors(rows: NDArray) -> list[NDArray]:
        images = np.asarray(corpus.image_vectors, dtype=np.float64)[columns.item_image[rows]]
        images = images / 127 if corpus.image_vectors.dtype == np.int8 else images
        return [title + projection @ image for title, image in zip(texts(corpus, "item", rows), images, strict=True)]

    left_out = 0
    for place, query in enumerate(queries):
        clicks, _ = history.of_queries(np.array([query]))
        same = columns.query_session[history.queries[clicks]] == columns.query_session[query]
        if read == "earlier":
            clicks, left_out = clicks[~same], left_out + int(same.sum())
        past = item_vectors(history.items[clicks]), texts(corpus, "query", history.queries[clicks])
        context = by_hand.context(*past, texts(corpus, "query", np.array([query]))[0])
        expected = [by_hand.score(context, vector) for vector in item_vectors(batch.items[place].numpy())]
        np.testing.assert_allclose(scores[place].numpy(), expected, atol=1e-5)
    assert (left_out > 100) == (read == "earlier")


def test_the_order_of_purchases_counts(corpus: Corpus) -> None:
    made, history = model(corpus), ClickHistory.of(corpus)
    by_hand = Sequential(made)
    query = np.bincount(history.of_queries(every_query(corpus))[1]).argmax(keepdims=True)  # the longest history
    clicks, _ = history.of_queries(query)
    items, asked = texts(corpus, "item", history.items[clicks]), texts(corpus, "query", history.queries[clicks])
    text = texts(corpus, "query", query)[0]
    straight, turned = by_hand.context(items, asked, text), by_hand.context(items[::-1], asked[::-1], text)
    with torch.no_grad():
        found = made.context(batch_of(corpus, query))[0].numpy()
    np.testing.assert_allclose(found, straight, atol=1e-5)
    assert np.abs(found - turned).max() > 1e-3


def test_the_long_term_preference_alone_by_hand(corpus: Corpus) -> None:
    """In a shuffled batch with copies, by the order that the model keeps inside."""
    made, history = model(corpus, steps=2), ClickHistory.of(corpus)
    queries = np.random.default_rng(0).choice(every_query(corpus), 70)
    past = made._pasts.of(torch.from_numpy(queries))  # type: ignore[union-attr]
    found = made.long_term(past)
    assert not found.requires_grad, "no gradient goes through the long-term preference"
    for place, row in enumerate(past.order):
        clicks, _ = history.of_queries(queries[row : row + 1])
        expected = Sequential(made).long_term(texts(corpus, "item", history.items[clicks]))
        np.testing.assert_allclose(found[place].numpy(), expected, atol=1e-5)


def test_a_cut_history_is_the_latest_purchases(corpus: Corpus) -> None:
    made, history = model(corpus, steps=2, longest_history=5), ClickHistory.of(corpus)
    queries, by_hand = every_query(corpus), Sequential(made)
    with torch.no_grad():
        contexts = made.context(batch_of(corpus, queries)).numpy()
    lengths = np.bincount(history.of_queries(queries)[1], minlength=len(queries))
    for query in np.flatnonzero(lengths > 7):
        clicks = history.of_queries(np.array([query]))[0][-5:]
        past = texts(corpus, "item", history.items[clicks]), texts(corpus, "query", history.queries[clicks])
        expected = by_hand.context(*past, texts(corpus, "query", np.array([query]))[0])
        np.testing.assert_allclose(contexts[query], expected, atol=1e-5)
    assert (lengths > 7).sum() > 20


# ---- what it reads ---------------------------------------------------------------------------------------------------


def test_it_reads_no_image_no_user_and_no_session_batch(corpus: Corpus) -> None:
    made, batch = model(corpus), batch_of(corpus, every_query(corpus))
    other = altered(
        batch,
        item_images=torch.zeros_like(batch.item_images),
        users=torch.zeros_like(batch.users),
        sessions=batch.sessions.text_only(),
        items=torch.zeros_like(batch.items),
    )
    torch.testing.assert_close(scores_of(made, other), scores_of(made, batch), atol=0, rtol=0)


def test_preceding_queries_of_the_session_are_read(corpus: Corpus, tmp_path: Path) -> None:
    """Their words, where they led to a click: other words in first steps, other scores in later ones."""
    changed = random_corpus(
        tmp_path / "changed", sessions=40, longest=12, image_share=0.5, redrawn=lambda position, split: position == 0
    )
    # the third query: the attention weighs purchases against each other, so it takes two queries before it
    queries = (corpus.columns.session_queries[:-1] + 2)[np.diff(corpus.columns.session_queries) > 2]
    scores = [scores_of(model(c), batch_of(c, queries)) for c in (corpus, changed)]
    moved = (scores[0] - scores[1]).abs().amax(1) > 1e-6
    assert float(moved.float().mean()) > 0.5


def test_it_says_when_it_was_not_prepared(corpus: Corpus) -> None:
    made = ALSTP(ClickDims(Dims(8, 12), 2))
    with pytest.raises(BenchError, match="prepare"):
        made.context(batch_of(corpus, np.array([0])))


# ---- loss and gradients ----------------------------------------------------------------------------------------------


def test_the_loss_of_single_pairs_and_of_a_positive_with_negatives_is_bpr() -> None:
    made = ALSTP(ClickDims(Dims(8, 12), 2), global_dim=D)
    draws = torch.Generator().manual_seed(0)
    positive, negatives = torch.rand(30, 1, generator=draws), torch.rand(30, 5, generator=draws)
    scores = torch.cat([positive, negatives], 1)
    clicks = torch.tensor([[1.0, 0, 0, 0, 0, 0]]).repeat(30, 1)
    loss = made.loss(scores, clicks, torch.ones(30, 6, dtype=torch.bool))
    expected = np.mean(-np.log(sigmoid((positive - negatives).double().numpy())))
    np.testing.assert_allclose(float(loss), expected, rtol=1e-6)


def test_a_clicked_item_counts_once_however_many_negatives_it_has() -> None:
    made = ALSTP(ClickDims(Dims(8, 12), 2), global_dim=D)
    scores = torch.randn(40, 7, generator=torch.Generator().manual_seed(1))
    draws = torch.Generator().manual_seed(2)
    clicks, shown = torch.rand(40, 7, generator=draws) < 0.4, torch.rand(40, 7, generator=draws) < 0.8
    expected = []
    for q in range(40):
        for i in np.flatnonzero((clicks & shown)[q]):
            pairs = [float(scores[q, i] - scores[q, j]) for j in np.flatnonzero((~clicks & shown)[q])]
            if pairs:
                expected.append(np.mean(-np.log(sigmoid(np.array(pairs)))))
    found = made.loss(scores, clicks.float(), shown)
    np.testing.assert_allclose(float(found), np.mean(expected), rtol=1e-5)


def gradients(made: ALSTP, loss: Tensor) -> dict[str, Tensor]:
    made.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in made.named_parameters() if p.grad is not None}


def test_the_loss_alone_reaches_every_parameter(corpus: Corpus) -> None:
    """Without the penalty, which reaches whatever there is."""
    made, batch = model(corpus), batch_of(corpus, training_queries(corpus))
    scores = made.match(made.context(batch), made.items(batch))
    found = gradients(made, made.loss(scores, batch.clicks, batch.shown))
    assert {name for name, gradient in found.items() if gradient.any()} == {n for n, _ in made.named_parameters()}


def test_the_penalty_is_weight_decay(corpus: Corpus) -> None:
    made, batch = model(corpus, weight_decay=0.01), batch_of(corpus, training_queries(corpus))
    penalty = made.auxiliary_loss(batch)
    assert penalty is not None
    found = gradients(made, penalty)
    for name, parameter in made.named_parameters():
        torch.testing.assert_close(found[name], 0.01 * parameter.detach())
    assert model(corpus, weight_decay=0.0).auxiliary_loss(batch) is None
