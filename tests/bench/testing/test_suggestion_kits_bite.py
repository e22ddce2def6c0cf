"""The kits of suggestion models and of their references notice what breaks the contract, and pass what keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kit_runner import checks_of, run_check
from small_corpora import random_corpus
from torch import Tensor, nn

from bench.contracts import SuggestionDims, SuggestionModel, SuggestionReference
from bench.data.corpus import Corpus
from bench.data.csr import take_rows
from bench.testing import SuggestionModelConformance, SuggestionReferenceConformance
from bench.testing.components import ComponentConformance
from bench.testing.suggestion_models import DIMS


class _Linear(SuggestionModel):
    """Correct, for the broken ones to spoil."""

    def __init__(self, dims: SuggestionDims) -> None:
        super().__init__(dims)
        self.out = nn.Linear(dims.session, dims.words)

    def forward(self, session: Tensor) -> Tensor:
        return self.out(session)


class _Double(_Linear):
    def forward(self, session: Tensor) -> Tensor:
        return super().forward(session).double()


class _BatchMates(_Linear):
    def forward(self, session: Tensor) -> Tensor:
        return super().forward(session - session.mean(0))


class _SameForAllWords(_Linear):
    def forward(self, session: Tensor) -> Tensor:
        return self.out.bias + session.sum(1, keepdim=True)


class _NumbersItsBatch(_Linear):
    def forward(self, session: Tensor) -> Tensor:
        return super().forward(session) + torch.arange(len(session)).unsqueeze(1)


class _Unseeded(_Linear):
    def forward(self, session: Tensor) -> Tensor:
        return super().forward(session) + torch.rand(1)


class _WeightOutsideTheState(_Linear):
    def __init__(self, dims: SuggestionDims) -> None:
        super().__init__(dims)
        self.hidden = torch.randn(dims.words)

    def forward(self, session: Tensor) -> Tensor:
        return super().forward(session) * self.hidden


class _Unused(_Linear):
    def __init__(self, dims: SuggestionDims) -> None:
        super().__init__(dims)
        self.forgotten = nn.Linear(2, 2)


class _SummedOverTheBatch(_Linear):
    def loss(self, session: Tensor, words: Tensor, owner: Tensor) -> Tensor:
        return super().loss(session, words, owner) * len(session)


class _MeanOverAnswers(_Linear):
    def loss(self, session: Tensor, words: Tensor, owner: Tensor) -> Tensor:
        return -self(session)[owner, words].mean()


class _LearnsTheWrongWay(_Linear):
    def loss(self, session: Tensor, words: Tensor, owner: Tensor) -> Tensor:
        return super().loss(session, (words + 1) % self.dims.words, owner)


class _Words(SuggestionReference):
    """Correct: the words of the query itself, then frequent ones."""

    def prepare(self, corpus: Corpus, word_counts: Tensor, examples: int) -> None:
        self.corpus, self.share = corpus, word_counts.float() / (examples + 1)

    def asked(self, queries: np.ndarray) -> np.ndarray:
        return queries

    def scores(self, queries: np.ndarray) -> Tensor:
        columns = self.corpus.columns
        words, owner = take_rows(columns.query_word_offsets, columns.query_words, self.asked(queries))
        scores = self.share.repeat(len(queries), 1)
        rows, places = torch.from_numpy(owner.astype(np.int64)), torch.from_numpy(words.astype(np.int64))
        return scores.index_put_((rows, places), torch.ones(len(rows)), accumulate=True)


class _NextWords(_Words):
    """Knows the answer."""

    def asked(self, queries: np.ndarray) -> np.ndarray:
        return np.minimum(queries + 1, len(self.corpus.columns.query_session) - 1)


class _CountsTestWords(_Words):
    def prepare(self, corpus: Corpus, word_counts: Tensor, examples: int) -> None:
        super().prepare(corpus, word_counts, examples)
        self.share = torch.from_numpy(np.bincount(corpus.columns.query_words, minlength=self.words)).float()


class _Whole(_Words):
    def scores(self, queries: np.ndarray) -> Tensor:
        return super().scores(queries).long()


class _Random(_Words):
    def prepare(self, corpus: Corpus, word_counts: Tensor, examples: int) -> None:
        super().prepare(corpus, word_counts, examples)
        self.share = self.share + torch.rand(self.words)


class _Ranked(_Words):
    def scores(self, queries: np.ndarray) -> Tensor:
        scores = super().scores(queries)
        return scores - scores.mean(0)


class _NanWithoutImages(_Words):
    def scores(self, queries: np.ndarray) -> Tensor:
        images = np.asarray(self.corpus.image_vectors, np.float32)
        return super().scores(queries) + float(images.mean() if len(images) else np.nan)


MODELS: list[tuple[type[Any], str]] = [
    (_Double, "test_logits_are_one_finite_number_a_word"),
    (_BatchMates, "test_the_same_logits_in_any_batch"),
    (_SameForAllWords, "test_the_session_vector_reaches_the_ranking"),
    (_NumbersItsBatch, "test_without_a_session_vector_every_session_has_the_same_ranking"),
    (_Unseeded, "test_weights_and_logits_follow_from_the_seed"),
    (_WeightOutsideTheState, "test_weights_survive_a_safetensors_file"),
    (_Unused, "test_gradient_reaches_every_parameter"),
    (_SummedOverTheBatch, "test_the_loss_is_a_mean_over_the_batch"),
    (_MeanOverAnswers, "test_a_query_without_answer_has_a_finite_loss"),
    (_LearnsTheWrongWay, "test_it_learns_which_words_follow_a_session"),
]
REFERENCES: list[tuple[type[Any], str]] = [
    (_Whole, "test_scores_are_one_finite_number_a_word"),
    (_NanWithoutImages, "test_any_corpus_gives_finite_scores"),
    (_Ranked, "test_the_same_scores_in_any_batch"),
    (_Random, "test_nothing_in_it_is_random"),
    (_NextWords, "test_what_comes_after_a_query_does_not_change_its_scores"),
    (_CountsTestWords, "test_a_validation_or_test_session_reaches_no_other"),
]
CASES = [
    *((SuggestionModelConformance, _Linear, *case) for case in MODELS),
    *((SuggestionReferenceConformance, _Words, *case) for case in REFERENCES),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpus") / "small", sessions=40, image_share=0.5)


@pytest.mark.parametrize(("kit", "correct", "broken", "check"), CASES)
def test_the_kit_catches_what_breaks_the_contract(
    kit: type[ComponentConformance], correct: type, broken: type, check: str, corpus: Corpus, tmp_path: Path
) -> None:
    given = {"corpus": corpus, "dims": DIMS[0], "variant": "without images"}
    with pytest.raises((AssertionError, ValueError)):
        run_check(kit, check, given, tmp_path / "broken", component=broken)
    run_check(kit, check, given, tmp_path / "correct", component=correct)


def test_every_check_is_shown_to_bite() -> None:
    bitten = {check for *_, check in CASES}
    assert checks_of(SuggestionModelConformance, SuggestionReferenceConformance) == bitten
