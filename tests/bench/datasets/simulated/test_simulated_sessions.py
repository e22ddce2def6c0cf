"""Simulated sessions are sessions: ordered in time, led on by clicks, and never running into each other."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bench.data.checks.corpus_checks import check_corpus
from bench.data.corpus import Corpus
from bench.data.csr import take_rows
from bench.data.published import IDLE_MINUTES
from bench.datasets.simulated import DEFAULTS, make

SESSIONS, DOWNSTREAM = 5_000, 1_000  # more than one chunk


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("simulated") / "clothes"
    make(folder, name="clothes", sessions=SESSIONS, downstream=DOWNSTREAM)
    return Corpus(folder)


def _query_of_impression(corpus: Corpus) -> np.ndarray:
    columns = corpus.columns
    return np.repeat(np.arange(len(columns.query_session)), np.diff(columns.query_impressions))


def test_the_corpus_passes_the_checks_and_says_what_it_is(corpus: Corpus) -> None:
    check_corpus(corpus.folder)
    assert corpus.info.label == "clothes (simulated)"
    assert "nothing of real shoppers" in corpus.info.caveats[0]
    assert corpus.info.source["options"] == DEFAULTS | {"sessions": SESSIONS, "downstream": DOWNSTREAM}
    assert corpus.info.licence == "Apache-2.0"
    assert corpus.domains == ["clothes"]
    assert corpus.categories[0] == "clothes_leaf00"
    assert corpus.strings("sessions", "session_id")[1].as_py() == "clothes-s000000001"


def test_splits_and_sample_have_the_sizes_asked_for(corpus: Corpus) -> None:
    assert np.bincount(corpus.columns.session_split).tolist() == [3500, 500, 1000]
    assert corpus.columns.session_downstream.sum() == DOWNSTREAM
    sampled = corpus.columns.session_split[corpus.columns.session_downstream]
    assert np.bincount(sampled) / DOWNSTREAM == pytest.approx([0.7, 0.1, 0.2], abs=0.06)  # at random


def test_sessions_begin_with_a_keyword_query_and_have_a_product_query(corpus: Corpus) -> None:
    columns = corpus.columns
    assert (columns.query_kind[columns.session_queries[:-1]] == 0).all()
    assert np.add.reduceat(columns.query_kind.astype(int), columns.session_queries[:-1]).min() == 1
    assert ((columns.query_image >= 0) == (columns.query_kind == 1)).all()


def test_gaps_are_positive_and_under_the_idle_threshold(corpus: Corpus) -> None:
    columns = corpus.columns
    gaps = np.diff(columns.query_time)[np.diff(columns.query_session) == 0]
    assert gaps.min() > 0
    assert gaps.max() < IDLE_MINUTES * 60_000
    assert (columns.session_start == columns.query_time[columns.session_queries[:-1]]).all()


def test_a_users_sessions_would_not_merge(corpus: Corpus) -> None:
    columns = corpus.columns
    end = columns.query_time[columns.session_queries[1:] - 1]
    order = np.lexsort((columns.session_start, columns.session_user))
    same = np.diff(columns.session_user[order]) == 0
    silence = columns.session_start[order][1:] - end[order][:-1]
    assert same.sum() == SESSIONS - corpus.num_users
    assert silence[same].min() > IDLE_MINUTES * 60_000
    assert columns.session_start.max() - columns.session_start.min() < 7 * 86_400_000


def test_a_product_query_is_an_item_clicked_at_the_step_before(corpus: Corpus) -> None:
    columns = corpus.columns
    product = np.flatnonzero(columns.query_kind == 1)
    item = columns.query_image[product]  # of a simulated item, image and item have the same row
    assert (columns.item_image[item] == item).all()
    query, clicked = _query_of_impression(corpus), columns.impression_clicked
    clicks = query[clicked] * len(columns.item_image) + columns.impression_item[clicked]
    assert np.isin((product - 1) * len(columns.item_image) + item, clicks).all()
    assert (np.diff(columns.query_word_offsets)[product] == np.diff(columns.item_word_offsets)[item]).all()
    asked, _ = take_rows(columns.query_word_offsets, columns.query_words, product)
    title, _ = take_rows(columns.item_word_offsets, columns.item_words, item)
    assert (asked == title).all()


def test_words_of_a_text_are_distinct(corpus: Corpus) -> None:
    columns = corpus.columns
    for offsets, words in (
        (columns.query_word_offsets, columns.query_words),
        (columns.item_word_offsets, columns.item_words),
    ):
        owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        assert len(np.unique(owner * 100_000 + words)) == len(words)


def test_the_sample_lists_all_that_was_shown_and_the_rest_clicks_only(corpus: Corpus) -> None:
    columns, query = corpus.columns, _query_of_impression(corpus)
    sampled = columns.session_downstream[columns.query_session]
    shown = np.diff(columns.query_impressions)
    assert (shown[sampled] == DEFAULTS["shown"]).all()
    assert columns.impression_clicked[~sampled[query]].all()
    ranks = columns.impression_rank[sampled[query]].reshape(-1, DEFAULTS["shown"])
    assert (ranks == np.arange(1, DEFAULTS["shown"] + 1)).all()
    elsewhere = columns.impression_rank[~sampled[query]]
    assert elsewhere.min() == 1
    assert elsewhere.max() == DEFAULTS["shown"]


def test_results_are_distinct_items_of_one_leaf(corpus: Corpus) -> None:
    columns, query = corpus.columns, _query_of_impression(corpus)
    leaf = columns.item_category[columns.impression_item]
    assert (leaf == leaf[np.searchsorted(columns.query_session[query], columns.query_session[query])]).all()
    pairs = query * len(columns.item_image) + columns.impression_item
    assert len(np.unique(pairs)) == len(pairs)


def test_clicks_fall_between_their_query_and_the_next(corpus: Corpus) -> None:
    columns, query = corpus.columns, _query_of_impression(corpus)
    column = pq.read_table(corpus.folder / "impressions.parquet", columns=["click_time"])["click_time"]
    assert (np.asarray(column.is_valid()) == columns.impression_clicked).all()
    clicked = columns.impression_clicked
    time = np.asarray(column.filter(pc.is_valid(column)).cast("int64"))
    at = query[clicked]
    assert (time > columns.query_time[at]).all()
    inner = at + 1 < len(columns.query_session)
    inner[inner] = columns.query_session[at[inner] + 1] == columns.query_session[at[inner]]
    assert (time[inner] < columns.query_time[at[inner] + 1]).all()
