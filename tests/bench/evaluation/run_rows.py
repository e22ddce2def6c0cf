"""Rows of a run's summary: a reference, an encoder that helps, one that does not, and one that failed."""

from __future__ import annotations

from dataclasses import replace

from bench.evaluation.summary import SummaryRow

ROW = SummaryRow(
    task="ctr",
    dataset="small",
    baseline="b",
    encoder="vanilla",
    metric="ndcg@10",
    mean=0.5,
    std=0.01,
    seeds=5,
    delta=None,
    ci_low=None,
    ci_high=None,
    p=None,
    p_adjusted=None,
    n_users=20,
    n_queries=70,
    status="done",
    cached=False,
    key="k",
)
GOOD = replace(ROW, encoder="good", mean=0.6, delta=0.1, ci_low=0.08, ci_high=0.12, p=1e-6, p_adjusted=2e-6)
WEAK = replace(ROW, encoder="weak", mean=0.51, delta=0.01, ci_low=-0.02, ci_high=0.04, p=0.3, p_adjusted=0.6)
BROKEN = replace(ROW, encoder="broken", mean=None, std=None, status="failed", n_users=0, n_queries=0)
