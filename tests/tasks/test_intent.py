"""Intent classification: labels against a loop; it learns a planted world, and nothing where labels are dealt anew."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from small_corpora import random_corpus
from whole_corpora import read, write

from baselines.xgboost import BoostedTrees
from bench.contracts import SessionEncoder, TaskResult
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.data.schema import SPLITS
from bench.data.session_labels import most_frequent
from bench.errors import BenchError
from bench.metrics.classification import classification_metrics, metrics_of_predictions
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors, SessionVectors, TrainedAlong
from encoders.controls import Vanilla
from encoders.lstm import LstmEncoder
from tasks.examples.intent import Intents
from tasks.intent import IntentClassification

OPTIONS = {"rounds": 30, "depth": 3}


class MeanWords(SessionEncoder):
    """The mean word vector of the session."""

    def __init__(self, features: Features) -> None:
        super().__init__(features.dims)
        self.output_dim = features.dims.words

    def forward(self, batch: SessionBatch) -> torch.Tensor:
        return batch.mean_text()


def run(
    corpus: Corpus, frozen: bool = True, seed: int = 0, label: str = "auto", mixed: bool = False, vectors: float = 1.0
) -> tuple[TaskResult, TrainingContext]:
    task, context = IntentClassification(label=label), TrainingContext(corpus, seed)
    sessions: SessionVectors = TrainedAlong(Vanilla, context)
    if frozen:
        units = task.units(corpus)
        batch = SessionBatch.from_prefixes(corpus, units, Features.of(corpus))
        found = vectors * MeanWords(batch.features)(batch)
        if mixed:
            found = found[torch.from_numpy(np.random.default_rng(0).permutation(len(found)))]
        sessions = FrozenVectors(torch.from_numpy(units), found)
    return task.run(corpus, BoostedTrees, OPTIONS, sessions, context), context


def planted_world(folder: Path, sessions: int = 600, noise: bool = False) -> Corpus:
    """Sessions whose words are those of one of three domains, and whose clicks fall on its items.

    With ``noise`` the domains of the clicks are dealt anew among the sessions.
    """
    content = read(random_corpus(folder.with_name(folder.name + "-random"), sessions=sessions, longest=4))
    rng = np.random.default_rng(0)
    queries = content.tables["queries"].to_pylist()
    meant = rng.choice(3, sessions, p=[0.5, 0.3, 0.2])
    told = rng.permutation(meant) if noise else meant
    words = [[int(3 * rng.integers(0, 13) + meant[q["session"]]) for _ in range(4)] for q in queries]
    content.replace("queries", "words", words)
    vectors = rng.normal(size=(3, 8))[np.arange(40) % 3] + 0.5 * rng.normal(size=(40, 8))
    content.matrices["word_vectors"] = vectors.astype(np.float32)
    items = content.tables["items"].num_rows
    content.replace("items", "domain", [f"d{i % 3}" for i in range(items)])
    content.replace("items", "category", [f"c{i % 6}" for i in range(items)])
    query = content.tables["impressions"]["query"].to_numpy()
    session = np.array([q["session"] for q in queries])[query]
    place = rng.integers(0, items // 3, len(queries))[query] + content.tables["impressions"]["rank"].to_numpy()
    shown = 3 * (place % (items // 3)) + told[session]
    content.replace("impressions", "item", shown.tolist())
    return write(folder, content)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return planted_world(tmp_path_factory.mktemp("planted") / "corpus")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Sessions with few clicks or none, ties, items without domain or category, sessions outside the sample."""
    folder = tmp_path_factory.mktemp("small")
    content = read(random_corpus(folder / "random", sessions=90, longest=4))
    rng = np.random.default_rng(0)
    clicked = rng.random(content.tables["impressions"].num_rows) < 0.12
    content.replace("impressions", "clicked", clicked.tolist())
    content.replace("impressions", "click_time", [None] * len(clicked))
    items = content.tables["items"].num_rows
    content.replace("items", "domain", [None if i % 5 == 0 else f"d{i % 3}" for i in range(items)])
    content.replace("items", "category", [None if i % 7 == 0 else f"c{i % 4}" for i in range(items)])
    content.replace("sessions", "downstream", [s % 6 != 1 for s in range(90)])
    content.replace("sessions", "user", [None if s % 6 == 0 else f"u{s // 3}" for s in range(90)])
    return write(folder / "corpus", content)


