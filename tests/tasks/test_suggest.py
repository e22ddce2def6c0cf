"""Query suggestion: its examples against loops; it learns a planted world, and nothing where words are dealt anew."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from small_corpora import random_corpus
from whole_corpora import read, write

from baselines.ffn import FeedForward
from bench.contracts import SessionEncoder, TaskResult
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.data.features import Features
from bench.data.schema import KEYWORD, PRODUCT, SPLITS
from bench.data.writer import CorpusWriter
from bench.errors import BenchError
from bench.metrics.ranking import ranking_metrics
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors, SessionVectors, TrainedAlong
from encoders.controls import Vanilla
from encoders.lstm import LstmEncoder
from tasks.examples.suggestion import NextWords, example_queries
from tasks.suggest import QuerySuggestion

LOOKS, WORDS = 5, 60


def planted_world(folder: Path, sessions: int = 600, noise: bool = False) -> Corpus:
    """An image query, then a keyword query of two of the twelve words that belong to the image's look.

    With ``noise`` the keyword queries are dealt anew among the sessions.
    """
    rng = np.random.default_rng(0)
    with CorpusWriter(
        folder, name="planted", origin="simulated", licence="none", word_dim=8, image_dim=LOOKS
    ) as writer:
        vectors = rng.normal(size=(LOOKS, 8))[np.arange(WORDS) % LOOKS] + 0.3 * rng.normal(size=(WORDS, 8))
        writer.vocabulary([f"w{i}" for i in range(WORDS)], vectors.astype(np.float32))
        items = 20 * LOOKS
        look = np.arange(items) % LOOKS
        writer.images((100 * np.eye(LOOKS)[look] + rng.integers(-10, 11, (items, LOOKS))).astype(np.int8))
        names = [f"i{i}" for i in range(items)]
        writer.items(
            names, (np.arange(items + 1), np.zeros(items, int)), np.arange(items), ["c"] * items, ["d"] * items
        )
        place, asked = np.arange(sessions), rng.integers(0, items, sessions)
        split = np.select([place % 5 < 3, place % 5 == 3], [0, 1], 2)
        users = [f"u{i // 2}" for i in range(sessions)]
        writer.sessions([f"s{i}" for i in range(sessions)], users, 1000 * place, split, np.ones(sessions, bool))
        meant = rng.permutation(look[asked]) if noise else look[asked]
        own = np.argsort(rng.random((sessions, WORDS // LOOKS)), axis=1)[:, :2]
        word = meant[:, None] + LOOKS * own  # (S, 2)
        position = np.arange(2 * sessions) % 2
        image_query = position == 0
        writer.queries(
            [f"q{i}" for i in range(2 * sessions)],
            np.arange(2 * sessions) // 2,
            position,
            500 * np.arange(2 * sessions),
            np.where(image_query, PRODUCT, KEYWORD),
            (offsets_of(np.where(image_query, 0, 2)), word.ravel()),
            np.where(image_query, np.repeat(asked, 2), -1),
        )
    return Corpus(folder)


class SeenImages(SessionEncoder):
    """The mean image of the session as it is: what a perfect frozen encoder of the planted world would give."""

    def __init__(self, features: Features) -> None:
        super().__init__(features.dims)
        self.output_dim = features.dims.images

    def forward(self, batch: SessionBatch) -> torch.Tensor:
        return batch.mean_images()


def run(
    corpus: Corpus,
    encoder: type[SessionEncoder] = Vanilla,
    frozen: SessionEncoder | None = None,
    seed: int = 0,
    **options: int | str,
) -> tuple[TaskResult, TrainingContext]:
    torch.manual_seed(seed)
    task = QuerySuggestion(**{"epochs": 2, **options})
    context = TrainingContext(corpus, seed)
    sessions: SessionVectors = TrainedAlong(encoder, context)
    if frozen is not None:
        units = task.units(corpus)
        with torch.no_grad():
            vectors = frozen(SessionBatch.from_prefixes(corpus, units, Features.of(corpus)))
        sessions = FrozenVectors(torch.from_numpy(units), vectors)
    return task.run(corpus, FeedForward, {"hidden": 32}, sessions, context), context


def mean(result: TaskResult, metric: str = "ndcg@10") -> float:
    return float(result.scores.query("metric == @metric")["value"].mean())


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return planted_world(tmp_path_factory.mktemp("planted") / "corpus")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Sessions of 1 … 6 steps; some keyword queries have no words, some a word twice; some users are unknown."""
    folder = tmp_path_factory.mktemp("small")
    content = read(random_corpus(folder / "random", sessions=80, image_share=0.5))
    content.replace("sessions", "user", [None if s % 6 == 0 else f"u{s // 3}" for s in range(80)])
    content.replace("sessions", "downstream", [s % 7 != 3 for s in range(80)])
    return write(folder / "corpus", content)


