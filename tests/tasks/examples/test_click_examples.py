"""Examples of click prediction against loops: which queries, which users, which candidates, which vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from small_corpora import random_corpus
from whole_corpora import read, write

from bench.data import candidates
from bench.data.candidates import Candidates, all_candidates
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.data.schema import SPLITS
from tasks.examples import click
from tasks.examples.click import (
    ClickExamples,
    TrainingCandidates,
    example_queries,
    sampled_candidates,
    user_codes,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Queries with none, some or all of 0 … 6 shown items clicked; some sessions without user or not downstream."""
    folder = tmp_path_factory.mktemp("examples")
    content = read(random_corpus(folder / "random", sessions=60, image_share=0.5))
    rng = np.random.default_rng(0)
    shown = content.tables["impressions"]
    longest = rng.integers(1, 7, content.tables["queries"].num_rows)[shown["query"].to_numpy()]
    shown = shown.filter(np.asarray(shown["rank"]) <= longest)
    shown = shown.filter(shown["query"].to_numpy() % 11 != 5)  # a query that shows nothing
    content.tables["impressions"] = shown
    share = rng.choice([0.0, 0.4, 1.0], content.tables["queries"].num_rows, p=[0.2, 0.6, 0.2])
    clicked = rng.random(len(shown)) < share[shown["query"].to_numpy()]
    content.replace("impressions", "clicked", clicked.tolist())
    content.replace("impressions", "click_time", [None] * len(shown))
    downstream = rng.random(60) < 0.6
    content.replace("sessions", "downstream", downstream.tolist())
    users = [None if s % 7 == 0 else f"u{rng.integers(15)}" for s in range(60)]
    content.replace("sessions", "user", users)
    items = content.tables["items"]["image"].to_pylist()
    content.replace("items", "image", [None if i % 4 == 0 else image for i, image in enumerate(items)])
    return write(folder / "corpus", content)


def rows(corpus: Corpus, table: str) -> list[dict]:
    return pq.read_table(corpus.folder / f"{table}.parquet").to_pylist()


@pytest.mark.parametrize("split", [None, *SPLITS])
def test_examples_are_the_queries_with_a_clicked_and_an_unclicked_item(corpus: Corpus, split: str | None) -> None:
    sessions, shown = rows(corpus, "sessions"), rows(corpus, "impressions")
    expected = []
    for query, row in enumerate(rows(corpus, "queries")):
        session = sessions[row["session"]]
        clicks = {impression["clicked"] for impression in shown if impression["query"] == query}
        if session["downstream"] and session["split"] == (split or session["split"]) and clicks == {True, False}:
            expected.append(query)
    assert expected
    assert example_queries(corpus, split).tolist() == expected


def test_splits_share_no_session(corpus: Corpus) -> None:
    parts = [set(corpus.columns.query_session[example_queries(corpus, split)].tolist()) for split in SPLITS]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert sum(len(example_queries(corpus, split)) for split in SPLITS) == len(example_queries(corpus))


@pytest.mark.parametrize("least", [1, 2, 3, 50])
def test_users_that_training_has_not_seen_often_share_code_0(corpus: Corpus, least: int) -> None:
    sessions = rows(corpus, "sessions")
    seen: dict[str, int] = {}
    for session in sessions:
        if session["user"] is not None and session["downstream"] and session["split"] == "train":
            seen[session["user"]] = seen.get(session["user"], 0) + 1
    codes = user_codes(corpus, least).tolist()
    by_user: dict[str, set[int]] = {}
    for session, code in zip(sessions, codes, strict=True):
        by_user.setdefault(session["user"], set()).add(code)
    known = {user: next(iter(found)) for user, found in by_user.items() if seen.get(user, 0) >= least}
    assert all(len(found) == 1 for found in by_user.values())
    assert all(found == {0} for user, found in by_user.items() if user not in known)
    assert sorted(known.values()) == list(range(1, len(known) + 1))
    assert ClickExamples(corpus, Features.of(corpus), least).num_users == len(known) + 1


def test_all_candidates_are_the_shown_items_in_their_order(corpus: Corpus) -> None:
    shown, queries = rows(corpus, "impressions"), example_queries(corpus)[::-1].copy()
    candidates = all_candidates(corpus, queries)
    for place, query in enumerate(queries):
        listed = [row for row in shown if row["query"] == query]
        count = len(listed)
        assert candidates.items[place, :count].tolist() == [row["item"] for row in listed]
        assert candidates.clicked[place, :count].tolist() == [row["clicked"] for row in listed]
        assert candidates.shown[place].tolist() == [at < count for at in range(candidates.shown.shape[1])]
        assert not candidates.items[place, count:].any()
        assert not candidates.clicked[place, count:].any()
    assert all_candidates(corpus, queries[:0]).items.shape == (0, 0)


@pytest.mark.parametrize("negatives", [1, 3, 10])
def test_sampled_candidates_are_one_clicked_and_some_unclicked(corpus: Corpus, negatives: int) -> None:
    whole = all_candidates(corpus, example_queries(corpus))
    rng = np.random.default_rng(0)
    drawn: list[set] = [set() for _ in whole.items]
    for _ in range(30):
        some = sampled_candidates(whole, negatives, rng)
        assert some.clicked.sum(1).tolist() == [1] * len(some.items)
        assert some.clicked[:, 0].all()
        for row in range(len(some.items)):
            clicked = set(whole.items[row][whole.clicked[row]].tolist())
            unclicked = set(whole.items[row][whole.shown[row] & ~whole.clicked[row]].tolist())
            taken = some.items[row, 1:][some.shown[row, 1:]].tolist()
            assert some.items[row, 0] in clicked
            assert not some.items[row][~some.shown[row]].any(), "0 where filled up"
            assert set(taken) <= unclicked
            assert len(taken) == len(set(taken)) == min(negatives, len(unclicked))
            drawn[row] |= {some.items[row, 0], *taken}
    everything = [set(items[shown].tolist()) for items, shown in zip(whole.items, whole.shown, strict=True)]
    assert sum(map(len, drawn)) > 0.97 * sum(map(len, everything)), "every item gets its turn"


