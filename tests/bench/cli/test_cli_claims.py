"""``bench claims`` answers from stored results: nothing tested before a run, planted truths after it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from command_line import Ran, bench_here

pytestmark = pytest.mark.slow  # worker processes import torch

EXPERIMENT = """
    title = "three claims on simulated sessions"
    seeds = 2
    [settings]
    sessions = 600
    downstream = 600
    rounds = 5
    [claims]
    C1 = "a session vector tells the category (section 4.6)"
    C2 = "knowing nothing is better than knowing words"
    C3 = "nobody has tested this"
    [[part]]
    id = "intents"
    title = "Intents"
    task = "intent"
    datasets = ["beauty"]
    baselines = ["xgboost"]
    encoders = ["meanpool", "random"]
    metrics = ["accuracy"]
    [[family]]
    name = "one"
    part = "intents"
    claim = "C1"
    hypotheses = [
        { encoder = "meanpool", reference = "vanilla", alternative = "greater" },
        { encoder = "random", reference = "vanilla", alternative = "greater" },
    ]
    [[family]]
    name = "two"
    part = "intents"
    claim = "C2"
    hypotheses = [{ encoder = "meanpool", reference = "vanilla", alternative = "less" }]
"""


def claims(folder: Path, *options: object) -> Ran:
    (folder / "mine.toml").write_text(dedent(EXPERIMENT))
    return bench_here("claims", "mine.toml", "--out", folder / "runs", *options)


def test_before_and_after_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = claims(tmp_path, "--json")
    assert before.code == 0, before.err
    assert {row["verdict"] for row in before.rows} == {"not tested"}
    assert "6 of 6 cells have no result: bench claims mine.toml --run" in before.err

    after = claims(tmp_path, "--run", "--jobs", 1, "--json")
    assert after.code == 0, after.err
    assert [(r["claim"], r["dataset"], r["verdict"]) for r in after.rows] == [
        ("C1", "beauty", "holds"),
        ("C2", "beauty", "does not hold"),
        ("C3", None, "not tested"),
    ]
    first = after.rows[0]
    assert list(first) == ["claim", "dataset", "verdict", "effect", "ci_low", "ci_high", "p_adjusted"]
    assert first["effect"] > 0.1
    assert first["ci_low"] <= first["effect"] <= first["ci_high"]
    assert first["p_adjusted"] < 0.05

    text = claims(tmp_path)
    assert text.code == 0
    assert "| C1 | a session vector tells the category (section 4.6) | beauty (simulated) | holds |" in text.out
    assert "- intent beauty xgboost: random > vanilla on accuracy" in text.out
    assert "Note: simulated" in text.out


def test_an_unknown_experiment_is_told(tmp_path: Path) -> None:
    ran = bench_here("claims", "kdd23", "--out", tmp_path / "runs")
    assert "kdd22" in ran.error