# ---- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("label", "column"), [("domain", "domain"), ("leaf", "category"), ("auto", "domain")])
def test_the_label_is_the_category_most_clicked_in_the_session(small: Corpus, label: str, column: str) -> None:
    names = ("sessions", "queries", "impressions", "items")
    tables = {name: pq.read_table(small.folder / f"{name}.parquet").to_pylist() for name in names}
    codes = list(dict.fromkeys(item[column] for item in tables["items"] if item[column] is not None))
    clicks: dict[int, Counter] = {}
    for shown in tables["impressions"]:
        session, name = tables["queries"][shown["query"]]["session"], tables["items"][shown["item"]][column]
        if shown["clicked"] and name is not None and tables["sessions"][session]["downstream"]:
            clicks.setdefault(session, Counter())[codes.index(name)] += 1
    expected = {s: max(c, key=lambda code, c=c: (c[code], -code)) for s, c in sorted(clicks.items())}
    ties = sum(sorted(c.values())[-1:] == sorted(c.values())[-2:-1] for c in clicks.values())
    assert ties > 5, "ties are what the test is about"

    intents = Intents.of(small, label)
    assert intents.sessions.tolist() == list(expected)
    assert [intents.names[code] for code in intents.labels] == [codes[code] for code in expected.values()]
    last = {query["session"]: row for row, query in enumerate(tables["queries"])}
    assert intents.queries.tolist() == [last[session] for session in expected]
    assert IntentClassification(label=label).units(small).tolist() == intents.queries.tolist()


def test_auto_is_the_leaf_where_there_is_one_domain(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=20)
    assert set(Intents.of(corpus, "auto").names) == {"c0", "c1", "c2"}
    with pytest.raises(BenchError, match="'genre' is not one of auto, domain, leaf"):
        Intents.of(corpus, "genre")


def test_most_frequent_of_nothing() -> None:
    owners, codes = most_frequent(np.zeros(0, int), np.zeros(0, int), 3)
    assert (len(owners), len(codes)) == (0, 0)
    owners, codes = most_frequent(np.array([2, -1, 1, -1]), np.array([4, 4, 4, 7]), 3)
    assert (owners.tolist(), codes.tolist()) == ([4], [1])


# ---- what it learns --------------------------------------------------------------------------------------------------


def test_a_planted_world_is_learnt_from_the_vectors_and_vanilla_knows_the_prior(planted: Corpus) -> None:
    result, _ = run(planted)
    for metric, least in (("f1", 0.9), ("auc", 0.97), ("acc", 0.9), ("precision", 0.9), ("recall", 0.9)):
        assert result.pooled[metric] > least, metric
    assert result.scores["value"].mean() > 0.9

    vanilla, _ = run(planted, frozen=False)
    intents = Intents.of(planted, "auto")
    split = planted.columns.session_split[intents.sessions]
    share = np.bincount(intents.labels[split == SPLITS.index("train")]) / (split == SPLITS.index("train")).sum()
    columns = [f"p:{name}" for name in intents.names]
    assert (vanilla.predictions[columns].to_numpy() == share).all()
    assert set(vanilla.predictions["predicted"]) == {share.argmax()}
    assert vanilla.pooled["auc"] == 0.5
    assert vanilla.pooled["recall"] == pytest.approx(1 / 3)


def test_with_labels_dealt_anew_the_vectors_are_worth_nothing(tmp_path: Path) -> None:
    result, _ = run(planted_world(tmp_path / "noise", noise=True))
    share = np.bincount(result.predictions["label"]) / len(result.predictions)
    claimed = np.bincount(result.predictions["predicted"], minlength=3) / len(result.predictions)
    chance = {
        "auc": 0.5,
        "recall": 1 / 3,
        "precision": np.mean(share * (claimed > 0)),
        "f1": np.mean(2 * share * claimed / (share + claimed)),
        "acc": np.mean(share * claimed + (1 - share) * (1 - claimed)),
    }
    for metric, expected in chance.items():
        assert result.pooled[metric] == pytest.approx(expected, abs=0.13), metric
    assert result.scores["value"].mean() == pytest.approx(share @ claimed, abs=4 * 0.5 / np.sqrt(120))


def test_vectors_go_to_their_own_session(planted: Corpus) -> None:
    assert run(planted)[0].pooled["f1"] > run(planted, mixed=True)[0].pooled["f1"] + 0.3


