"""Metrics that are no means over queries go from a cell to the table: a mean over seeds and a tested difference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_corpora import random_corpus

from bench.evaluation.summary import SummaryRow, results_of, summarise
from bench.plugins.registry import registry
from bench.reports.run_table import markdown_run
from bench.runs.engines.local import run_jobs
from bench.runs.plan import Plan, RunRequest, make_plan
from bench.runs.store import Store, write_record
from bench.stats.holm import holm


@pytest.fixture
def planned(tmp_path: Path) -> tuple[Plan, Store]:
    """A run of intent with two seeds."""
    corpus, store = random_corpus(tmp_path / "small", sessions=60), Store(tmp_path / "runs")
    request = RunRequest("intent", ["random"], datasets=[str(corpus.folder)], seeds=2, settings=["rounds=5"])
    plan = make_plan(request, registry(), store)
    run_jobs((job for cell in plan.cells for job in cell.jobs), store, 1, lambda *_: None)
    for cell in plan.cells:
        record = store.read("cells", cell.key) or {}
        assert record["status"] == "done", record.get("traceback")
    return plan, store


def rows_of(plan: Plan, store: Store) -> dict[tuple[str, str], SummaryRow]:
    return {(row.encoder, row.metric): row for row in summarise(results_of(plan.cells, store), plan.primary, "vanilla")}


def pooled(plan: Plan, store: Store, encoder: str, metric: str) -> np.ndarray:
    records = [store.read("cells", cell.key) or {} for cell in plan.cells if cell.encoder == encoder]
    return np.array([record["metrics"][metric] for record in records])


def test_a_pooled_metric_has_what_every_metric_has(planned: tuple[Plan, Store]) -> None:
    rows = rows_of(*planned)
    assert [metric for encoder, metric in rows if encoder == "random"] == [
        "f1", "acc", "accuracy", "auc", "precision", "recall",
    ]  # fmt: skip
    f1, reference = pooled(*planned, "random", "f1"), pooled(*planned, "vanilla", "f1")
    row = rows["random", "f1"]
    assert (row.mean, row.std, row.seeds) == (pytest.approx(f1.mean()), pytest.approx(f1.std(ddof=1)), 2)
    assert row.delta == pytest.approx(f1.mean() - reference.mean())
    assert row.ci_low is not None
    assert row.ci_high is not None
    assert row.ci_low < row.delta < row.ci_high
    assert row.p_adjusted == row.p, "the primary metric of one encoder is a family of one"
    assert rows["vanilla", "f1"].delta is None
    others = [rows["random", metric] for metric in ("acc", "accuracy", "auc", "precision", "recall")]
    adjusted = holm([row.p if row.p is not None else 1.0 for row in others]).tolist()
    assert [row.p_adjusted for row in others if row.p is not None] == pytest.approx(
        [p for p, row in zip(adjusted, others, strict=True) if row.p is not None]
    )


def test_what_is_not_defined_for_a_seed_is_no_number(planned: tuple[Plan, Store]) -> None:
    plan, store = planned
    cell = next(cell for cell in plan.cells if cell.encoder == "vanilla")
    record = store.read("cells", cell.key) or {}
    record["pooled"]["auc"] = None
    write_record(store.folder("cells", cell.key), "cells", record)
    rows = rows_of(plan, store)
    text = json.dumps([rows["vanilla", "auc"].as_dict(), rows["random", "auc"].as_dict()], allow_nan=False)
    vanilla, random = json.loads(text)
    assert (vanilla["mean"], random["mean"]) == (None, pytest.approx(pooled(plan, store, "random", "auc").mean()))


def test_the_printed_table_shows_them(planned: tuple[Plan, Store]) -> None:
    plan, store = planned
    rows = summarise(results_of(plan.cells, store), plan.primary, "vanilla")
    table = markdown_run(rows, plan.corpora, plan.primary)
    f1 = next(row for row in rows if (row.encoder, row.metric) == ("random", "f1"))
    assert f"{f1.mean:.2f}" in table
    assert f"{f1.delta:+.2f}" in table
    assert "sessions of" in table
