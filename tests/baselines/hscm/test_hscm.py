"""HSCM gives the scores and losses of its equations, restated in float64; sees nothing it must not; and learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from small_corpora import Altered
from torch import Tensor

from baselines.hscm.history import _KEPT, _MOST_KEPT
from baselines.hscm.model import Hscm
from bench.contracts import ClickBatch, ClickCorpus, ClickDims
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.data.schema import SPLITS
from bench.errors import BenchError
from bench.testing.click_corpora import GivenInputs, altered
from bench.testing.corpora import random_corpus

HIDDEN, WIDTH = 6, 6
OPTIONS: dict[str, Any] = {
    "hidden": HIDDEN,
    "steps": 3,
    "longest": 5,
    "clicked": 2,
    "unclicked": 1,
    "threshold": 0.2,
    "cross_queries": 2,
    "cross_items": 3,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Forty sessions over fifteen words, so that texts repeat across sessions."""
    return random_corpus(tmp_path_factory.mktemp("hscm") / "corpus", sessions=40, vocabulary=15, longest=7)


def model(corpus: Corpus, seed: int = 1, **options: Any) -> Hscm:
    """Prepared, with weights (biases too) that all count, in evaluation mode."""
    torch.manual_seed(seed)
    features = Features.of(corpus)
    made = Hscm(ClickDims(features.dims, users=3), **{**OPTIONS, **options})
    for parameter in made.parameters():
        torch.nn.init.uniform_(parameter, -0.7, 0.7)
    made.prepare(ClickCorpus(corpus, features, np.zeros(0, dtype=np.int64)))
    return made.eval()


def batch(corpus: Corpus, queries: NDArray | None = None) -> ClickBatch:
    """The queries (all, unless given) with the six items that each shows; every third has only four of them."""
    columns, features = corpus.columns, Features.of(corpus)
    queries = np.arange(len(columns.query_session)) if queries is None else queries
    impressions = columns.query_impressions[queries][:, None] + np.arange(WIDTH)
    shown = torch.from_numpy((np.arange(WIDTH) < 4) | (queries[:, None] % 3 > 0))
    nothing = torch.zeros(len(queries), WIDTH, 1)
    return ClickBatch(
        queries=torch.from_numpy(queries),
        users=torch.zeros(len(queries), dtype=torch.int64),
        items=torch.from_numpy(columns.impression_item[impressions].astype(np.int64)),
        shown=shown,
        clicks=torch.from_numpy(columns.impression_clicked[impressions].astype(np.float32)) * shown,
        lookup=GivenInputs(
            sessions=SessionBatch.from_prefixes(corpus, queries, features),
            query_text=nothing[:, 0],
            item_text=nothing,
            item_images=nothing,
        ),
    )


def scores_of(made: Hscm, data: ClickBatch) -> Tensor:
    return made.match(made.context(data), made.items(data))


# ---- the equations, one query at a time ------------------------------------------------------------------------------


def softmax(x: NDArray) -> NDArray:
    e = np.exp(x - x.max(0))
    return e / e.sum(0)