def answers(corpus: Corpus, split: str | None = None) -> dict[int, set[int]]:
    """Words of the next keyword query by the row of the query before it, from the tables, one row after the other."""
    queries = pq.read_table(corpus.folder / "queries.parquet").to_pylist()
    sessions = pq.read_table(corpus.folder / "sessions.parquet").to_pylist()
    found = {}
    for row, (query, following) in enumerate(itertools.pairwise(queries)):
        session = sessions[query["session"]]
        chosen = session["downstream"] and split in (None, session["split"])
        if (
            chosen
            and query["session"] == following["session"]
            and following["kind"] == "keyword"
            and following["words"]
        ):
            found[row] = set(following["words"])
    return found


# ---- examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [None, *SPLITS])
def test_examples_are_the_queries_followed_by_a_keyword_query_with_words(small: Corpus, split: str | None) -> None:
    expected = answers(small, split)
    assert len(expected) > 10
    queries = example_queries(small, split)
    assert queries.tolist() == list(expected)
    following = NextWords.after(small, queries)
    rows = np.random.default_rng(0).permutation(len(queries))[:9]
    words, owner = following.of(rows, torch.device("cpu"))
    for place, row in enumerate(rows):
        mine = words[owner == place].tolist()
        assert mine == sorted(expected[int(queries[row])])
    counts = following.counts(40)
    assert counts.tolist() == [sum(word in of for of in expected.values()) for word in range(40)]


def test_a_session_is_given_up_to_the_query_before(planted: Corpus) -> None:
    """The answer itself is the last step of the session: it must not be in the prefix."""
    task = QuerySuggestion()
    batch = SessionBatch.from_prefixes(planted, task.units(planted), Features.of(planted))
    assert batch.num_steps.tolist() == [1] * 600
    assert len(batch.words) == 0


# ---- what it learns --------------------------------------------------------------------------------------------------


def test_a_planted_world_is_learnt_through_the_session_and_only_through_it(planted: Corpus) -> None:
    options = {"epochs": 40, "patience": 40}
    trained, _ = run(planted, LstmEncoder, epochs=80, patience=80)
    frozen, _ = run(planted, frozen=SeenImages(Features.of(planted)), **options)
    vanilla, _ = run(planted, Vanilla, **options)
    for metric, least in (("ndcg@10", 0.15), ("hr@10", 0.3), ("mrr@10", 0.1), ("avg_sim", 0.3)):
        assert mean(trained, metric) > mean(vanilla, metric) + least, metric
        assert mean(frozen, metric) > mean(vanilla, metric) + least, metric
    assert mean(vanilla, "hr@10") == pytest.approx(2 * 10 / WORDS, abs=0.15)


def test_with_queries_dealt_anew_the_session_is_worth_nothing(tmp_path: Path) -> None:
    corpus = planted_world(tmp_path / "noise", noise=True)
    options = {"epochs": 15, "patience": 15}
    drawn = ranking_metrics(np.zeros((1, WORDS)), np.arange(WORDS)[None] < 2, np.ones((1, WORDS), bool))
    results = [
        run(corpus, LstmEncoder, **options)[0],
        run(corpus, frozen=SeenImages(Features.of(corpus)), **options)[0],
    ]
    for result in [*results, run(corpus, Vanilla, **options)[0]]:
        for metric, chance in drawn.items():
            values = result.scores.query("metric == @metric")["value"]
            assert abs(values.mean() - chance[0]) < 4 * values.std() / np.sqrt(len(values)), metric


def test_vanilla_ranks_words_by_how_often_training_asks_for_them(small: Corpus) -> None:
    result, _ = run(small, Vanilla)
    counts = np.zeros(40, int)
    for words in answers(small, "train").values():
        counts[list(words)] += 1
    tops = result.predictions.groupby("unit")["word"].agg(list)
    assert tops.map(tuple).nunique() == 1, "the same for every query"
    mine = counts[[int(word[1:]) for word in tops.iloc[0]]]
    assert sorted(mine, reverse=True)[:4] == sorted(counts, reverse=True)[:4]


