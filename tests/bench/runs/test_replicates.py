"""Corpora as replicates: which corpora and models a run over several has, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_corpora import random_corpus

from bench.datasets import simulated
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.runs.plan import Plan, RunRequest, make_plan
from bench.runs.replicates import MOST_SEEDS, model_seeds, of_model_seed
from bench.runs.store import Store

SIZES = ("sessions=120", "downstream=60")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("replicates"))


def plan(store: Store, *settings: str, encoders: tuple[str, ...] = ("meanpool",), **request: Any) -> Plan:
    request = {"baselines": ["transearch"], "seeds": 2, "device": "cpu"} | request
    return make_plan(RunRequest("ctr", encoders, settings=[*SIZES, *settings], **request), registry(), store)


def test_every_corpus_is_made_with_its_seed_and_has_models_of_its_own(store: Store) -> None:
    made = plan(store, corpus_seeds=3, datasets=("beauty", "clothes"))
    for dataset in ("beauty", "clothes"):
        mine = [cell for cell in made.cells if cell.dataset == dataset and cell.encoder == "meanpool"]
        seeds = [(cell.corpus_seed, cell.seed) for cell in mine]
        assert seeds == [(1, 0), (1, 1), (2, 1000), (2, 1001), (3, 2000), (3, 2001)]
        assert len({cell.jobs[-1].config["corpus"]["fingerprint"] for cell in mine}) == 3
        assert {cell.jobs[-1].config["corpus"]["dataset"] for cell in mine} == {dataset}, "one name for all"
        assert mine[2].jobs[0].title == f"pretrain meanpool on {dataset} corpus 2 seed 1000"
    assert len({cell.key for cell in made.cells}) == len(made.cells)
    assert list(made.corpora) == ["beauty", "clothes"]
    assert made.corpora["beauty"].info.source["options"]["seed"] == 1


def test_more_corpora_or_seeds_leave_the_cells_that_there_are(store: Store) -> None:
    keys = {cell.key for cell in plan(store, corpus_seeds=2, seeds=1).cells}
    assert keys < {cell.key for cell in plan(store, corpus_seeds=3, seeds=1).cells}
    assert keys < {cell.key for cell in plan(store, corpus_seeds=2, seeds=2).cells}
    alone = {cell.key for cell in plan(store, "beauty.seed=1", seeds=1).cells}
    assert alone < keys, "corpus 1 has the cells of a run on it alone"


def test_a_reference_has_one_cell_a_corpus(store: Store) -> None:
    made = plan(store, corpus_seeds=3, baselines=["popularity"], encoders=())
    assert len(made.cells) == 6
    assert len({cell.key for cell in made.cells}) == 3


def test_seeds_of_two_corpora_never_meet_and_say_which_corpus() -> None:
    for corpus in (1, 2, 5):
        seeds = model_seeds(corpus, MOST_SEEDS)
        assert [of_model_seed(seed) for seed in seeds] == [(corpus, before) for before in range(MOST_SEEDS)]
    assert model_seeds(None, 3) == range(3)


@pytest.mark.parametrize(
    ("request_", "settings", "line"),
    [
        ({"corpus_seeds": 1}, (), "--corpus-seeds: 1 corpus (2 to 100; 5 or more for a claim"),
        ({"corpus_seeds": 101}, (), "--corpus-seeds: 101 corpora (2 to 100"),
        ({"datasets": ["fashioniq"]}, (), "--corpus-seeds: fashioniq is not simulated: it has one corpus"),
        ({}, ("beauty.seed=3",), "--corpus-seeds: beauty.seed=3 is set, but corpus seeds are 1, 2, …"),
    ],
)
def test_what_cannot_be_replicated_is_refused_in_one_line(
    request_: dict[str, Any], settings: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    with pytest.raises(BenchError) as error:
        make_plan(
            RunRequest("ctr", ["vanilla"], ["popularity"], **{"corpus_seeds": 2, "settings": settings, **request_}),
            registry(),
            Store(tmp_path),
        )
    assert str(error.value).startswith(line)
    assert not any(tmp_path.iterdir()), "nothing was made"


def test_the_folder_of_a_corpus_is_one_corpus(tmp_path: Path) -> None:
    folder = random_corpus(tmp_path / "small", sessions=20).folder
    request = RunRequest("ctr", ["vanilla"], ["popularity"], [str(folder)], corpus_seeds=2)
    with pytest.raises(BenchError, match="is not simulated"):
        make_plan(request, registry(), Store(tmp_path / "runs"))


def test_a_corpus_that_cannot_be_had_is_named_by_its_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    real = simulated.make

    def make_but_the_second(folder: Path, **options: Any) -> None:
        made.append(folder)
        if len(made) == 2:
            raise BenchError("cannot be had", where=str(folder))
        real(folder, **options)

    monkeypatch.setattr(simulated, "make", make_but_the_second)
    with pytest.raises(BenchError, match="beauty, corpus seed 2: "):
        plan(Store(tmp_path), corpus_seeds=2, seeds=1)
