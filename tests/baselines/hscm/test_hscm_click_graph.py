"""HSCM's click graph: vectorised sampling equals a plain walk; a session never finds its own clicks again, and nothing
of a validation or test session reaches another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_corpora import Altered

import baselines.hscm.click_graph
from baselines.hscm.click_graph import ClickGraph, CrossSession, Sampling
from baselines.hscm.history import Feedback, History
from baselines.hscm.nearest import BLOCK
from baselines.hscm.query_texts import QueryTexts, mix
from bench.contracts import ClickCorpus
from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.data.features import Features
from bench.data.schema import SPLITS
from bench.testing.corpora import random_corpus

ITEMS, SESSIONS = 30, 25
SAMPLING = Sampling(similar=2, pool=4, threshold=0.5, queries=2, items=3)


def small_log(seed: int = 0, clicks: int = 120) -> tuple[QueryTexts, NDArray, NDArray]:
    """Texts of up to three of six words, so that they repeat and tie; word vectors; clicks (text, item, session)."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 4, 80)
    words = rng.integers(0, 6, lengths.sum())
    texts, text = QueryTexts.of(offsets_of(lengths), words, np.arange(80), 32)
    chosen = rng.integers(0, 80, clicks)
    items = np.minimum(rng.geometric(0.15, clicks) - 1, ITEMS - 1)
    return (
        texts,
        rng.normal(size=(6, 4)).astype(np.float32),
        np.stack([text[chosen], items, rng.integers(0, SESSIONS, clicks)], axis=1),
    )


class PlainGraph:
    """The same answers from sets and dictionaries, one query at a time."""

    def __init__(self, texts: QueryTexts, vectors: NDArray, clicks: NDArray, without: int) -> None:
        self.texts, self.without = texts, without
        self.words = [tuple(texts.words[a:b]) for a, b in zip(texts.offsets[:-1], texts.offsets[1:], strict=True)]
        self.vectors = vectors.astype(np.float64)
        self.edges = {(t, i, s) for t, i, s in clicks.tolist() if s != without and self.words[t]}
        self.nodes = {t for t, _, _ in self.edges}

    def cosine(self, left: int, right: int) -> float:
        """Of directions in whole 2048ths, which make ties exact: texts with the same words in another order tie."""
        a, b = (np.sum([self.vectors[w] for w in self.words[t]], axis=0) for t in (left, right))
        return float(np.rint(2048 * a / np.linalg.norm(a)) @ np.rint(2048 * b / np.linalg.norm(b))) / 2048**2

    def reached(self, text: int, similar: int) -> set[int]:
        if not self.words[text]:
            return set()
        likeness = {n: self.cosine(text, n) for n in self.nodes if n != text}
        nearest = sorted((n for n in likeness if likeness[n] > 0), key=lambda n: (-likeness[n], n))
        frontier = set(nearest[:similar]) | ({text} & self.nodes)
        items = {i for t, i, _ in self.edges if t in frontier}
        return frontier | {t for t, i, _ in self.edges if i in items}

    def items(self, text: int) -> list[int]:
        counts = Counter(i for t, i, _ in self.edges if t == text)
        return sorted(counts, key=lambda i: (-counts[i], i))


def drawn(graph: ClickGraph, sampling: Sampling, session: NDArray, text: NDArray | None = None) -> CrossSession:
    return graph.sample(np.arange(len(graph.texts)) if text is None else text, session, sampling)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("similar", [0, 1, 3])
def test_the_walk_equals_a_plain_one(seed: int, similar: int) -> None:
    """With a pool and a draw as large as the graph, everything that was reached is there, with all its items."""
    texts, vectors, clicks = small_log(seed)
    graph = ClickGraph(texts, vectors, clicks, ITEMS)
    everything = Sampling(similar, len(texts), -1.0, len(texts), ITEMS)
    for session in (-1, 0, 7):
        found = drawn(graph, everything, np.full(len(texts), session))
        plain = PlainGraph(texts, vectors, clicks, session)
        pairs = 0
        for text in range(len(texts)):
            reached = {n for n in plain.reached(text, similar) if plain.cosine(text, n) > 0}
            assert set(found.texts[text].tolist()) - {-1} == reached
            for slot, node in enumerate(found.texts[text]):
                expected = plain.items(int(node)) if node >= 0 else []
                assert [i for i in found.items[text, slot] if i >= 0] == expected
            pairs += len(reached)
        assert pairs > 40