# ---- what it reports -------------------------------------------------------------------------------------------------


def test_scores_are_one_row_a_query_and_metric(small: Corpus) -> None:
    result, context = run(small)
    queries = example_queries(small, "test")
    query_ids, session_ids = small.strings("queries", "query_id"), small.strings("sessions", "session_id")
    users, session = small.strings("sessions", "user"), small.columns.query_session[queries]
    assert list(result.scores.columns) == ["unit", "user", "metric", "value"]
    assert set(result.scores["metric"]) == {"ndcg@10", "hr@10", "mrr@10", "avg_sim"}
    for _, rows in result.scores.groupby("metric"):
        assert rows["unit"].tolist() == [query_ids[int(q)].as_py() for q in queries]
        assert rows["user"].tolist() == [users[int(s)].as_py() or session_ids[int(s)].as_py() for s in session]
    assert result.pooled == {}
    assert result.curve.to_dict("records") == context.curve


def test_predictions_are_the_top_words_and_give_the_scores_again(small: Corpus) -> None:
    result, _ = run(small, LstmEncoder)
    expected = answers(small, "test")
    vectors = np.asarray(small.word_vectors, dtype=np.float64)
    by_unit = dict(list(result.predictions.groupby("unit", sort=False)))
    query_ids = small.strings("queries", "query_id")
    scores = result.scores.pivot(index="unit", columns="metric", values="value")
    for query, words in expected.items():
        rows = by_unit[query_ids[query].as_py()]
        assert rows["rank"].tolist() == list(range(1, 11))
        assert rows["score"].is_monotonic_decreasing
        named = [int(word[1:]) for word in rows["word"]]
        assert rows["relevant"].tolist() == [word in words for word in named]
        order = [*named, *sorted(set(range(40)) - set(named))]  # what comes after the first ten has no influence
        relevant = np.array([[word in words for word in order]])
        found = scores.loc[query_ids[query].as_py()]
        for name, expected_value in ranking_metrics(-np.arange(40.0)[None], relevant, relevant | True).items():
            assert found[name] == pytest.approx(expected_value[0], abs=1e-9), name
        suggested, asked = vectors[named].mean(0), vectors[list(words)].mean(0)
        cosine = suggested @ asked / np.linalg.norm(suggested) / np.linalg.norm(asked)
        assert found["avg_sim"] == pytest.approx(cosine, abs=1e-5)


def test_the_seed_decides(small: Corpus) -> None:
    first, again, other = (run(small, LstmEncoder, seed=seed)[0] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.scores, again.scores)
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    assert not first.predictions["score"].equals(other.predictions["score"])
    assert first.scores["unit"].equals(other.scores["unit"]), "every seed is scored on the same queries"


def test_batches_of_the_evaluation_do_not_matter(small: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = run(small, LstmEncoder)
    monkeypatch.setattr("tasks.suggest._EVALUATION_BATCH", 3)
    found, _ = run(small, LstmEncoder)
    pd.testing.assert_frame_equal(found.scores, expected.scores, atol=1e-6)


def test_batches_of_sessions_are_another_training_on_the_same_examples(small: Corpus) -> None:
    queries, sessions = (run(small, LstmEncoder, batches=drawn) for drawn in ("queries", "sessions"))
    assert queries[0].scores["unit"].tolist() == sessions[0].scores["unit"].tolist()
    assert queries[1].curve != sessions[1].curve


def test_a_frozen_vector_goes_to_its_own_query(planted: Corpus) -> None:
    """Shuffled among the queries, the vectors are worth less: so they are not mixed up on the way."""
    order = torch.from_numpy(np.random.default_rng(0).permutation(600))

    class Shuffled(SeenImages):
        def forward(self, batch: SessionBatch) -> torch.Tensor:
            return super().forward(batch)[order]

    right, wrong = (
        mean(run(planted, frozen=kind(Features.of(planted)), epochs=40, patience=40)[0])
        for kind in (SeenImages, Shuffled)
    )
    assert right > wrong + 0.2


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_split_without_examples_is_a_clear_error(tmp_path: Path, split: str) -> None:
    content = read(random_corpus(tmp_path / "random", sessions=20))
    splits = content.tables["sessions"]["split"].to_pylist()
    content.replace("sessions", "downstream", [name != split for name in splits])
    corpus = write(tmp_path / "corpus", content)
    with pytest.raises(BenchError, match=f"no {split} query is followed by a keyword query"):
        run(corpus)
