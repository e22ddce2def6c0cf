"""The built-in click models hold to the contract, and the conformance kit catches models that do not."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from kit_runner import checks_of, run_check
from torch import Tensor, nn

from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickModel
from bench.data.click_history import ClickHistory
from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.testing.click_corpora import awkward_corpus, click_batch, planted_corpus, rewritten, training_queries
from bench.testing.click_models import ClickModelConformance, scores_of
from bench.testing.click_scores import ClickScoresConformance, every_query


class TestTransearch(ClickModelConformance):
    name = "transearch"


class TestAlstp(ClickModelConformance):
    name = "alstp"


class TestHscm(ClickModelConformance):
    name = "hscm"


class TestAlstpEarlierSessions(ClickModelConformance):
    name = "alstp"
    options: ClassVar[dict[str, Any]] = {"history": "earlier"}


class TestAlstpItemImages(ClickModelConformance):
    name = "alstp"
    options: ClassVar[dict[str, Any]] = {"items": "title+image"}


class TestHscmOtherSessions(ClickModelConformance):
    name = "hscm"
    options: ClassVar[dict[str, Any]] = {"history": "earlier"}


class TestHscmItemImages(ClickModelConformance):
    name = "hscm"
    options: ClassVar[dict[str, Any]] = {"items": "title+image"}


class TestTransearchDouble(ClickModelConformance):
    """Its other way to start, with feature layers learnt beforehand."""

    name = "transearch"
    options: ClassVar[dict[str, Any]] = {"mode": "double", "pretraining_epochs": 3}
    learns_in_prepare = True


class TestTransearchDoubleFixed(ClickModelConformance):
    name = "transearch"
    options: ClassVar[dict[str, Any]] = {"mode": "double", "pretraining_epochs": 3, "fixed": True}
    learns_in_prepare = True
    without_gradient = ("visual", "textual")  # they are held fixed


class TestTransearchLinear(ClickModelConformance):
    name = "transearch"
    options: ClassVar[dict[str, Any]] = {"mode": "linear"}


# ---- the kit bites ---------------------------------------------------------------------------------------------------


class _Dot(ClickModel):
    """A correct model, for the broken ones to spoil: the query's projection times the title's."""

    learning_rate = 1e-2

    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self.context_dim = 8
        self.query = nn.Linear(dims.features.words, 8)
        self.title = nn.Linear(dims.features.words, 8)

    def context(self, batch: ClickBatch) -> Tensor:
        return self.query(batch.query_text)

    def items(self, batch: ClickBatch) -> Tensor:
        return self.title(batch.item_text)

    def match(self, context: Tensor, items: Tensor) -> Tensor:
        return (items * context.unsqueeze(1)).sum(2)

    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        pair = ((clicks > 0) & shown).unsqueeze(2) & ((clicks == 0) & shown).unsqueeze(1)
        losses = -F.logsigmoid(scores.unsqueeze(2) - scores.unsqueeze(1)) * pair
        return losses.sum() / pair.sum().clamp(min=1)


class _BatchMates(_Dot):
    def context(self, batch: ClickBatch) -> Tensor:
        context = super().context(batch)
        return context - context.mean(0)


class _NoContext(_Dot):
    def match(self, context: Tensor, items: Tensor) -> Tensor:
        return items.sum(2)


class _SameForAllCandidates(_Dot):
    def match(self, context: Tensor, items: Tensor) -> Tensor:
        return items.sum(2) + context.sum(1, keepdim=True)


class _FavoursTheFirst(_Dot):
    def match(self, context: Tensor, items: Tensor) -> Tensor:
        return super().match(context, items) - torch.arange(items.shape[1])


class _AgainstTheList(_Dot):
    def match(self, context: Tensor, items: Tensor) -> Tensor:
        scores = super().match(context, items)
        return scores - scores.mean(1, keepdim=True)


class _LossOfTheFilled(_Dot):
    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        return super().loss(scores, clicks, torch.ones_like(shown))


class _LossIsMeanOfNothing(_Dot):
    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        return -scores[(clicks > 0) & shown].mean()


class _ItemsReadTheQuery(_Dot):
    independent_items = True

    def items(self, batch: ClickBatch) -> Tensor:
        return super().items(batch) + batch.query_text.unsqueeze(1)


class _ReadsTheClicks(_Dot):
    def context(self, batch: ClickBatch) -> Tensor:
        return super().context(batch) + (batch.clicks.unsqueeze(2) * super().items(batch)).mean(1)


class _NanWithoutUsers(_Dot):
    def context(self, batch: ClickBatch) -> Tensor:
        return super().context(batch) / (self.dims.users - 1)


class _NanLossWithoutUsers(_Dot):
    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        return super().loss(scores, clicks, shown) / (self.dims.users - 1)


class _Unseeded(_Dot):
    def match(self, context: Tensor, items: Tensor) -> Tensor:
        return super().match(context, items) + torch.rand(1)


class _Double(_Dot):
    def match(self, context: Tensor, items: Tensor) -> Tensor:
        return super().match(context, items).double()


class _WrongWidth(_Dot):
    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self.context_dim = 9


class _OneWidth(_Dot):
    def __init__(self, dims: ClickDims) -> None:
        super().__init__(ClickDims(Dims(8, 12), dims.users))
        self.query, self.title = nn.Linear(8, 8), nn.Linear(8, 8)


class _Unused(_Dot):
    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self.forgotten = nn.Linear(2, 2)


class _WeightOutsideTheState(_Dot):
    def __init__(self, dims: ClickDims) -> None:
        super().__init__(dims)
        self.hidden = torch.randn(8)

    def context(self, batch: ClickBatch) -> Tensor:
        return super().context(batch) * self.hidden


class _LearnsTheWrongWay(_Dot):
    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        return super().loss(-scores, clicks, shown)


class _Past(_Dot):
    """Correct too: the context knows how many clicks came before the query, and which."""

    def prepare(self, data: ClickCorpus) -> None:
        self.value = torch.zeros(len(data.corpus.columns.query_session), 1)
        history = ClickHistory.of(data.corpus)
        clicks, owner = history.of_queries(np.arange(len(self.value)))
        values = torch.from_numpy(history.items[clicks] / 50.0).float().unsqueeze(1)
        self.value.index_add_(0, torch.from_numpy(owner), values)

    def context(self, batch: ClickBatch) -> Tensor:
        return super().context(batch) + self.value[batch.queries]


class _WholeSession(_Past):
    """Knows the clicks on later queries of the session, too, and those on the query itself."""

    def prepare(self, data: ClickCorpus) -> None:
        session = data.corpus.columns.query_session
        items, owner = Clicks.of(data.corpus).of_sessions(session)
        values = torch.from_numpy(items / 50.0).float().unsqueeze(1)
        self.value = torch.zeros(len(session), 1).index_add_(0, torch.from_numpy(owner), values)


class _LengthOfTheNextQuery(_Past):
    def prepare(self, data: ClickCorpus) -> None:
        columns = data.corpus.columns
        words = np.add.reduceat(np.append(columns.query_words, 0), columns.query_word_offsets[:-1])
        words = np.where(np.diff(columns.query_word_offsets) > 0, words, 0)
        self.value = torch.from_numpy(np.append(words[1:], 0) / 50.0).float().unsqueeze(1)


class _OwnClicks(_Past):
    def prepare(self, data: ClickCorpus) -> None:
        super().prepare(data)
        history = ClickHistory.of(data.corpus)
        values = torch.from_numpy(history.items / 50.0).float().unsqueeze(1)
        self.value.index_add_(0, torch.from_numpy(history.queries), values)


class _Popularity(_Past):
    """Counts clicks on every item, in all splits."""

    def prepare(self, data: ClickCorpus) -> None:
        columns = data.corpus.columns
        self.clicks = torch.from_numpy(
            np.bincount(columns.impression_item[columns.impression_clicked], minlength=len(columns.item_image))
        ).float()

    def context(self, batch: ClickBatch) -> Tensor:
        return self.query(batch.query_text)

    def items(self, batch: ClickBatch) -> Tensor:
        return self.title(batch.item_text) + self.clicks[batch.items].unsqueeze(2)


_AFTER = "test_what_comes_after_a_query_does_not_change_its_scores"
_ORDER = "test_the_order_of_candidates_does_not_matter"
_SESSION = "test_the_session_vector_reaches_the_ranking"
_FILLED = "test_candidates_that_are_not_shown_do_not_matter"
_LOSS = "test_the_loss_is_about_shown_candidates_in_any_order"


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (_Double, "test_scores_are_one_finite_number_a_candidate"),
        (_WrongWidth, "test_parts_have_the_declared_shapes_and_are_finite"),
        (_OneWidth, "test_any_width_of_word_and_image_vectors"),
        (_FavoursTheFirst, _ORDER),
        (_AgainstTheList, _FILLED),
        (_LossOfTheFilled, _LOSS),
        (_ItemsReadTheQuery, "test_items_that_are_called_independent_are"),
        (_BatchMates, "test_the_same_scores_in_any_batch"),
        (_NoContext, _SESSION),
        (_SameForAllCandidates, _SESSION),
        (_ReadsTheClicks, "test_clicks_on_the_query_are_not_read_from_the_batch"),
        (_WholeSession, _AFTER),
        (_LengthOfTheNextQuery, _AFTER),
        (_OwnClicks, _AFTER),
        (_Popularity, "test_a_validation_or_test_session_reaches_no_other"),
        (_Unseeded, "test_weights_and_scores_follow_from_the_seed"),
        (_WeightOutsideTheState, "test_weights_survive_a_safetensors_file"),
        (_Unused, "test_gradient_reaches_every_parameter"),
        (_LossIsMeanOfNothing, "test_a_batch_that_compares_nothing_has_a_finite_loss"),
        (_NanWithoutUsers, "test_any_corpus_gives_finite_scores"),
        (_NanLossWithoutUsers, "test_it_trains_on_any_corpus"),
        (_LearnsTheWrongWay, "test_it_learns_a_planted_corpus"),
    ],
)
def test_the_kit_catches_what_breaks_the_contract(
    broken: type[ClickModel], check: str, corpus: Corpus, planted: Corpus, tmp_path: Path
) -> None:
    features = Features.of(corpus)
    given: dict[str, Any] = {
        "corpus": corpus,
        "planted": planted,
        "features": features,
        "batch": click_batch(corpus, features, every_query(corpus)),
        "split": "train",
        "parity": 0,
        "dims": Dims(3, 1),
        "variant": "without users",
    }

    with pytest.raises((AssertionError, RuntimeError) if broken is _OneWidth else AssertionError):
        run_check(ClickModelConformance, check, given, tmp_path / "broken", component=broken)
    correct = _Past if issubclass(broken, _Past) else _Dot
    run_check(ClickModelConformance, check, given, tmp_path / "correct", component=correct)


def test_every_check_of_the_kit_is_shown_to_bite() -> None:
    marks = test_the_kit_catches_what_breaks_the_contract.pytestmark  # type: ignore[attr-defined]
    bitten = {check for mark in marks for _, check in mark.args[1]}
    # width 0 is the harness's own join: no click model can break it
    left = checks_of(ClickModelConformance, ClickScoresConformance) - bitten
    assert left == {"test_vanilla_is_a_session_vector_of_width_0"}


# ---- what the kit is made of -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return awkward_corpus(tmp_path_factory.mktemp("awkward") / "corpus")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return planted_corpus(tmp_path_factory.mktemp("planted") / "corpus")


def test_the_awkward_corpus_is_awkward(corpus: Corpus) -> None:
    columns = corpus.columns
    shown = np.diff(columns.query_impressions)
    clicks = np.bincount(
        np.repeat(np.arange(len(shown)), shown), weights=columns.impression_clicked, minlength=len(shown)
    )
    assert {0, 4, 6} == set(shown.tolist())
    assert ((shown > 0) & (clicks == 0)).any()
    assert (columns.session_user < 0).any()
    assert (np.bincount(columns.session_user[columns.session_user >= 0]) > 1).any()
    assert len(training_queries(corpus)) > 30


def test_rewriting_changes_what_is_marked_and_nothing_else(corpus: Corpus, tmp_path: Path) -> None:
    queries = every_query(corpus)
    steps, clicks = queries % 3 == 0, queries % 3 == 1
    changed, before = rewritten(corpus, tmp_path / "changed", steps=steps, clicks=clicks).columns, corpus.columns
    untouched = {field.name for field in fields(before)} - {
        "query_words",
        "query_image",
        "impression_item",
        "impression_clicked",
    }
    for name in untouched:
        np.testing.assert_array_equal(getattr(changed, name), getattr(before, name))
    of_word = np.repeat(queries, np.diff(before.query_word_offsets))
    of_impression = np.repeat(queries, np.diff(before.query_impressions))
    np.testing.assert_array_equal(changed.query_words != before.query_words, steps[of_word])
    np.testing.assert_array_equal(changed.query_image != before.query_image, steps & (before.query_image >= 0))
    np.testing.assert_array_equal(changed.impression_item != before.impression_item, steps[of_impression])
    moved = changed.impression_clicked != before.impression_clicked
    assert not moved[~clicks[of_impression]].any()
    assert moved.any()
    for c in (changed, before):
        assert c.impression_clicked.sum() == before.impression_clicked.sum()


def test_batches_are_those_of_the_task(corpus: Corpus) -> None:
    """The kit builds its own, since ``bench`` imports no task."""
    from bench.data.candidates import all_candidates
    from tasks.examples.click import ClickExamples

    features = Features.of(corpus)
    queries = training_queries(corpus)[::-1].copy()
    ours = click_batch(corpus, features, queries)
    theirs = ClickExamples(corpus, features, 1).batch(queries, all_candidates(corpus, queries))
    for name in ("queries", "query_text", "items", "item_text", "item_images", "shown", "clicks"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))
    torch.testing.assert_close(ours.sessions.words, theirs.sessions.words)


def test_an_image_says_the_topic_of_the_planted_corpus(planted: Corpus) -> None:
    batch = click_batch(planted, Features.of(planted), training_queries(planted))
    assert (batch.clicks.sum(1) == 1).all()
    clicked = batch.item_text[batch.clicks > 0]  # (B, d)
    assert (clicked.argmax(1) == batch.query_text.argmax(1)).float().mean() > 0.95
    assert torch.isfinite(scores_of(_Dot(ClickDims(Features.of(planted).dims, 2)), batch)).all()
