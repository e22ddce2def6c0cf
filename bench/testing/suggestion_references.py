"""What every reference of ``suggest`` must hold to, as tests to inherit::

class TestMine(SuggestionReferenceConformance):
    name = "mine"
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import SuggestionReference
from bench.data.corpus import Corpus
from bench.data.csr import take_rows
from bench.data.schema import TRAIN
from bench.testing.click_corpora import rewritten
from bench.testing.components import ComponentConformance
from bench.testing.corpora import IMAGES, VARIANTS, random_corpus, variant_corpus


class SuggestionReferenceConformance(ComponentConformance):
    """Tests of one reference that ranks words; see :mod:`bench.testing.suggestion_references`."""

    contract = SuggestionReference
    given = frozenset({"words"})

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def make(self, corpus: Corpus) -> SuggestionReference:
        """The reference, prepared on ``corpus``."""
        with self.may_refuse(corpus):
            made: SuggestionReference = self.target()(len(corpus.word_vectors), **self.settings())
            made.prepare(corpus, *word_counts(corpus))
        return made

    @pytest.fixture(params=list(IMAGES.values()), ids=list(IMAGES))
    def corpus(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """Forty short sessions. Written once for all classes."""
        folder = tmp_path_factory.getbasetemp() / f"conformance-words-{request.param}"
        return Corpus(folder) if folder.exists() else random_corpus(folder, 40, image_share=request.param)

    # ---- scores ----------------------------------------------------------------------------------------------------

    def test_scores_are_one_finite_number_a_word(self, corpus: Corpus) -> None:
        scores = self.make(corpus).scores(every_query(corpus))
        assert scores.shape == (len(corpus.columns.query_session), len(corpus.word_vectors))
        assert scores.dtype == torch.float32
        assert scores.isfinite().all()

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_any_corpus_gives_finite_scores(self, tmp_path: Path, variant: str) -> None:
        """Or a line that says what it lacks."""
        corpus = variant_corpus(tmp_path / "corpus", variant)
        assert self.make(corpus).scores(every_query(corpus)).isfinite().all()

    def test_the_same_scores_in_any_batch(self, corpus: Corpus) -> None:
        reference, queries = self.make(corpus), every_query(corpus)
        expected = reference.scores(queries)
        for order in (queries[::-1].copy(), queries[3:4], np.array([5, 5, 2])):
            torch.testing.assert_close(reference.scores(order), expected[order], atol=0, rtol=0)

    def test_nothing_in_it_is_random(self, corpus: Corpus) -> None:
        """One result stands for every seed."""
        found = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            found.append(self.make(corpus).scores(every_query(corpus)))
        torch.testing.assert_close(found[0], found[1], atol=0, rtol=0)

    # ---- no look-ahead ---------------------------------------------------------------------------------------------

    def test_what_comes_after_a_query_does_not_change_its_scores(self, corpus: Corpus, tmp_path: Path) -> None:
        """The next query is what is asked for. The counts, which the harness makes, stay as they are."""
        columns, counted = corpus.columns, word_counts(corpus)
        lengths = np.diff(columns.session_queries)
        longest = np.argsort(-lengths, kind="stable")[:6]
        last = columns.session_queries[longest]  # the first query of each
        queries = every_query(corpus)
        inside = np.isin(columns.query_session, longest)
        changed = rewritten(corpus, tmp_path / "changed", steps=inside & ~np.isin(queries, last))
        found: list[Tensor] = []
        for one in (corpus, changed):
            reference: SuggestionReference = self.target()(len(one.word_vectors), **self.settings())
            reference.prepare(one, *counted)
            found.append(reference.scores(last))
        torch.testing.assert_close(found[0], found[1], atol=0, rtol=0)

    def test_a_validation_or_test_session_reaches_no_other(self, corpus: Corpus, tmp_path: Path) -> None:
        columns = corpus.columns
        held_out = columns.session_split[columns.query_session] != TRAIN
        changed = rewritten(corpus, tmp_path / "changed", steps=held_out, clicks=held_out)
        found = [self.make(one).scores(np.flatnonzero(~held_out)) for one in (corpus, changed)]
        torch.testing.assert_close(found[0], found[1], atol=0, rtol=0)


def every_query(corpus: Corpus) -> NDArray[np.int64]:
    """(Q,) all rows of queries."""
    return np.arange(len(corpus.columns.query_session))


def word_counts(corpus: Corpus) -> tuple[Tensor, int]:
    """(V,) in how many training queries each word stands, and how many training queries there are.

    The task counts the queries that answer another; which ones they are is the task's business.
    """
    columns = corpus.columns
    training = np.flatnonzero(columns.session_split[columns.query_session] == TRAIN)
    words, owner = take_rows(columns.query_word_offsets, columns.query_words, training)
    vocabulary = len(corpus.word_vectors)
    once = np.unique(owner * vocabulary + words) % vocabulary
    return torch.from_numpy(np.bincount(once, minlength=vocabulary)), len(training)
