"""Metrics that are no means over queries go from a cell to the table: a mean over seeds, a difference, and no p."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_corpora import random_corpus

from bench.grid.jobs import Cell, Job
from bench.grid.local import run_jobs
from bench.grid.run import RunRequest, make_plan
from bench.grid.store import Store, write_record
from bench.registry import registry
from bench.report.run_table import markdown_run
from bench.report.summary import SummaryRow, summarise


def stored(store: Store, encoder: str, seed: int, pooled: dict[str, float | None], right: list[int]) -> Cell:
    key = f"{encoder}-{seed}"
    with store.publish("cells", key) as folder:
        units = [f"s{i}" for i in range(len(right))]
        frame = pd.DataFrame({"unit": units, "user": units, "metric": "accuracy", "value": np.asarray(right, float)})
        frame.to_parquet(folder / "scores.parquet")
        write_record(folder, "cells", {"status": "done", "pooled": pooled})
    return Cell("small", "intent", "b", encoder, seed, (Job("cells", key, {}, "", (), key),))


@pytest.fixture
def rows(tmp_path: Path) -> dict[tuple[str, str], SummaryRow]:
    store = Store(tmp_path)
    cells = [
        stored(store, "vanilla", 0, {"f1": 0.1, "auc": None}, [0, 1, 0, 0]),
        stored(store, "vanilla", 1, {"f1": 0.2, "auc": 0.5}, [0, 0, 1, 0]),
        stored(store, "good", 0, {"f1": 0.6, "auc": 0.8}, [1, 1, 0, 1]),
        stored(store, "good", 1, {"f1": 0.8, "auc": 0.9}, [1, 1, 1, 1]),
    ]
    return {(row.encoder, row.metric): row for row in summarise(cells, store, "f1", "vanilla")}


def test_a_pooled_metric_has_a_mean_a_deviation_and_a_difference(rows: dict[tuple[str, str], SummaryRow]) -> None:
    assert [metric for encoder, metric in rows if encoder == "good"] == ["f1", "accuracy", "auc"]
    good = rows["good", "f1"]
    assert (good.mean, good.std, good.seeds) == (pytest.approx(0.7), pytest.approx(np.std([0.6, 0.8], ddof=1)), 2)
    assert good.delta == pytest.approx(0.55)
    assert (good.ci_low, good.ci_high, good.p, good.p_adjusted) == (None,) * 4
    assert rows["vanilla", "f1"].delta is None
    assert rows["good", "accuracy"].p is not None, "a mean over sessions is tested as ever"
    assert rows["good", "accuracy"].delta == pytest.approx(0.875 - 0.25)


def test_what_is_not_defined_for_a_seed_is_no_number(rows: dict[tuple[str, str], SummaryRow]) -> None:
    text = json.dumps([rows["vanilla", "auc"].as_dict(), rows["good", "auc"].as_dict()], allow_nan=False)
    vanilla, good = json.loads(text)
    assert (vanilla["mean"], good["delta"]) == (None, None)
    assert good["mean"] == pytest.approx(0.85)


def test_a_run_of_intent_shows_them(tmp_path: Path) -> None:
    corpus, store = random_corpus(tmp_path / "small", sessions=60), Store(tmp_path / "runs")
    request = RunRequest("intent", ["random"], datasets=[str(corpus.folder)], seeds=1, settings=["rounds=5"])
    plan = make_plan(request, registry(), store)
    run_jobs((job for cell in plan.cells for job in cell.jobs), store, 1, lambda *_: None)
    rows = summarise(plan.cells, store, plan.primary, "vanilla")
    record = store.read("cells", plan.cells[-1].key)
    assert record is not None
    assert record["status"] == "done", record.get("traceback")
    found = {row.metric: row.mean for row in rows if row.encoder == "random"}
    assert list(found) == ["f1", "acc", "accuracy", "auc", "precision", "recall"]
    assert found == pytest.approx(record["metrics"])
    table = markdown_run(rows, plan.corpora, plan.primary)
    assert f"{found['f1']:.3f}" in table
    assert "sessions of" in table
