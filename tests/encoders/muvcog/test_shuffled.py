"""shuffled: sessions of strangers' steps in pretraining, with their clicks; sessions as they are afterwards."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from small_corpora import random_corpus
from test_muvcog_equations import plain_sessions

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from encoders.muvcog.model import Muvcog
from encoders.muvcog.steps_of import OwnSteps, StrangersSteps

ROWS = np.arange(80)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("c") / "corpus", sessions=80, image_share=0.6)


def clicks_by_session(sessions: OwnSteps | StrangersSteps) -> list[list[int]]:
    items, owner = sessions.clicks(ROWS)
    return [items[owner == row].tolist() for row in ROWS]


def test_steps_are_exchanged_within_split_and_kind_and_test_sessions_stay(corpus: Corpus) -> None:
    step, columns = StrangersSteps(TrainingContext(corpus, 0)).step, corpus.columns
    split = columns.session_split[columns.query_session]
    assert sorted(step.tolist()) == list(range(len(step)))
    np.testing.assert_array_equal(split[step], split)
    np.testing.assert_array_equal(columns.query_kind[step], columns.query_kind)
    np.testing.assert_array_equal(step[split == 2], np.flatnonzero(split == 2))
    for code in (0, 1):
        strangers = columns.query_session[step] != columns.query_session
        assert strangers[split == code].mean() > 0.8


def test_lengths_and_kinds_stay_and_a_step_keeps_all_that_is_its_own(corpus: Corpus) -> None:
    context = TrainingContext(corpus, 0)
    own, strange = OwnSteps(context), StrangersSteps(context)
    before, after = plain_sessions(own.batch(ROWS)), plain_sessions(strange.batch(ROWS))
    assert [[kind for kind, _, _ in session] for session in before] == [[k for k, _, _ in s] for s in after]
    assert before != after
    held = [Counter((kind, tuple(words), image) for s in side for kind, words, image in s) for side in (before, after)]
    assert held[0] == held[1], "words and image of a step stay together, and no step is lost or doubled"
    # clicks, by query: those of the step that stands in each place
    starts, columns = corpus.columns.session_queries, corpus.columns
    for row, found in enumerate(clicks_by_session(strange)):
        expected = []
        for place in range(starts[row], starts[row + 1]):
            query = strange.step[place]
            shown = slice(columns.query_impressions[query], columns.query_impressions[query + 1])
            expected += columns.impression_item[shown][columns.impression_clicked[shown]].tolist()
        assert found == expected
    assert clicks_by_session(own) != clicks_by_session(strange)


def test_the_permutation_follows_from_the_seed(corpus: Corpus) -> None:
    first, again, other = (StrangersSteps(TrainingContext(corpus, seed)).step for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_training_and_validation_see_strangers_alone_and_vectors_are_of_sessions_as_they_are(corpus: Corpus) -> None:
    spec = registry().get("encoder", "shuffled")
    quick = {"steps": 4, "batch_size": 16, "warmup": 1, "validate_every": 2}
    seen: list[SessionBatch] = []
    context = TrainingContext(corpus, 0)
    torch.manual_seed(0)
    encoder = spec.load()(context.features.dims, **{**spec.defaults, **quick})
    original = Muvcog.views

    def spy(self: Muvcog, batch: SessionBatch) -> tuple[torch.Tensor, ...]:
        seen.append(batch)
        return original(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Muvcog, "views", spy)
        encoder.pretrain(context)
    strange = StrangersSteps(context)
    possible = {str(session) for session in plain_sessions(strange.batch(ROWS))}
    assert len(seen) > 4
    for batch in seen:  # anchors, then each of them without a step
        sessions = plain_sessions(batch)
        assert {str(session) for session in sessions[: len(sessions) // 2]} <= possible

    with torch.no_grad():
        whole = SessionBatch.from_sessions(corpus, ROWS, Features.of(corpus))
        vectors = encoder(whole)
        plain = Muvcog(context.features.dims)
        plain.load_state_dict(encoder.state_dict())
        torch.testing.assert_close(vectors, plain(whole), atol=0, rtol=0)


def test_it_takes_the_options_of_muvcog_m() -> None:
    settable = {name: set(registry().get("encoder", name).settable) for name in ("shuffled", "muvcog-m")}
    assert settable["shuffled"] == settable["muvcog-m"] - {"steps_of"}
    assert {"score", "mlp_hidden", "negatives"} <= settable["shuffled"]
