"""Slices against a plain restatement, query by query, and what a corpus must have for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.data.schema import PRODUCT, TRAIN
from bench.errors import BenchError
from bench.evaluation.slices import DEFINITIONS, slices_of
from bench.evaluation.units import Units, in_test_split


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("slices") / "small", sessions=80, image_share=0.5)


def scored_queries(corpus: Corpus) -> list[int]:
    return [q for q, s in enumerate(corpus.columns.query_session) if s in set(corpus.session_rows("test"))]


def units(corpus: Corpus, queries: list[int]) -> Units:
    """In an order that is not the corpus's, as ids sort."""
    names = corpus.strings("queries", "query_id").to_pylist()
    return Units.of(corpus, np.array(sorted(names[q] for q in queries), dtype=object), whole=False)


def restated(corpus: Corpus) -> dict[str, Callable[[int], bool]]:
    """Every slice as a question about one query row."""
    c = corpus.columns

    def position(query: int) -> int:
        return int(query - c.session_queries[c.query_session[query]])

    def clicked(query: int) -> list[int]:
        shown = range(c.query_impressions[query], c.query_impressions[query + 1])
        return [int(c.impression_item[i]) for i in shown if c.impression_clicked[i]]

    in_training = [q for q, s in enumerate(c.query_session) if c.session_split[s] == TRAIN]
    train = [item for q in in_training for item in clicked(q)]
    by_category = Counter(int(c.item_category[item]) for item in train)
    rare, total = set(), 0
    for category in sorted(range(len(corpus.categories)), key=lambda code: (by_category[code], code)):
        total += by_category[category]
        if total <= 0.4 * len(train):
            rare.add(category)
    users = Counter(int(u) for u, split in zip(c.session_user, c.session_split, strict=True) if split == TRAIN)

    def user(query: int) -> int:
        return int(c.session_user[c.query_session[query]])

    return {
        "all": lambda q: True,
        "first-query": lambda q: position(q) == 0,
        "later-queries": lambda q: position(q) > 0,
        "keyword-turns": lambda q: c.query_kind[q] != PRODUCT,
        "product-turns": lambda q: c.query_kind[q] == PRODUCT,
        "image-turns": lambda q: c.query_image[q] >= 0,
        "long-sessions[steps=3]": lambda q: position(q) >= 2,
        "new-users": lambda q: users[user(q)] == 0,
        "returning-users": lambda q: users[user(q)] > 0,
        "rare-categories[share=0.4]": lambda q: any(c.item_category[item] in rare for item in clicked(q)),
        "unseen-items": lambda q: any(item not in train for item in clicked(q)),
    }


def test_every_slice_holds_what_its_sentence_says(corpus: Corpus) -> None:
    asked, expected = units(corpus, scored_queries(corpus)), restated(corpus)
    assert {name.partition("[")[0] for name in expected} == set(DEFINITIONS)
    for one in slices_of(list(expected)):
        held = one.definition.holds(asked)
        assert held.tolist() == [expected[one.name](int(query)) for query in asked.queries], one.name
        assert one.name == "all" or 0 < held.sum() < len(asked), f"{one.name} is tested on nothing"


def test_a_session_is_in_a_slice_by_its_last_query_and_by_all_its_clicks(corpus: Corpus) -> None:
    c, expected = corpus.columns, restated(corpus)
    sessions = [int(s) for s in corpus.session_rows("test")]
    names = corpus.strings("sessions", "session_id").to_pylist()
    asked = Units.of(corpus, np.array([names[s] for s in sessions], dtype=object), whole=True)
    for one in slices_of(["product-turns", "long-sessions[steps=3]", "unseen-items", "rare-categories[share=0.4]"]):
        holds = expected[one.name]
        of_clicks = one.name.startswith(("unseen", "rare"))
        for session, held in zip(sessions, one.definition.holds(asked), strict=True):
            queries = range(c.session_queries[session], c.session_queries[session + 1])
            assert held == (any(map(holds, queries)) if of_clicks else holds(queries[-1])), (one.name, session)


def test_what_a_corpus_lacks_is_one_line(tmp_path: Path) -> None:
    without = random_corpus(tmp_path / "without", user_sessions=0)
    (_, new) = slices_of(["new-users"])
    with pytest.raises(BenchError, match="the corpus has no users"):
        new.definition.holds(units(without, scored_queries(without)))
    with pytest.raises(BenchError, match="1 of 1 units are no queries"):
        Units.of(without, np.array(["nobody"], dtype=object), whole=False)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("first-queries", "did you mean first-query"),
        ("long-sessions[steps=1]", "long-sessions steps must be from 2 to 1,000,000, not 1 (the default is 5)"),
        ("long-sessions[step=4]", "long-sessions has no choice 'step' (did you mean steps?)"),
        ("long-sessions[steps=many]", "is not a whole number"),
        ("long-sessions[steps=4", "lacks a closing bracket"),
        ("image-turns[steps=4]", "it has no choices"),
        ("rare-categories[share=1]", "must be below 1"),
    ],
)
def test_a_wrong_slice_is_one_line(typed: str, said: str) -> None:
    with pytest.raises(BenchError) as raised:
        slices_of([typed])
    assert said in str(raised.value)


def test_the_test_split_is_counted(corpus: Corpus) -> None:
    assert in_test_split(corpus, whole=False) == len(scored_queries(corpus))
    assert in_test_split(corpus, whole=True) == len(corpus.session_rows("test"))
