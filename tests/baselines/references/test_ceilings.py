"""Ceilings stand in the order that what they know gives them, in worlds where the answer is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import bench_here

from baselines.references.ceilings import BestCurrent, BestPrefix, Oracle, OracleIntent
from baselines.references.linear_reader import read_intents
from baselines.references.shown import Chance, ShownOrder
from bench.contracts import ClickCorpus, ClickDims, ClickReference
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.data.truth import read_truth
from bench.datasets.simulated import make
from tasks.examples.click import ClickExamples, example_queries
from tasks.examples.click_evaluation import ClickEvaluation, metrics_of


@dataclass
class World:
    """A simulated corpus, and how well references rank its test queries."""

    corpus: Corpus

    @cached_property
    def features(self) -> Features:
        return Features.of(self.corpus)

    def ndcg(self, kind: type[ClickReference]) -> float:
        examples = ClickExamples(self.corpus, self.features, 2)
        reference = kind(ClickDims(self.features.dims, examples.num_users))
        reference.prepare(ClickCorpus(self.corpus, self.features, example_queries(self.corpus, "train")))
        test = ClickEvaluation(examples, example_queries(self.corpus, "test"))
        return float(metrics_of(test.scored(reference.scores))["ndcg@10"].mean())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world") / "beauty"
    make(folder, name="beauty", sessions=3000, downstream=2000)
    return World(Corpus(folder))


def test_who_knows_more_ranks_better(world: World) -> None:
    levels = [world.ndcg(kind) for kind in (Chance, BestCurrent, BestPrefix, OracleIntent, Oracle)]
    assert np.diff(levels).min() > 0.01, levels


def test_where_clicks_depend_on_nothing_all_of_them_stand_at_chance(tmp_path: Path) -> None:
    nothing = ("text_signal", "visual_signal", "user_signal", "item_signal", "position_signal", "cascade")
    make(tmp_path / "beauty", name="beauty", sessions=1500, downstream=1500, **dict.fromkeys(nothing, 0))
    null = World(Corpus(tmp_path / "beauty"))
    chance = null.ndcg(Chance)
    assert null.ndcg(Oracle) == pytest.approx(chance, abs=1e-9), "all tie"
    for kind in (ShownOrder, BestCurrent, BestPrefix, OracleIntent):
        assert null.ndcg(kind) == pytest.approx(chance, abs=0.02), kind


def test_the_oracle_has_clicks_right_where_there_is_no_noise(tmp_path: Path) -> None:
    make(tmp_path / "beauty", name="beauty", sessions=300, downstream=300, noise=0, world=1)
    assert World(Corpus(tmp_path / "beauty")).ndcg(Oracle) == pytest.approx(1.0)


def test_the_order_shown_is_that_of_the_ranks(tmp_path: Path) -> None:
    none = dict.fromkeys(("text_signal", "visual_signal", "user_signal", "item_signal"), 0)
    make(tmp_path / "beauty", name="beauty", sessions=300, downstream=300, noise=0, world=1, **none)
    assert World(Corpus(tmp_path / "beauty")).ndcg(ShownOrder) == pytest.approx(1.0)


def test_the_reader_reads_what_a_linear_map_can_and_no_test_session(world: World) -> None:
    truth, columns = read_truth(world.corpus), world.corpus.columns
    test = columns.session_split[columns.query_session] == 2
    asked = test & columns.session_downstream[columns.query_session]
    with_prefix, alone = (read_intents(world.corpus, truth.intents, prefix) for prefix in (True, False))

    def explained(read: np.ndarray) -> float:
        return float(1 - np.square(read - truth.intents)[asked].mean() / truth.intents[asked].var())

    assert explained(with_prefix) > explained(alone) + 0.05 > 0.1
    other = truth.intents.copy()
    other[test] = 9
    down = columns.session_downstream[columns.query_session]
    assert np.array_equal(read_intents(world.corpus, other, True), with_prefix)
    assert not with_prefix[~down & test].any(), "nobody asks for these"


def test_a_simulated_run_has_them_by_one_name_and_a_log_does_not(tmp_path: Path) -> None:
    settings: list[str] = []
    for setting in ("sessions=300", "downstream=200", "shown=12", "ctr.epochs=1"):
        settings += ["--set", setting]
    common = ["run", "--task", "ctr", "--encoder", "vanilla", "--seeds", "1", "--json", "--out", str(tmp_path)]
    rows = bench_here(*common, "--baseline", "references,transearch", *settings).rows
    names: list[Any] = list(dict.fromkeys(row["baseline"] for row in rows))
    ceilings = ["best-current", "best-prefix", "oracle-intent", "oracle"]
    assert names == ["chance", "shown-order", "popularity", "bm25", *ceilings, "transearch"]
    assert {row["status"] for row in rows} == {"done"}


def test_a_corpus_without_truth_refuses_them_by_name_only(tmp_path: Path) -> None:
    from small_corpora import random_corpus

    corpus = random_corpus(tmp_path / "log", 60)
    common = ["run", "--task", "ctr", "--encoder", "vanilla", "--seeds", "1", "--dataset", str(corpus.folder)]
    common += ["--out", str(tmp_path / "runs")]
    ran = bench_here(*common, "--baseline", "oracle", "--json")
    assert "oracle cannot run on" in ran.error
    assert "has no known truth" in ran.error
    rows = bench_here(*common, "--baseline", "references", "--json")
    assert rows.code == 2 or all(row["baseline"] not in ("oracle", "best-prefix") for row in rows.rows)