@pytest.mark.parametrize("seed", range(4))
def test_the_draw_takes_the_largest_noisy_weights_of_the_pool(seed: int) -> None:
    texts, vectors, clicks = small_log(seed)
    graph = ClickGraph(texts, vectors, clicks, ITEMS)
    found = drawn(graph, SAMPLING, np.full(len(texts), -1))
    plain = PlainGraph(texts, vectors, clicks, -1)
    some = 0
    for text in range(len(texts)):
        cosine = {n: plain.cosine(text, n) for n in plain.reached(text, SAMPLING.similar)}
        near = [n for n in cosine if cosine[n] >= SAMPLING.threshold]
        pool = sorted(near, key=lambda n: (-cosine[n], n))[: SAMPLING.pool]
        keys = mix(texts.keys[[text]] ^ mix(texts.keys[pool])) >> np.uint64(11)
        noise = -np.log(-np.log((keys.astype(float) + 0.5) / 2**53))
        best = np.argsort(-(np.log([cosine[n] for n in pool]) + noise))[: SAMPLING.queries]
        assert [n for n in found.texts[text] if n >= 0] == [pool[place] for place in best]
        some += len(pool) > SAMPLING.queries
    assert some > 10, "else nothing was drawn"


def test_the_draw_follows_the_similarities() -> None:
    """Over many query keys, a node is drawn as often as its weight says."""
    rng = np.random.default_rng(0)
    query = rng.integers(0, 2**63, 20_000).astype(np.uint64)
    nodes = rng.integers(0, 2**63, 2).astype(np.uint64)
    noise = np.stack([baselines.hscm.click_graph._gumbel(query, np.full_like(query, node)) for node in nodes], axis=1)
    first = np.mean((np.log([0.9, 0.3]) + noise).argmax(1) == 0)
    assert abs(first - 0.75) < 0.02


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, vectors, clicks = small_log()
    graph = ClickGraph(texts, vectors, clicks, ITEMS)
    session = np.arange(len(texts)) % SESSIONS
    whole = drawn(graph, SAMPLING, session)
    monkeypatch.setattr(baselines.hscm.click_graph, "_CELLS", 3 * BLOCK * (len(graph.nodes) // BLOCK + 1))
    monkeypatch.setattr(baselines.hscm.click_graph, "_QUERIES", 2)
    parts = drawn(graph, SAMPLING, session)
    np.testing.assert_array_equal(parts.texts, whole.texts)
    np.testing.assert_array_equal(parts.items, whole.items)


def test_leaving_a_session_out_is_as_if_it_had_never_been() -> None:
    texts, vectors, clicks = small_log()
    graph = ClickGraph(texts, vectors, clicks, ITEMS)
    changed = 0
    for session in range(SESSIONS):
        rest = ClickGraph(texts, vectors, clicks[clicks[:, 2] != session], ITEMS)
        out = drawn(graph, SAMPLING, np.full(len(texts), session))
        never = drawn(rest, SAMPLING, np.full(len(texts), -1))
        np.testing.assert_array_equal(out.texts, never.texts)
        np.testing.assert_array_equal(out.items, never.items)
        changed += not np.array_equal(out.items, drawn(graph, SAMPLING, np.full(len(texts), -1)).items)
    assert changed > SESSIONS // 2


def test_a_graph_without_clicks_has_nothing_to_say() -> None:
    texts, vectors, clicks = small_log()
    found = drawn(ClickGraph(texts, vectors, clicks[:0], ITEMS), SAMPLING, np.zeros(len(texts), dtype=np.int64))
    assert (found.texts == -1).all()
    assert (found.items == -1).all()


def test_texts_are_word_sequences_cut_at_the_longest() -> None:
    words, lengths = np.array([1, 2, 2, 1, 1, 2, 3, 1, 2]), np.array([2, 2, 0, 3, 0, 2])
    texts, text = QueryTexts.of(offsets_of(lengths), words, np.arange(6), 2)
    assert text[0] == text[3] == text[5]  # the third word is cut off
    assert text[0] != text[1]
    assert text[2] == text[4]
    assert texts.words[texts.offsets[text[1]] : texts.offsets[text[1] + 1]].tolist() == [2, 1]
    assert texts.lengths[text[2]] == 0
    some, again = QueryTexts.of(offsets_of(lengths), words, np.array([3, 1]), 2)
    np.testing.assert_array_equal(some.keys[again], texts.keys[text[[3, 1]]])


# ---- a corpus with other contents ------------------------------------------------------------------------------------


def with_queries_redrawn(corpus: Corpus, queries: NDArray, seed: int = 9) -> Altered:
    """Other words of as many, other clicks and other shown items of these queries (rows)."""
    rng, columns = np.random.default_rng(seed), corpus.columns
    words, items = np.array(columns.query_words), np.array(columns.impression_item)
    clicked = np.array(columns.impression_clicked)
    length = np.diff(columns.query_word_offsets)
    mine = np.isin(np.repeat(np.arange(len(length)), length), queries)
    words[mine] = rng.integers(0, len(corpus.word_vectors), mine.sum())
    shown = np.isin(np.repeat(np.arange(len(length)), np.diff(columns.query_impressions)), queries)
    items[shown] = rng.integers(0, len(columns.item_image), shown.sum())
    clicked[shown] = rng.random(shown.sum()) < 0.5
    return Altered(corpus, query_words=words, impression_item=items, impression_clicked=clicked)


def history_of(corpus: Corpus) -> History:
    sampling = Sampling(similar=3, pool=5, threshold=0.0, queries=3, items=10)
    training = np.zeros(0, dtype=np.int64)  # HSCM takes its queries from the downstream sample, not from here
    return History(ClickCorpus(corpus, Features.of(corpus), training), 6, 32, Feedback(), sampling)


def answers(history: History) -> tuple[NDArray, NDArray]:
    """What each query gets of other sessions, by what the texts are and not by their numbers."""
    texts, items = history._cross_texts.numpy(), history._cross_items.numpy()
    return np.where(texts >= 0, history.graph.texts.keys[texts], 0), items


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Forty sessions over twelve words: texts repeat."""
    return random_corpus(tmp_path_factory.mktemp("graph") / "corpus", sessions=40, vocabulary=12)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_the_graph_holds_nothing_of_validation_and_test_sessions(corpus: Corpus, split: str) -> None:
    columns = corpus.columns
    theirs = np.flatnonzero(columns.session_split[columns.query_session] == SPLITS.index(split))
    changed = with_queries_redrawn(corpus, theirs)
    before, after = history_of(corpus), history_of(changed)
    for graph in (before.graph, after.graph):
        assert len(graph.nodes) > 20
    was, now = (history.graph.texts.keys[history.graph.nodes] for history in (before, after))
    np.testing.assert_array_equal(was, now)
    for name in ("node_offsets", "node_clicks", "item_offsets", "item_clicks"):
        np.testing.assert_array_equal(getattr(before.graph, name), getattr(after.graph, name))
    others = np.setdiff1d(np.arange(len(columns.query_session)), theirs)
    for was, now in zip(answers(before), answers(after), strict=True):
        np.testing.assert_array_equal(was[others], now[others])
    clicked_there = np.isin(before.graph.node_clicks[:, 1], np.unique(columns.query_session[theirs]))
    assert not clicked_there.any()


@pytest.mark.parametrize("position", [0, 1])
def test_a_training_query_finds_neither_its_own_clicks_nor_its_sessions_later_queries(
    corpus: Corpus, position: int
) -> None:
    """Each session's clicks of and after a query, and its words after it, are drawn anew: that query gets the same."""
    columns = corpus.columns
    start = columns.session_queries
    before = answers(history_of(corpus))
    tried = 0
    for session in np.flatnonzero(columns.session_split == SPLITS.index("train"))[:15]:
        query = int(start[session] + position)
        if query >= start[session + 1]:
            continue
        changed = with_queries_redrawn(corpus, np.arange(query, start[session + 1]), seed=int(session))
        words = np.array(changed.columns.query_words)
        mine = slice(*columns.query_word_offsets[[query, query + 1]])
        words[mine] = columns.query_words[mine]
        after = answers(history_of(Altered(corpus, **{**vars(changed.columns), "query_words": words})))
        for was, now in zip(before, after, strict=True):
            np.testing.assert_array_equal(was[query], now[query])
        tried += 1
    assert tried > 5


def test_training_sessions_do_reach_others(corpus: Corpus) -> None:
    columns = corpus.columns
    training = columns.session_split[columns.query_session] == SPLITS.index("train")
    changed = answers(history_of(with_queries_redrawn(corpus, np.flatnonzero(training))))[1]
    same = (changed == answers(history_of(corpus))[1]).all((1, 2))
    assert same[~training].mean() < 0.5


def with_columns(corpus: Corpus, change: Callable[[Columns], dict[str, Any]]) -> Altered:
    return Altered(corpus, **change(corpus.columns))


def test_sessions_outside_the_sample_have_no_part(corpus: Corpus) -> None:
    outside = np.arange(40) % 3 == 0
    some = with_columns(corpus, lambda columns: {"session_downstream": ~outside})
    history = history_of(some)
    assert not np.isin(history.graph.node_clicks[:, 1], np.flatnonzero(outside)).any()


def test_places_of_the_past(corpus: Corpus) -> None:
    """Earlier steps, feedback on them, and the next query, against the columns read one by one."""
    history, columns = history_of(corpus), corpus.columns
    queries = np.arange(len(columns.query_session))
    texts, items, signs = history.session(history.places(torch.from_numpy(queries)))
    following = history.next_texts(history.places(torch.from_numpy(queries)))

    def words_of_text(text: int) -> list[int]:
        return history.texts.words[history.texts.offsets[text] : history.texts.offsets[text + 1]].tolist()

    def words_of_query(query: int) -> list[int]:
        return columns.query_words[columns.query_word_offsets[query] : columns.query_word_offsets[query + 1]].tolist()

    for query in queries.tolist():
        session = columns.query_session[query]
        for back in range(7):
            earlier = query - back
            text = int(texts[query, 6 - back])
            if earlier < columns.session_queries[session]:
                assert text == -1
                continue
            assert words_of_text(text) == words_of_query(earlier)
            if back:
                shown = slice(*columns.query_impressions[[earlier, earlier + 1]])
                clicked = columns.impression_item[shown][columns.impression_clicked[shown]]
                found = items[query, 6 - back]
                assert found[found >= 0].tolist() == clicked.tolist()
                assert signs[query, 6 - back][found >= 0].tolist() == [1.0] * len(clicked)
        last = query + 1 == columns.session_queries[session + 1]
        if last or columns.session_split[session] != SPLITS.index("train"):
            assert following[query] == -1
        else:
            assert words_of_text(int(following[query])) == words_of_query(query + 1)


def test_queries_of_one_text_are_walked_each_for_its_own_session() -> None:
    """Repeated texts, which share one search, in any order: each query gets what it gets when asked alone."""
    texts, vectors, clicks = small_log()
    graph = ClickGraph(texts, vectors, clicks, ITEMS)
    rng = np.random.default_rng(3)
    text, session = rng.integers(0, len(texts), 300), rng.integers(-1, SESSIONS, 300)
    whole = drawn(graph, SAMPLING, session, text)
    for row in range(300):
        alone = drawn(graph, SAMPLING, session[[row]], text[[row]])
        np.testing.assert_array_equal(whole.texts[row], alone.texts[0])
        np.testing.assert_array_equal(whole.items[row], alone.items[0])
    differ = sum(len(np.unique(whole.items[text == one], axis=0)) > 1 for one in np.unique(text))
    assert differ > 5, "else the session made no difference"