# ---- what it reports -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["domain", "leaf"])
def test_scores_and_predictions_are_one_row_a_session(small: Corpus, label: str) -> None:
    result, context = run(small, label=label)
    intents = Intents.of(small, label)
    chosen = small.columns.session_split[intents.sessions] == SPLITS.index("test")
    ids, users = small.strings("sessions", "session_id"), small.strings("sessions", "user")
    expected = [ids[int(s)].as_py() for s in intents.sessions[chosen]]
    owners = [users[int(s)].as_py() or ids[int(s)].as_py() for s in intents.sessions[chosen]]
    assert list(result.scores.columns) == ["unit", "user", "metric", "value"]
    assert set(result.scores["metric"]) == {"accuracy"}
    for frame in (result.scores, result.predictions):
        assert frame["unit"].tolist() == expected
        assert frame["user"].tolist() == owners
    predictions = result.predictions
    assert predictions["label"].tolist() == intents.labels[chosen].tolist()
    columns = [name for name in predictions.columns if name.startswith("p:")]
    assert columns == [f"p:{name}" for name in intents.names]
    probabilities = predictions[columns].to_numpy()
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert predictions["predicted"].tolist() == probabilities.argmax(1).tolist()
    assert result.scores["value"].tolist() == (predictions["label"] == predictions["predicted"]).tolist()
    assert list(result.curve.columns) == ["epoch", "train_loss", "valid"]
    assert result.curve.to_dict("records") == context.curve


def test_pooled_metrics_come_again_from_stored_predictions(small: Corpus, tmp_path: Path) -> None:
    result, _ = run(small, label="leaf")
    result.predictions.to_parquet(tmp_path / "predictions.parquet", index=False)
    assert metrics_of_predictions(pd.read_parquet(tmp_path / "predictions.parquet")) == pytest.approx(result.pooled)
    columns = [name for name in result.predictions.columns if name.startswith("p:")]
    labels, predicted = (result.predictions[name].to_numpy() for name in ("label", "predicted"))
    assert result.pooled == classification_metrics(labels, predicted, result.predictions[columns].to_numpy())


def test_the_seed_and_the_scale_of_the_vectors_change_nothing(planted: Corpus) -> None:
    first, again, scaled = run(planted, seed=3)[0], run(planted, seed=3)[0], run(planted, seed=3, vectors=64.0)[0]
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    pd.testing.assert_frame_equal(first.predictions, scaled.predictions, atol=1e-3)


@pytest.mark.parametrize("lacking", SPLITS)
def test_a_class_that_a_split_lacks_does_not_crash(planted: Corpus, tmp_path: Path, lacking: str) -> None:
    content = read(planted)
    intents = Intents.of(planted, "domain")
    rare = set(intents.sessions[intents.labels == 2].tolist())
    splits = content.tables["sessions"]["split"].to_pylist()
    other = "train" if lacking != "train" else "test"
    moved = [other if s in rare and name == lacking else name for s, name in enumerate(splits)]
    content.replace("sessions", "split", moved)
    corpus = write(tmp_path / "corpus", content)
    result, _ = run(corpus, label="domain")
    assert all(np.isfinite(value) for value in result.pooled.values())
    columns = [name for name in result.predictions.columns if name.startswith("p:")]
    assert len(columns) == 3
    if lacking == "train":
        of_rare = result.predictions[result.predictions["label"] == 2]
        assert len(of_rare) > 20
        assert not of_rare[columns[2]].any()
        assert not (result.predictions["predicted"] == 2).any()
        assert result.scores["value"].mean() < 0.9


def test_an_encoder_that_is_not_frozen_is_refused(small: Corpus) -> None:
    context = TrainingContext(small, 0)
    with pytest.raises(BenchError, match="take frozen session vectors only"):
        IntentClassification().run(small, BoostedTrees, {}, TrainedAlong(LstmEncoder, context), context)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_without_examples_is_a_clear_error(small: Corpus, tmp_path: Path, split: str) -> None:
    content = read(small)
    splits = content.tables["sessions"]["split"].to_pylist()
    content.replace("sessions", "downstream", [name != split for name in splits])
    with pytest.raises(BenchError, match=f"no {split} session has a click"):
        run(write(tmp_path / "corpus", content))


def test_without_a_validation_split_it_trains_all_rounds(small: Corpus, tmp_path: Path) -> None:
    content = read(small)
    splits = content.tables["sessions"]["split"].to_pylist()
    content.replace("sessions", "downstream", [name != "valid" for name in splits])
    result, _ = run(write(tmp_path / "corpus", content))
    assert len(result.curve) == OPTIONS["rounds"]


def test_a_hundred_classes_make_no_warning(tmp_path: Path) -> None:
    """A column for each class, added one by one, fragments the table of predictions: pandas warned of every one."""
    content = read(random_corpus(tmp_path / "random", sessions=200))
    content.replace("items", "category", [f"c{i}" for i in range(content.tables["items"].num_rows)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.PerformanceWarning)
        result, _ = run(write(tmp_path / "corpus", content), label="leaf")
    assert sum(str(name).startswith("p:") for name in result.predictions) > 100
    assert list(result.predictions)[:4] == ["unit", "user", "label", "predicted"]
