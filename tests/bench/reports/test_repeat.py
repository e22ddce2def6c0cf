"""The command that ``bench show`` prints plans the very cell that it was printed for."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from command_line import bench_here
from small_corpora import random_corpus

from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.reports.repeat import repeat_command, run_command
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store


def request_of(command: str) -> RunRequest:
    """What a ``bench run`` asks for."""
    program, run, *words = shlex.split(command)
    assert (program, run) == ("bench", "run")
    values: dict[str, list[str]] = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        values.setdefault(option, []).append(value)
    known = {"--task", "--baseline", "--encoder", "--dataset", "--seeds", "--device", "--set", "--out"}
    assert set(values) <= known | {"--corpus-seeds"}
    return RunRequest(
        values["--task"][0],
        values["--encoder"],  # one name: commas of a variant separate nothing
        values["--baseline"],
        values["--dataset"],
        int(values["--seeds"][0]),
        values.get("--set", []),
        values["--device"][0],
        int(values["--corpus-seeds"][0]) if "--corpus-seeds" in values else None,
    )


def record_of(cell: Any) -> dict[str, Any]:
    job = cell.jobs[-1]
    return {"key": cell.key, "config": job.config, "provenance": {"corpus_folder": job.corpus}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("repeat") / "some runs")


@pytest.mark.parametrize(
    ("task", "encoders", "settings"),
    [
        ("ctr", ["lstm", "muvcog-m"], ["sessions=120", "downstream=60", "visual_signal=0"]),
        (
            "ctr",
            ["muvcog-m[negatives=random,steps=7]", "muvcog-m"],
            ["sessions=120", "downstream=60", "steps=9", "mask_negatives=no", "transearch.dropout=0.1"],
        ),
        ("suggest", ["transformer"], ["sessions=120", "downstream=60", "dropout=0.25"]),
        ("intent", ["meanpool"], ["sessions=120", "downstream=60", "label=leaf"]),
    ],
)
def test_every_cell_of_a_run_comes_back_under_its_key(
    store: Store, task: str, encoders: list[str], settings: list[str]
) -> None:
    first = {"ctr": ["transearch"], "suggest": ["ffn"], "intent": ["xgboost"]}[task]
    plan = make_plan(RunRequest(task, encoders, first, ["beauty"], 2, settings, "cpu"), registry(), store)
    for cell in plan.cells:
        command = repeat_command(record_of(cell), registry(), store)
        again = make_plan(request_of(command), registry(), store)
        assert cell.key in [other.key for other in again.cells], command
        assert again.cells[-1].key == cell.key, "the last seed of the last encoder is the one that was asked"
        assert "--dataset beauty" in command
        assert shlex.quote(str(store.root)) in command


def test_every_cell_of_a_run_over_corpora_comes_back_under_its_key(store: Store) -> None:
    settings = ["sessions=120", "downstream=60"]
    request = RunRequest("ctr", ["lstm"], ["popularity", "transearch"], ["beauty"], 2, settings, "cpu", 3)
    plan = make_plan(request, registry(), store)
    for cell in plan.cells:
        again = make_plan(request_of(repeat_command(record_of(cell), registry(), store)), registry(), store)
        assert again.cells[-1].key == cell.key
    assert "--corpus-seeds 3" in shlex.join(run_command(plan.request))


def test_a_corpus_in_a_folder_is_named_by_its_folder(store: Store, tmp_path: Path) -> None:
    folder = random_corpus(tmp_path / "my corpus", sessions=40).folder
    plan = make_plan(
        RunRequest("ctr", ["lstm"], ["transearch"], [str(folder)], 1, ["epochs=3"], "cpu"), registry(), store
    )
    for cell in plan.cells:
        again = make_plan(request_of(repeat_command(record_of(cell), registry(), store)), registry(), store)
        assert again.cells[-1].key == cell.key


def test_only_what_is_not_the_default_is_set_and_the_usual_folder_is_not_named(tmp_path: Path) -> None:
    folder = random_corpus(tmp_path / "corpus", sessions=40).folder
    plan = make_plan(
        RunRequest("ctr", ["lstm"], ["transearch"], [str(folder)], 1, [], "cpu"), registry(), Store(tmp_path)
    )
    command = repeat_command(record_of(plan.cells[-1]), registry(), Store("runs"))
    assert command.startswith("bench run --task ctr --baseline transearch --encoder lstm --dataset ")
    assert command.endswith("--seeds 1 --device cpu")


def test_what_no_command_repeats_is_said(store: Store) -> None:
    settings = ["sessions=120", "downstream=60"]
    plan = make_plan(RunRequest("ctr", ["meanpool"], ["transearch"], ["beauty"], 1, settings, "cpu"), registry(), store)
    cell = plan.cells[-1]
    record = record_of(cell)
    embedding = {**record, "config": cell.jobs[-2].config}
    pretraining = {**record, "config": cell.jobs[0].config}
    with pytest.raises(BenchError, match="on the way to a cell"):
        repeat_command(embedding, registry(), store)
    assert repeat_command(pretraining, registry(), store).startswith("bench pretrain --encoder meanpool")
    config = {**record["config"], "encoder": {**record["config"]["encoder"], "name": "was-uninstalled"}}
    with pytest.raises(BenchError, match="no encoder is called"):
        repeat_command({**record, "config": config}, registry(), store)
    options = {**record["config"]["baseline"]["options"], "gone": 1}
    config = {**record["config"], "baseline": {**record["config"]["baseline"], "options": options}}
    with pytest.raises(BenchError, match="no option 'gone' any more"):
        repeat_command({**record, "config": config}, registry(), store)


@pytest.mark.slow
def test_the_printed_command_runs_and_finds_the_result(tmp_path: Path) -> None:
    sizes = ("--set", "sessions=150", "--set", "downstream=80", "--set", "epochs=1")
    names = ("--task", "ctr", "--baseline", "transearch", "--encoder", "meanpool", "--seeds", 2)
    ran = bench_here("run", *names, *sizes, "--out", tmp_path / "runs", "--json")
    assert ran.code == 0, ran.err
    keys = next(row["key"] for row in ran.rows if row["encoder"] == "meanpool").split()
    command = bench_here("show", keys[1], "--out", tmp_path / "runs").rows["repeat"]  # type: ignore[call-overload]
    again = bench_here(*shlex.split(command)[1:], "--json")
    assert again.code == 0, again.err
    rows = [row for row in again.rows if row["encoder"] == "meanpool"]
    assert all(row["cached"] for row in rows)
    assert {key for row in rows for key in row["key"].split()} == set(keys)