class Plain:
    """The model's equations in float64, with loops over queries, words and interactions."""

    def __init__(self, made: Hscm, corpus: Corpus) -> None:
        self.weights = {name: value.numpy().astype(np.float64) for name, value in made.state_dict().items()}
        self.columns, self.vectors = corpus.columns, np.asarray(corpus.word_vectors, dtype=np.float64)
        self.images = Features.of(corpus).images_or_zero(torch.arange(len(corpus.image_vectors))).double().numpy()
        self.made = made

    def linear(self, name: str, x: NDArray) -> NDArray:
        return x @ self.weights[f"{name}.weight"].T + self.weights.get(f"{name}.bias", 0)

    def position(self, place: int) -> NDArray:
        """Sinusoid of a place counted from 1."""
        table = [place / 10000 ** (2 * (k // 2) / HIDDEN) for k in range(HIDDEN)]
        return np.array([np.cos(a) if k % 2 else np.sin(a) for k, a in enumerate(table)])

    def content(self, encoder: str, words: list[int]) -> NDArray:
        words = words[: OPTIONS["longest"]]
        if not words:
            return np.zeros(HIDDEN)
        x = self.linear("project", self.vectors[words])  # (L, d)
        q, k, v = (self.linear(f"{encoder}.{name}", x) for name in ("query", "key", "value"))
        attention = softmax((q @ k.T / np.sqrt(HIDDEN)).T).T
        summed = self.linear(f"{encoder}.output", attention @ v) + x
        centred = summed - summed.mean(1, keepdims=True)
        normed = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
        normed = normed * self.weights[f"{encoder}.norm.weight"] + self.weights[f"{encoder}.norm.bias"]
        h = normed + np.stack([self.position(i + 1) for i in range(len(words))])
        weight = softmax(self.linear(f"{encoder}.outer", np.tanh(self.linear(f"{encoder}.inner", h))))
        return (weight * h).sum(0)

    def words(self, table: str, row: int) -> list[int]:
        offsets = getattr(self.columns, f"{table}_word_offsets")
        return getattr(self.columns, f"{table}_words")[offsets[row] : offsets[row + 1]].tolist()

    def item(self, row: int) -> NDArray:
        title = self.content("title_content", self.words("item", row))
        if "images.project.weight" not in self.weights:
            return title
        return title + self.weights["images.project.weight"] @ self.images[self.columns.item_image[row]]

    def aggregated(self, name: str, found: list[tuple[NDArray, int, float, int]], current: NDArray | None) -> NDArray:
        """Of (query, item, click, place) each."""
        if not found:
            return np.zeros(HIDDEN)
        m, bias = self.weights[f"{name}.bilinear"], self.weights[f"{name}.bias"]
        rows = []
        for query, item, click, place in found:
            d = self.item(item)
            bilinear = np.array([query @ m[:, :, k] @ d for k in range(HIDDEN)]) + bias
            rows.append(click * np.maximum(np.tanh(bilinear), 0) + self.position(place))
        i = np.stack(rows)
        scores = self.linear(f"{name}.own", i)
        if current is not None:
            scores = scores + self.linear(f"{name}.current", current)
        return (softmax(np.tanh(scores)) * i).sum(0)

    def parts(self, query: int, ranking: bool) -> NDArray:
        c = self.columns
        first = max(int(c.session_queries[c.query_session[query]]), query - OPTIONS["steps"])
        contents = np.stack([self.content("query_content", self.words("query", q)) for q in range(first, query + 1)])
        queries = softmax((contents @ contents.T / HIDDEN).T).T @ contents
        placed = queries + np.stack(
            [self.position(OPTIONS["steps"] + 1 - back) for back in range(query - first, -1, -1)]
        )
        history = (softmax(self.linear("history.outer", np.tanh(self.linear("history.inner", placed)))) * placed).sum(0)

        found = []
        for q in range(first, query):
            shown = range(c.query_impressions[q], c.query_impressions[q + 1])
            clicked = [p for p in shown if c.impression_clicked[p]][: self.made.feedback.clicked]
            others = [p for p in shown if not c.impression_clicked[p]][: self.made.feedback.unclicked]
            for place, p in enumerate(clicked + others):
                sign = 1.0 if p in clicked else -1.0
                found.append((queries[q - first], int(c.impression_item[p]), sign, place + 1))
        past = self.made.past
        texts, items = past.cross(past.places(torch.tensor([query])))
        other = []
        for text, clicked_there in zip(texts[0].tolist(), items[0].tolist(), strict=True):
            if text >= 0:
                words = past.texts.words[past.texts.offsets[text] : past.texts.offsets[text + 1]].tolist()
                drawn = self.content("query_content", words)
                other += [(drawn, item, 1.0, place + 1) for place, item in enumerate(clicked_there) if item >= 0]
        name = "interactions" if ranking else "suggestion_interactions"
        current = queries[-1] if ranking else None
        feedback, cross = self.aggregated(name, found, current), self.aggregated(name, other, current)
        return np.concatenate([history, feedback, cross, queries[-1]])

    def scores(self, query: int, items: list[int]) -> NDArray:
        z = self.parts(query, ranking=True)
        fused = 1 / (1 + np.exp(-self.linear("ranking", z) - self.linear("shared", z)))
        return self.linear("candidate", np.stack([self.item(item) for item in items])) @ fused

    def suggestion_loss(self, query: int, following: list[int]) -> float:
        z = self.parts(query, ranking=False)
        fused = np.tanh(self.linear("next_words.own", z) + self.linear("shared", z))
        logits = np.tanh(self.linear("next_words.candidate", self.linear("project", self.vectors))) @ fused
        return -float(np.log(softmax(logits))[following].mean())


def test_scores_are_those_of_the_equations(corpus: Corpus) -> None:
    made, data = model(corpus), batch(corpus)
    with torch.no_grad():
        found = scores_of(made, data).numpy()
    plain = Plain(made, corpus)
    expected = np.stack([plain.scores(q, items) for q, items in enumerate(data.items.tolist())])
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=2e-5)
    assert expected.std(1).mean() > 0.01
    past = made.past
    for empty in (past.cross(past.places(data.queries))[0], past.session(past.places(data.queries))[1]):
        assert 0.1 < float((empty >= 0).float().mean()) < 0.9, "both with and without"


@pytest.mark.parametrize("options", [{"history": "earlier"}, {"items": "title+image"}], ids=str)
def test_scores_with_another_history_or_item_side(corpus: Corpus, options: dict[str, str]) -> None:
    """No feedback of this session, or image vectors projected and added to titles; by the same equations."""
    made, data = model(corpus, **options), batch(corpus)
    with torch.no_grad():
        found, default = scores_of(made, data).numpy(), scores_of(model(corpus), data).numpy()
        own = made.past.session(made.past.places(data.queries))[1]
    plain = Plain(made, corpus)
    expected = np.stack([plain.scores(q, items) for q, items in enumerate(data.items.tolist())])
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=2e-5)
    assert (np.abs(found - default).max(axis=1) > 1e-3).mean() > 0.3
    assert bool((own >= 0).any()) == ("history" not in options), "feedback on earlier queries of the session"


def test_losses_are_those_of_the_equations(corpus: Corpus) -> None:
    made, data = model(corpus, suggestion=0.3), batch(corpus)
    columns, plain = corpus.columns, Plain(made, corpus)
    with torch.no_grad():
        scores = scores_of(made, data)
        ranking, suggestion = made.loss(scores, data.clicks, data.shown), made.auxiliary_loss(data)
    odds, clicks, shown = (t.double().numpy() for t in (scores, data.clicks, data.shown))
    entropy = np.logaddexp(0, odds) - clicks * odds
    assert float(ranking) == pytest.approx(0.7 * (entropy * shown).sum() / len(odds), rel=1e-5)

    total, counted = 0.0, 0
    for query in range(len(odds)):
        session = columns.query_session[query]
        following = query + 1 if query + 1 < columns.session_queries[session + 1] else None
        training = columns.session_split[session] == SPLITS.index("train")
        words = plain.words("query", following)[: OPTIONS["longest"]] if following and training else []
        if words:
            total += plain.suggestion_loss(query, words)
            counted += 1
    assert counted > 10
    assert suggestion is not None
    assert float(suggestion) == pytest.approx(0.3 * total / len(odds), rel=1e-4)


# ---- what must not matter --------------------------------------------------------------------------------------------


def test_order_of_candidates_filling_and_batch_mates_do_not_matter(corpus: Corpus) -> None:
    made, data = model(corpus), batch(corpus)
    with torch.no_grad():
        scores = scores_of(made, data)
        loss = made.loss(scores, data.clicks, data.shown)
        order = torch.tensor([2, 0, 5, 1, 3, 4])
        by_item = ("items", "shown", "clicks")
        moved = altered(data, **{name: getattr(data, name)[:, order] for name in by_item})
        torch.testing.assert_close(scores_of(made, moved), scores[:, order])
        torch.testing.assert_close(made.loss(scores[:, order], moved.clicks, moved.shown), loss)

        junk = scores_of(made, altered(data, items=data.items * data.shown))
        torch.testing.assert_close(junk[data.shown], scores[data.shown])
        torch.testing.assert_close(made.loss(junk, data.clicks, data.shown), loss)

        for some in ([3], [7, 0, 7], list(range(20, 5, -1))):
            alone = scores_of(made, batch(corpus, np.array(some)))
            torch.testing.assert_close(alone, scores[some], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("split", SPLITS)
def test_nothing_after_a_query_nor_a_click_on_it_changes_its_scores(corpus: Corpus, split: str) -> None:
    """Of sessions from all splits; in training too, where the session's clicks are in the graph."""
    columns, made = corpus.columns, model(corpus)
    rng, tried = np.random.default_rng(0), 0
    for session in np.flatnonzero(columns.session_split == SPLITS.index(split))[:6]:
        first, last = columns.session_queries[[session, session + 1]]
        query = int((first + last) // 2)
        data = batch(corpus, np.array([query]))
        words, clicked = np.array(columns.query_words), np.array(columns.impression_clicked)
        later = slice(columns.query_word_offsets[query + 1], columns.query_word_offsets[last])
        words[later] = rng.integers(0, 15, len(words[later]))
        clicks = slice(columns.query_impressions[query], columns.query_impressions[last])
        clicked[clicks] = ~clicked[clicks]
        other = model(Altered(corpus, query_words=words, impression_clicked=clicked))
        with torch.no_grad():
            torch.testing.assert_close(scores_of(other, data), scores_of(made, data), atol=1e-6, rtol=1e-6)
        tried += 1
    assert tried == 6


def test_no_validation_or_test_session_changes_the_scores_or_losses_of_another(corpus: Corpus) -> None:
    columns, made = corpus.columns, model(corpus)
    theirs = columns.session_split[columns.query_session] != SPLITS.index("train")
    for hidden in ("valid", "test"):
        mine = columns.session_split[columns.query_session] == SPLITS.index(hidden)
        words, clicked = np.array(columns.query_words), np.array(columns.impression_clicked)
        changed = np.repeat(mine, np.diff(columns.query_word_offsets))
        words[changed] = np.random.default_rng(1).integers(0, 15, changed.sum())
        clicked ^= np.repeat(mine, np.diff(columns.query_impressions))
        other = model(Altered(corpus, query_words=words, impression_clicked=clicked))
        data = batch(corpus, np.flatnonzero(~mine))
        with torch.no_grad():
            torch.testing.assert_close(scores_of(other, data), scores_of(made, data), atol=1e-6, rtol=1e-6)
            auxiliary = [m.auxiliary_loss(data) for m in (made, other)]
        torch.testing.assert_close(*auxiliary, atol=1e-6, rtol=1e-6)
    assert theirs.any()


def test_images_and_users_do_not_matter(corpus: Corpus) -> None:
    """Vanilla HSCM reads the preceding queries but ignores what was searched by image."""
    made, data = model(corpus), batch(corpus)
    none = altered(data, users=data.users + 1, item_images=data.item_images + 1, sessions=data.sessions.text_only())
    with torch.no_grad():
        torch.testing.assert_close(scores_of(made, none), scores_of(made, data), atol=0, rtol=0)


# ---- learning --------------------------------------------------------------------------------------------------------


def test_gradients_reach_every_parameter(corpus: Corpus) -> None:
    made, data = model(corpus).train(), batch(corpus)
    loss = made.loss(scores_of(made, data), data.clicks, data.shown)
    auxiliary = made.auxiliary_loss(data)
    assert auxiliary is not None
    (loss + auxiliary).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 1e-6, name


def test_what_the_scores_kept_gives_the_same_second_loss(corpus: Corpus) -> None:
    made, data = model(corpus, dropout=0.0).train(), batch(corpus)
    made.context(data)
    kept, anew = made.auxiliary_loss(data), made.auxiliary_loss(data)
    torch.testing.assert_close(kept, anew)
    made.context(batch(corpus, np.array([1])))
    torch.testing.assert_close(made.auxiliary_loss(data), anew)


def test_a_batch_without_a_next_query_has_no_second_loss(corpus: Corpus) -> None:
    columns, made = corpus.columns, model(corpus).train()
    test = np.flatnonzero(columns.session_split[columns.query_session] == SPLITS.index("test"))
    loss = made.auxiliary_loss(batch(corpus, test))
    assert loss is not None
    assert float(loss.detach()) == 0
    loss.backward()
    assert model(corpus, suggestion=0.0).auxiliary_loss(batch(corpus)) is None


def trained(made: Hscm, data: ClickBatch, steps: int, rate: float) -> list[float]:
    """The second loss of each step."""
    optimizer = torch.optim.Adam(made.parameters(), lr=rate)
    seconds = []
    made.train()
    for _ in range(steps):
        loss = made.loss(scores_of(made, data), data.clicks, data.shown)
        second = made.auxiliary_loss(data)
        assert second is not None
        optimizer.zero_grad()
        (loss + second).backward()
        optimizer.step()
        seconds.append(float(second.detach()))
    made.eval()
    return seconds


def fresh(corpus: Corpus, **options: Any) -> Hscm:
    torch.manual_seed(0)
    features = Features.of(corpus)
    made = Hscm(ClickDims(features.dims, users=3), **{**OPTIONS, "hidden": 16, **options})
    made.prepare(ClickCorpus(corpus, features, np.zeros(0, dtype=np.int64)))
    return made


def test_it_learns_which_titles_are_clicked(corpus: Corpus) -> None:
    """Clicked are the items whose title has the first word of the vocabulary."""
    data = batch(corpus, np.arange(80))
    columns = corpus.columns
    has = np.zeros(len(columns.item_image), dtype=bool)
    has[np.repeat(np.arange(len(has)), np.diff(columns.item_word_offsets))[columns.item_words == 0]] = True
    wanted = torch.from_numpy(has)[data.items].float() * data.shown
    data = altered(data, clicks=wanted)
    made = fresh(corpus)
    before = float(made.loss(scores_of(made, data), data.clicks, data.shown).detach())
    trained(made, data, 50, 1e-2)
    with torch.no_grad():
        scores = scores_of(made, data)
        after = float(made.loss(scores, data.clicks, data.shown))
    assert after < 0.3 * before
    assert float(((scores > 0) == (wanted > 0))[data.shown].float().mean()) > 0.95


def test_it_learns_a_planted_next_word(corpus: Corpus) -> None:
    """Every word is followed by the next of the vocabulary."""
    columns = corpus.columns
    position = np.arange(len(columns.query_session)) - columns.session_queries[columns.query_session]
    session = columns.query_session
    words = ((session + position) % 15).astype(np.int32)
    planted = Altered(corpus, query_words=words, query_word_offsets=np.arange(len(words) + 1))
    queries = np.flatnonzero(columns.session_split[session] == SPLITS.index("train"))
    queries = queries[np.append(session[queries[1:]] == session[queries[:-1]], False)]  # those with a next query
    made, data = fresh(planted, suggestion=0.5), batch(planted, queries)
    losses = trained(made, data, 60, 2e-2)
    assert losses[0] > 0.5 * 0.8 * np.log(15)
    assert losses[-1] < 0.25 * losses[0]


def test_the_same_seed_gives_the_same_model(corpus: Corpus) -> None:
    data = batch(corpus)
    states = []
    for _ in range(2):
        made = fresh(corpus)
        trained(made, data, 3, 1e-3)
        states.append((made.state_dict(), scores_of(made, data).detach()))
    torch.testing.assert_close(states[0], states[1], atol=0, rtol=0)


def test_weights_survive_a_file(corpus: Corpus, tmp_path: Path) -> None:
    saved, loaded, data = model(corpus, seed=1), model(corpus, seed=2), batch(corpus)
    save_file({name: value.contiguous() for name, value in saved.state_dict().items()}, tmp_path / "weights")
    loaded.load_state_dict(load_file(tmp_path / "weights"))
    with torch.no_grad():
        torch.testing.assert_close(scores_of(loaded, data), scores_of(saved, data), atol=0, rtol=0)


@pytest.mark.parametrize(
    "without",
    [{"cross_queries": 0}, {"cross_items": 0}, {"clicked": 0, "unclicked": 0}, {"steps": 0}, {"hidden": 1}],
    ids=str,
)
def test_it_works_with_parts_switched_off(corpus: Corpus, without: dict[str, int]) -> None:
    made, data = model(corpus, **without), batch(corpus)
    with torch.no_grad():
        scores = scores_of(made, data)
        assert scores.isfinite().all()
        assert (scores.std(1) > 0).all()
        assert not torch.allclose(scores, scores_of(model(corpus), data))


# ---- misuse ----------------------------------------------------------------------------------------------------------


def test_errors_say_what_is_wrong(corpus: Corpus) -> None:
    dims = ClickDims(Features.of(corpus).dims, users=3)
    with pytest.raises(BenchError, match="prepare"):
        Hscm(dims).context(batch(corpus, np.array([0])))
    with pytest.raises(BenchError, match="suggestion"):
        Hscm(dims, suggestion=1.0)
    some = Altered(corpus, session_downstream=np.arange(40) > 0)
    with pytest.raises(BenchError, match="downstream"):
        model(some).context(batch(corpus, np.array([0])))


def test_what_prepare_gathers_is_kept_for_the_same_contents_and_settings_alone(corpus: Corpus) -> None:
    first = model(corpus).past
    assert model(Corpus(corpus.folder), seed=2).past is first, "the next cell opens the corpus anew"
    clicked = np.roll(corpus.columns.impression_clicked, 1)
    other = model(Altered(corpus, impression_clicked=clicked)).past
    assert other is not first
    assert not torch.equal(other._items, first._items)
    assert model(corpus, similar=1).past is not first
    features = Features.of(corpus)
    other = Features(features.word_vectors.flip(0), np.array(corpus.image_vectors))
    made = Hscm(ClickDims(features.dims, users=3), **OPTIONS)
    made.prepare(ClickCorpus(corpus, other, np.zeros(0, dtype=np.int64)))
    assert made.past is not first
    assert len(_KEPT) == _MOST_KEPT
