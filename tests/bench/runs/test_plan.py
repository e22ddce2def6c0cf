"""From names to planned cells: everything is checked before anything is run."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from small_corpora import random_corpus
from third_party import install

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.plugins.registry import Registry, registry
from bench.runs.plan import Plan, RunRequest, make_plan, resolve_device
from bench.runs.store import Store


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=20)


def plan(corpus: Corpus, root: Path, *encoders: str, **request: Any) -> Plan:
    request = {"datasets": [str(corpus.folder)], "seeds": 2, "device": "cpu", "baselines": ["transearch"]} | request
    return make_plan(RunRequest("ctr", encoders, **request), registry(), Store(root))


def test_the_reference_comes_first_and_once(corpus: Corpus, tmp_path: Path) -> None:
    for encoders in (("lstm", "random"), ("lstm", "vanilla", "random", "lstm")):
        cells = plan(corpus, tmp_path, *encoders).cells
        assert [(c.encoder, c.seed) for c in cells] == [(e, s) for e in ("vanilla", "lstm", "random") for s in (0, 1)]
        assert len({cell.key for cell in cells}) == len(cells)


def test_without_baselines_it_is_all_of_the_task(corpus: Corpus, tmp_path: Path) -> None:
    made = plan(corpus, tmp_path, baselines=[], seeds=1)
    every = ["chance", "shown-order", "popularity", "bm25", "transearch", "alstp", "hscm"]  # no ceilings: no truth
    assert [cell.baseline for cell in made.cells] == every
    assert (made.request.baselines, made.request.encoders) == (every, ["vanilla"]), "what was resolved is there to read"


def test_references_are_those_that_a_log_can_have(corpus: Corpus, tmp_path: Path) -> None:
    made = plan(corpus, tmp_path, baselines=["references", "transearch"], seeds=1)
    assert made.request.baselines == ["chance", "shown-order", "popularity", "bm25", "transearch"]
    with pytest.raises(BenchError, match="oracle cannot run on"):
        plan(corpus, tmp_path, baselines=["oracle", "transearch"], seeds=1)


BASELINE = """
    from bench import BaselineSpec, TaskSpec, hookimpl
    @hookimpl
    def bench_baselines():
        mine = BaselineSpec("mine", "m:B", "h", "c", task="ctr")
        return [mine, BaselineSpec("of-theirs", "m:B", "h", "c", task="theirs")]
    @hookimpl
    def bench_tasks():
        return [TaskSpec("theirs", "m:T", "h", "c", primary="x"), TaskSpec("alone", "m:T", "h", "c", primary="x")]
"""


def test_what_others_install_joins_no_default(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install(tmp_path / "theirs", "their-baseline", {"their_baseline_of_ctr": BASELINE}))
    found = Registry(entry_points(group="bench"))
    assert "mine" in found.names("baseline")
    assert found.default_baselines("ctr") == registry().default_baselines("ctr")
    assert found.default_baselines("theirs") == ["of-theirs"]
    alone = RunRequest("alone", ["lstm"], datasets=[str(corpus.folder)])
    with pytest.raises(BenchError, match=r"--baseline: no baseline comes with alone"):
        make_plan(alone, found, Store(tmp_path))


def test_references_come_first_once_with_vanilla_alone(corpus: Corpus, tmp_path: Path) -> None:
    cells = plan(corpus, tmp_path, "lstm", baselines=["transearch", "bm25"]).cells
    assert [(c.baseline, c.encoder, c.seed) for c in cells] == [
        *(("bm25", "vanilla", seed) for seed in (0, 1)),
        *(("transearch", encoder, seed) for encoder in ("vanilla", "lstm") for seed in (0, 1)),
    ]
    assert len({cell.key for cell in cells[:2]}) == 1, "nothing random: one result stands for every seed"
    assert len({cell.key for cell in cells}) == 5
    assert [job.kind for job in cells[0].jobs] == ["cells"]


def test_an_encoder_for_references_alone_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="bm25 is a reference: it reads no session vector"):
        plan(corpus, tmp_path, "lstm", baselines=["bm25"])
    assert len(plan(corpus, tmp_path, "vanilla", baselines=["bm25", "popularity"]).cells) == 4


def test_a_folder_is_called_by_its_corpus_name(corpus: Corpus, tmp_path: Path) -> None:
    made = plan(corpus, tmp_path)
    assert list(made.corpora) == ["small"]
    assert {cell.dataset for cell in made.cells} == {"small"}
    assert made.primary == "ndcg@10"


def test_a_dataset_is_made_once_and_named_by_what_decides_it(corpus: Corpus, tmp_path: Path) -> None:
    settings = ["sessions=100", "downstream=60", "shown=10"]
    folders = set()
    for extra in ([], [], ["drift=0.3"]):
        made = plan(corpus, tmp_path, datasets=["beauty"], settings=[*settings, *extra])
        folders.add(made.corpora["beauty"].folder)
        assert {cell.dataset for cell in made.cells} == {"beauty"}
    assert len(folders) == 2
    assert {path.name for path in (tmp_path / "corpora").iterdir()} == {folder.name for folder in folders}


def test_frozen_encoders_share_their_pretraining_and_others_have_none(corpus: Corpus, tmp_path: Path) -> None:
    by_name = {cell.encoder: cell for cell in plan(corpus, tmp_path, "lstm", "random", seeds=1).cells}
    assert [job.kind for job in by_name["vanilla"].jobs] == ["cells"]
    assert [job.kind for job in by_name["lstm"].jobs] == ["cells"]
    assert [job.kind for job in by_name["random"].jobs] == ["encoders", "embeddings", "cells"]


@pytest.mark.parametrize("twice", ["the same folder", "the same name"])
def test_a_dataset_that_stands_twice_is_refused(corpus: Corpus, tmp_path: Path, twice: str) -> None:
    """Its cells would be taken for more seeds of one dataset."""
    other = f"{corpus.folder}/" if twice == "the same folder" else str(random_corpus(tmp_path / "b", 20, 1).folder)
    with pytest.raises(BenchError, match="'small' stands twice"):
        plan(corpus, tmp_path, datasets=[str(corpus.folder), other])


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        ({"seeds": 0}, "--seeds: 0 seeds"),
        ({"device": "gpu"}, "--device: 'gpu' is not auto, cpu or cuda"),
        ({"baselines": ["transaerch"]}, "did you mean transearch?"),
        ({"settings": ["epohcs=1"]}, "did you mean epochs?"),
        ({"datasets": ["beauty"], "settings": ["sessions=1"]}, "sessions"),
        ({"datasets": ["mmsession"]}, "bench data fetch mmsession --from"),
        (
            {"datasets": ["fashioniq"], "settings": ["downstream=9"]},
            "bench data fetch fashioniq --from PATH|URL --set downstream=9;",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_anything_is_there(
    corpus: Corpus, tmp_path: Path, request_: dict[str, Any], line: str
) -> None:
    with pytest.raises(BenchError) as caught:
        plan(corpus, tmp_path / "runs", **request_)
    assert line in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_device_is_taken_by_its_name() -> None:
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") in ("cpu", "cuda")