def test_negatives_of_training_are_drawn_evenly() -> None:
    whole = Candidates(
        np.tile(np.arange(6), (6000, 1)), np.tile(np.arange(6) < 2, (6000, 1)), np.tile(np.arange(6) < 5, (6000, 1))
    )
    some = sampled_candidates(whole, 1, np.random.default_rng(0))
    counts = np.bincount(some.items.ravel(), minlength=6)
    np.testing.assert_allclose(counts, [3000, 3000, 2000, 2000, 2000, 0], atol=200)


@pytest.mark.parametrize("negatives", [0, 1, 3])
@pytest.mark.parametrize("kept", [0, 10**6])
def test_candidates_are_dealt_as_all_at_once(
    negatives: int, kept: int, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What many queries showed is looked up some at a time; that may change no item, nor what is drawn afterwards."""
    monkeypatch.setattr(candidates, "_KEPT_CELLS", kept)
    monkeypatch.setattr(click, "_DEALT_AT_ONCE", 7)
    queries = example_queries(corpus)
    training, whole = TrainingCandidates(corpus, queries, negatives), all_candidates(corpus, queries)
    mine, theirs = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(2):
        dealt = training.deal(mine)
        expected = sampled_candidates(whole, negatives, theirs) if negatives else whole
        for rows in np.array_split(np.random.default_rng(0).permutation(len(queries)), 5):
            for name in ("items", "clicked", "shown"):
                np.testing.assert_array_equal(getattr(dealt(rows), name), getattr(expected, name)[rows])
        assert mine.random() == theirs.random()


def test_texts_of_many_are_looked_up_batch_by_batch(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = torch.from_numpy(example_queries(corpus)[[5, 0, 9, 3]])
    items = torch.from_numpy(all_candidates(corpus, queries.numpy()).items).long()
    few = ClickExamples(corpus, Features.of(corpus), 1)
    expected = few.query_text(queries), few.item_text(items)
    monkeypatch.setattr(click, "_KEPT_TEXTS", 3)
    many = ClickExamples(corpus, Features.of(corpus), 1)
    assert torch.equal(many.query_text(queries), expected[0])
    assert torch.equal(many.item_text(items), expected[1])


def test_a_batch_carries_the_vectors_of_its_queries_and_items(corpus: Corpus) -> None:
    features = Features.of(corpus)
    queries = example_queries(corpus)[[5, 0, 9]]
    candidates = all_candidates(corpus, queries)
    batch = ClickExamples(corpus, features, 1).batch(queries, candidates)
    query_rows, items, word = rows(corpus, "queries"), rows(corpus, "items"), np.array(corpus.word_vectors)

    def mean(words: list[int]) -> np.ndarray:
        return word[words].mean(0) if words else np.zeros(word.shape[1])

    codes = user_codes(corpus, 1)
    for place, query in enumerate(queries):
        np.testing.assert_allclose(batch.query_text[place], mean(query_rows[query]["words"]), atol=1e-6)
        assert int(batch.users[place]) == codes[query_rows[query]["session"]]
        for at, item in enumerate(candidates.items[place]):
            image = items[item]["image"]
            expected = np.zeros(12) if image is None else corpus.image_vectors[image] / 127
            np.testing.assert_allclose(batch.item_images[place, at], expected, atol=1e-6)
            np.testing.assert_allclose(batch.item_text[place, at], mean(items[item]["words"]), atol=1e-6)
    assert batch.sessions.num_steps.tolist() == [query_rows[query]["position"] + 1 for query in queries]
    assert batch.clicks.dtype == torch.float32
    assert torch.equal(batch.clicks > 0, torch.from_numpy(candidates.clicked))
    assert torch.equal(batch.shown, torch.from_numpy(candidates.shown))
    assert torch.equal(batch.items, torch.from_numpy(candidates.items))


def test_what_nobody_reads_is_not_looked_up(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = example_queries(corpus, "test")
    examples = ClickExamples(corpus, Features.of(corpus), 1)
    batch = examples.batch(queries, all_candidates(corpus, queries))
    with monkeypatch.context() as patched:
        for name in ("sessions", "query_text", "item_text", "item_images"):
            patched.delattr(ClickExamples, name)
        again = examples.batch(queries, all_candidates(corpus, queries))
        assert torch.equal(again.items, batch.items)
        with pytest.raises(AttributeError):
            again.item_images  # noqa: B018
    assert again.item_images is again.item_images, "and what was read is not looked up again"


def test_a_log_without_users_has_one_code(tmp_path: Path) -> None:
    content = read(random_corpus(tmp_path / "random", sessions=10))
    content.replace("sessions", "user", [None] * 10)
    corpus = write(tmp_path / "corpus", content)
    assert user_codes(corpus, 1).tolist() == [0] * 10
    assert ClickExamples(corpus, Features.of(corpus), 1).num_users == 1
