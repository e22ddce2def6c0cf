"""``sknn`` ranks by sessions near to what was clicked before, as a plain restatement says; it has to be named."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from small_corpora import random_corpus

from baselines.options import SknnOptions
from baselines.references import clicked_sessions, sknn
from baselines.references.sknn import SessionNeighbours
from bench.contracts import ClickCorpus, ClickDims
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.data.schema import TRAIN
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store
from bench.testing.click_corpora import awkward_corpus, click_batch, training_queries
from bench.testing.click_scores import every_query


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return awkward_corpus(tmp_path_factory.mktemp("neighbours") / "corpus", sessions=60)


def scores_of(corpus: Corpus, folder: Path, **options: object) -> np.ndarray:
    features = Features.of(corpus)
    reference = SessionNeighbours(ClickDims(features.dims, 1), **options)
    reference.prepare(ClickCorpus(corpus, features, training_queries(corpus), scratch=folder))
    return reference.scores(click_batch(corpus, features, every_query(corpus))).numpy()


def clicks_on(corpus: Corpus, query: int) -> list[int]:
    columns = corpus.columns
    shown = slice(columns.query_impressions[query], columns.query_impressions[query + 1])
    return [int(item) for item in columns.impression_item[shown][columns.impression_clicked[shown]]]


def plain_scores(corpus: Corpus, query: int, neighbours: int, sampled: int, decay: str) -> dict[int, float]:
    """What sessions near to this query's give each item, session by session."""
    columns = corpus.columns
    own = int(columns.query_session[query])
    before = [item for earlier in range(columns.session_queries[own], query) for item in clicks_on(corpus, earlier)]
    weight = {item: (place / len(before) if decay == "linear" else 1.0) for place, item in enumerate(before, 1)}
    holding = []
    for session, (start, end) in enumerate(pairwise(columns.session_queries.tolist())):
        items = {item for one in range(start, end) for item in clicks_on(corpus, one)}
        if columns.session_split[session] == TRAIN and session != own and items & set(weight):
            holding.append((int(columns.session_start[session]), session, items))
    latest = sorted(holding, reverse=True)[:sampled]
    norm = np.sqrt(sum(w**2 for w in weight.values()))
    near = [(sum(weight.get(i, 0.0) for i in items) / (norm * np.sqrt(len(items))), items) for _, _, items in latest]
    near = sorted(near, key=lambda one: -round(one[0], 12))[:neighbours]  # stable: the later of equally near ones
    scores: dict[int, float] = {}
    for similarity, items in near:
        for item in items:
            scores[item] = scores.get(item, 0.0) + similarity
    return scores


@pytest.mark.parametrize("decay", ["none", "linear"])
@pytest.mark.parametrize(("neighbours", "sampled"), [(500, 1000), (2, 5)])
def test_scores_are_those_of_a_walk_over_sessions(
    neighbours: int, sampled: int, decay: str, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"neighbours": neighbours, "sampled": sampled, "decay": decay}
    found = scores_of(corpus, tmp_path, **options)
    batch = click_batch(corpus, Features.of(corpus), every_query(corpus))
    scored = 0
    for query in every_query(corpus).tolist():
        expected = plain_scores(corpus, query, neighbours, sampled, decay)
        items, shown = batch.items[query].tolist(), batch.shown[query].tolist()
        wanted = [expected.get(item, 0.0) * there for item, there in zip(items, shown, strict=True)]
        np.testing.assert_allclose(found[query], wanted, rtol=1e-5)
        scored += any(wanted)
    assert scored > 20
    monkeypatch.setattr(sknn, "_PAIRS", 1)
    monkeypatch.setattr(clicked_sessions, "_SESSIONS", 7)
    np.testing.assert_array_equal(scores_of(corpus, tmp_path, **options), found)  # whatever is looked at together
    assert not list(tmp_path.iterdir()), "files without a name"


def test_the_lists_are_not_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicked_sessions, "_SESSIONS", 64)
    held = []
    for sessions in (200, 800):
        corpus = random_corpus(tmp_path / str(sessions), sessions=sessions)
        tracemalloc.start()
        found = clicked_sessions.ClickedSessions(corpus, tmp_path)
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert found.sizes(np.arange(len(found))).sum() > 4 * sessions, "so the lists would take 32 bytes a session"
    assert (held[1] - held[0]) / 600 < 65  # 53 measured


def test_it_has_to_be_named(corpus: Corpus, tmp_path: Path) -> None:
    """A baseline more in a run by default would be another table than the one that is published."""
    for named, runs in (((), False), (("references", "transearch"), False), (("sknn",), True)):
        request = RunRequest("ctr", ["vanilla"], named, [str(corpus.folder)], 1, device="cpu")
        assert ("sknn" in [cell.baseline for cell in make_plan(request, registry(), Store(tmp_path)).cells]) == runs


def test_more_neighbours_than_are_looked_at_are_refused() -> None:
    with pytest.raises(BenchError, match="neighbours = 500 cannot be found among sampled = 100"):
        SknnOptions(sampled=100)
