"""Few labels are a part of more, in the proportion of the splits, and the same for everybody who has the seed."""

from __future__ import annotations

import numpy as np
import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.errors import BenchError
from tasks.examples.labels import labelled_sessions


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("labels") / "corpus", sessions=80)


def drawn(corpus: Corpus, labels: int, seed: int = 0) -> dict[str, set[int]]:
    sessions = labelled_sessions(corpus, labels, np.random.default_rng(seed))
    return {split: set(rows.tolist()) for split, rows in sessions.items()}


def test_all_are_labelled_unless_a_number_is_given(corpus: Corpus) -> None:
    everything = labelled_sessions(corpus, 0, np.random.default_rng(0))
    for split, rows in everything.items():
        np.testing.assert_array_equal(rows, corpus.session_rows(split, downstream=True))


def test_fewer_labels_are_a_part_of_more(corpus: Corpus) -> None:
    few, more = drawn(corpus, 10), drawn(corpus, 30)
    for split in few:
        assert few[split] < more[split] < set(corpus.session_rows(split, downstream=True).tolist())
    assert sum(map(len, few.values())) == 10
    assert sum(map(len, more.values())) == 30


def test_the_seed_draws_them(corpus: Corpus) -> None:
    assert drawn(corpus, 10) == drawn(corpus, 10)
    assert drawn(corpus, 10) != drawn(corpus, 10, seed=1)


def test_more_than_there_are_is_an_error_that_says_how_many_there_are(corpus: Corpus) -> None:
    total = sum(len(corpus.session_rows(split, downstream=True)) for split in ("train", "valid"))
    with pytest.raises(BenchError, match=f"more than the {total} of training and validation"):
        labelled_sessions(corpus, total + 1, np.random.default_rng(0))
