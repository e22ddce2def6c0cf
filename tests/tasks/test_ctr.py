"""Click prediction end to end: it learns a planted world, gets chance where clicks are random, reports every query."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_corpora import random_corpus
from whole_corpora import read, write

from baselines.transearch.model import TranSearch
from bench.contracts import SessionEncoder, TaskResult
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.data.features import Features
from bench.data.schema import KEYWORD, PRODUCT
from bench.data.writer import CorpusWriter
from bench.errors import BenchError
from bench.metrics.ranking import ranking_metrics
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors, SessionVectors, TrainedAlong
from encoders.controls import Vanilla
from encoders.lstm import LstmEncoder
from tasks.ctr import ClickPrediction
from tasks.examples.click import example_queries
from tasks.options import ClickPredictionOptions

LOOKS, SHOWN = 5, 5
CHANCE = float(np.mean(1 / np.log2(np.arange(2, SHOWN + 2))))  # NDCG of a random ranking with one relevant item


def planted_world(folder: Path, sessions: int = 500, noise: bool = False) -> Corpus:
    """A keyword query, then an image query; of five items, one of each look, the one like the image is clicked.

    Words say nothing. With ``noise`` the clicks are dealt anew within each list.
    """
    rng = np.random.default_rng(0)
    items = 20 * LOOKS
    with CorpusWriter(
        folder, name="planted", origin="simulated", licence="none", word_dim=8, image_dim=LOOKS
    ) as writer:
        writer.vocabulary([f"w{i}" for i in range(9)], rng.normal(size=(9, 8)).astype(np.float32))
        look = np.arange(items) % LOOKS
        writer.images((100 * np.eye(LOOKS)[look] + rng.integers(-10, 11, (items, LOOKS))).astype(np.int8))
        names = [f"i{i}" for i in range(items)]
        titles = (np.arange(items + 1), rng.integers(0, 9, items))
        writer.items(names, titles, np.arange(items), ["c"] * items, ["d"] * items)
        place = np.arange(sessions)
        users = [f"u{i // 2}" for i in range(sessions)]
        split = np.select([place % 5 < 3, place % 5 == 3], [0, 1], 2)
        writer.sessions([f"s{i}" for i in range(sessions)], users, 1000 * place, split, np.ones(sessions, bool))
        total = 2 * sessions
        position, asked = np.arange(total) % 2, rng.integers(0, items, sessions)
        writer.queries(
            [f"q{i}" for i in range(total)],
            np.arange(total) // 2,
            position,
            500 * np.arange(total),
            np.where(position == 1, PRODUCT, KEYWORD),
            (offsets_of(np.ones(total, int)), rng.integers(0, 9, total)),
            np.where(position == 1, np.repeat(asked, 2), -1),
        )
        looks = rng.permuted(np.tile(np.arange(LOOKS), (sessions, 1)), axis=1)
        shown = looks + LOOKS * rng.integers(0, items // LOOKS, (sessions, SHOWN))
        wanted = look[asked] if not noise else rng.integers(0, LOOKS, sessions)
        clicked = (looks == wanted[:, None]).ravel()
        query, rank = np.repeat(2 * place + 1, SHOWN), np.tile(np.arange(1, SHOWN + 1), sessions)
        writer.impressions(query, shown.ravel(), rank, clicked, [None] * len(clicked))
    return Corpus(folder)


def run(
    corpus: Corpus,
    encoder: type[SessionEncoder] = Vanilla,
    frozen: SessionEncoder | None = None,
    seed: int = 0,
    **options: int | str,
) -> tuple[TaskResult, TrainingContext]:
    torch.manual_seed(seed)
    task = ClickPrediction(**{"epochs": 2, **options})
    context = TrainingContext(corpus, seed)
    sessions: SessionVectors = TrainedAlong(encoder, context)
    if frozen is not None:
        units = task.units(corpus)
        with torch.no_grad():
            vectors = frozen(SessionBatch.from_prefixes(corpus, units, Features.of(corpus)))
        sessions = FrozenVectors(torch.from_numpy(units), vectors)
    baseline = {"embed_size": 16, "dropout": 0.0}
    return task.run(corpus, TranSearch, baseline, sessions, context), context


def mean(result: TaskResult, metric: str = "ndcg@10") -> float:
    return float(result.scores.query("metric == @metric")["value"].mean())


class LastImage(SessionEncoder):
    """The mean image of the session as it is: what a perfect frozen encoder of the planted world would give."""

    def __init__(self, features: Features) -> None:
        super().__init__(features.dims)
        self.output_dim = features.dims.images

    def forward(self, batch: SessionBatch) -> torch.Tensor:
        return batch.mean_images()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return planted_world(tmp_path_factory.mktemp("planted") / "corpus")


# ---- what it learns --------------------------------------------------------------------------------------------------


def test_a_planted_world_is_learnt_through_the_session_and_only_through_it(planted: Corpus) -> None:
    options = {"epochs": 40, "patience": 40}
    trained = mean(run(planted, LstmEncoder, **options)[0])
    frozen = mean(run(planted, frozen=LastImage(Features.of(planted)), **options)[0])
    vanilla = mean(run(planted, Vanilla, **options)[0])
    error = 0.22 / np.sqrt(100)  # of the mean over 100 test queries, for a random ranking
    assert trained > CHANCE + 0.2
    assert frozen > CHANCE + 0.2
    assert abs(vanilla - CHANCE) < 4 * error


def test_with_clicks_dealt_anew_nothing_is_above_chance(tmp_path: Path) -> None:
    corpus = planted_world(tmp_path / "noise", noise=True)
    options = {"epochs": 15, "patience": 15}
    error = 0.22 / np.sqrt(100)
    for result, _ in (
        run(corpus, LstmEncoder, **options),
        run(corpus, frozen=LastImage(Features.of(corpus)), **options),
    ):
        assert abs(mean(result) - CHANCE) < 4 * error


# ---- what it reports -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("small")
    content = read(random_corpus(folder / "random", sessions=60, image_share=0.5))
    users = [None if s % 6 == 0 else f"u{s // 3}" for s in range(60)]
    content.replace("sessions", "user", users)
    return write(folder / "corpus", content)


def test_scores_are_one_row_a_query_and_metric(small: Corpus) -> None:
    result, _ = run(small)
    queries = example_queries(small, "test")
    query_ids, session_ids = small.strings("queries", "query_id"), small.strings("sessions", "session_id")
    users, session = small.strings("sessions", "user"), small.columns.query_session[queries]
    scores = result.scores
    assert list(scores.columns) == ["unit", "user", "metric", "value"]
    assert set(scores["metric"]) == {"ndcg@10", "hr@10", "mrr@10"}
    for _, rows in scores.groupby("metric"):
        assert rows["unit"].tolist() == [query_ids[int(q)].as_py() for q in queries]
        expected = [users[int(s)].as_py() or session_ids[int(s)].as_py() for s in session]
        assert rows["user"].tolist() == expected, "a session where the log knows no user"
        assert rows["value"].between(0, 1).all()


def test_predictions_give_the_scores_again(small: Corpus) -> None:
    result, _ = run(small)
    shown = pd.DataFrame(
        {
            "query": np.repeat(np.arange(len(small.columns.query_session)), np.diff(small.columns.query_impressions)),
            "item": small.columns.impression_item,
            "clicked": small.columns.impression_clicked,
        }
    )
    shown = shown[shown["query"].isin(example_queries(small, "test"))].reset_index(drop=True)
    pd.testing.assert_frame_equal(result.predictions[["item", "clicked"]], shown[["item", "clicked"]])
    for unit, rows in result.predictions.groupby("unit"):
        found = ranking_metrics(
            rows["score"].to_numpy()[None], rows["clicked"].to_numpy()[None], np.ones((1, len(rows)), bool)
        )
        reported = result.scores[result.scores["unit"] == unit].set_index("metric")["value"]
        for metric, value in found.items():
            assert reported[metric] == pytest.approx(value[0], abs=1e-9)


def test_the_curve_has_a_row_an_epoch(small: Corpus) -> None:
    result, context = run(small, epochs=3, patience=9)
    assert result.curve["epoch"].tolist() == [1, 2, 3]
    assert list(result.curve.columns) == ["epoch", "train_loss", "valid"]
    assert result.curve.to_dict("records") == context.curve


def test_the_seed_decides(small: Corpus) -> None:
    first, again, other = (run(small, LstmEncoder, seed=seed)[0] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.scores, again.scores)
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    assert not first.predictions["score"].equals(other.predictions["score"])
    assert first.scores["unit"].equals(other.scores["unit"]), "every seed is scored on the same queries"


def test_all_systems_are_scored_on_the_same_queries_and_candidates(small: Corpus) -> None:
    results = [run(small, Vanilla)[0], run(small, LstmEncoder)[0], run(small, frozen=LastImage(Features.of(small)))[0]]
    for result in results[1:]:
        pd.testing.assert_frame_equal(
            result.scores[["unit", "user", "metric"]], results[0].scores[["unit", "user", "metric"]]
        )
        pd.testing.assert_frame_equal(result.predictions[["unit", "item"]], results[0].predictions[["unit", "item"]])


def test_batches_of_the_evaluation_do_not_matter(small: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = run(small, LstmEncoder)
    monkeypatch.setattr("tasks.examples.click_evaluation._QUERIES", 3)
    monkeypatch.setattr("tasks.examples.click_evaluation._ITEMS", 5)
    found, _ = run(small, LstmEncoder)
    pd.testing.assert_frame_equal(found.scores, expected.scores, atol=1e-6)


@pytest.mark.parametrize("batches", ["queries", "sessions"])
def test_one_pass_over_a_session_changes_no_number(
    small: Corpus, monkeypatch: pytest.MonkeyPatch, batches: str
) -> None:
    """With batches of sessions the LSTM sees each session once, in training and in the evaluation."""
    passes = []
    at_steps = LstmEncoder.at_steps
    monkeypatch.setattr(
        LstmEncoder, "at_steps", lambda self, *given: passes.append(self.training) or at_steps(self, *given)
    )
    found, _ = run(small, LstmEncoder, batches=batches)
    assert (True in passes) == (batches == "sessions")
    assert False in passes, "the queries of an evaluation come session by session whatever training does"
    monkeypatch.setattr("bench.training.prefix_vectors._IN_A_ROW", np.inf)
    passes.clear()
    alone, _ = run(small, LstmEncoder, batches=batches)
    assert not passes
    pd.testing.assert_frame_equal(found.scores, alone.scores, atol=1e-5)
    np.testing.assert_allclose(found.predictions["score"], alone.predictions["score"], atol=1e-4)


def test_batches_of_sessions_are_another_training_on_the_same_examples(small: Corpus) -> None:
    queries, sessions = (run(small, batches=drawn) for drawn in ("queries", "sessions"))
    assert queries[0].scores["unit"].tolist() == sessions[0].scores["unit"].tolist()
    assert queries[1].curve != sessions[1].curve


def test_one_label_is_refused_before_anything_runs() -> None:
    with pytest.raises(BenchError, match="labels of ctr: one labelled session cannot be"):
        ClickPredictionOptions(labels=1)


def test_few_labels_leave_the_test_split_whole(small: Corpus) -> None:
    everything, few = run(small)[0], run(small, labels=20)[0]
    units = [result.scores["unit"].drop_duplicates().tolist() for result in (everything, few)]
    assert units[0] == units[1]
    assert mean(everything) != mean(few)


def test_it_trains_on_all_shown_items_where_asked(small: Corpus) -> None:
    result, _ = run(small, negatives=0)
    assert np.isfinite(result.predictions["score"]).all()


def test_a_frozen_vector_goes_to_its_own_query(planted: Corpus) -> None:
    """Shuffled among the queries, the vectors are worth less: so they are not mixed up on the way."""
    order = np.random.default_rng(0).permutation(500)

    class Shuffled(LastImage):
        def forward(self, batch: SessionBatch) -> torch.Tensor:
            return super().forward(batch)[torch.from_numpy(order[: len(batch)])]

    right, wrong = (
        mean(run(planted, frozen=kind(Features.of(planted)), epochs=25, patience=25)[0])
        for kind in (LastImage, Shuffled)
    )
    assert right > wrong + 0.1


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_split_without_examples_is_a_clear_error(tmp_path: Path, split: str) -> None:
    content = read(random_corpus(tmp_path / "random", sessions=20))
    splits = content.tables["sessions"]["split"].to_pylist()
    content.replace("sessions", "downstream", [name != split for name in splits])
    corpus = write(tmp_path / "corpus", content)
    with pytest.raises(BenchError, match=f"no {split} query has a clicked and an unclicked item"):
        run(corpus)
