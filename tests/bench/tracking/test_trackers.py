"""Results in trackers are those of the run, read back by each tracker's own library; one that fails spoils nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import Ran, bench_here
from small_corpora import random_corpus

pytestmark = pytest.mark.slow  # trains, and imports the trackers


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracking")
    random_corpus(folder / "small", sessions=60)
    return folder


def run(place: Path, *track: str) -> Ran:
    words = ["run", "--task", "ctr", "--baseline", "chance,transearch", "--encoder", "meanpool", "--seeds", 1, "--json"]
    words += ["--dataset", place / "small", "--set", "ctr.epochs=2", "--jobs", 1, "--device", "cpu"]
    return bench_here(*words, "--out", place / "runs", *(word for each in track for word in ("--track", each)))


@pytest.fixture(scope="module")
def told(place: Path) -> Ran:
    for name in ("mlflow", "tensorboard", "wandb"):
        pytest.importorskip(name)
    ran = run(place, f"mlflow:{place}/ml", f"tensorboard:{place}/tb", f"wandb:{place}/wb")
    assert ran.code == 0, ran.err
    assert ran.err.count("3 runs logged") == 3, ran.err
    return ran


def mean(told: Ran, baseline: str, encoder: str) -> float:
    (row,) = [r for r in told.rows if (r["baseline"], r["encoder"], r["metric"]) == (baseline, encoder, "ndcg@10")]
    return row["mean"]


def test_mlflow_has_every_cell_with_options_metrics_and_curves(place: Path, told: Ran) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{place}/ml/mlflow.db")
    experiment = client.get_experiment_by_name("ctr-small")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"chance/vanilla/0", "transearch/vanilla/0", "transearch/meanpool/0"}
    data = runs["transearch/meanpool/0"].data
    assert data.params["encoder.width"] == "64"
    assert data.metrics["ndcg_at_10"] == pytest.approx(mean(told, "transearch", "meanpool"), abs=1e-9)
    history = client.get_metric_history(runs["transearch/meanpool/0"].info.run_id, "valid")
    curve = pd.read_parquet(place / "runs" / "cells" / data.tags["key"] / "curve.parquet")
    assert [(point.step, point.value) for point in history] == list(zip(curve["epoch"], curve["valid"], strict=True))


def test_tensorboard_reads_the_curve_and_the_metric(place: Path, told: Ran) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = (place / "tb" / "ctr-small").glob("*meanpool*")
    events = EventAccumulator(str(folder)).Reload()
    assert events.Scalars("metric/ndcg@10")[0].value == pytest.approx(mean(told, "transearch", "meanpool"), abs=1e-6)
    assert [point.step for point in events.Scalars("curve/valid")] == [1, 2]


def test_wandb_has_an_offline_run_of_each_cell(place: Path, told: Ran) -> None:
    kept = json.loads((place / "wb" / "session-bench.json").read_text())
    files = list((place / "wb").rglob("run-*.wandb"))
    assert {file.stem.removeprefix("run-") for file in files} == set(kept)
    assert len(files) == 3


def test_a_result_is_logged_once(place: Path, told: Ran) -> None:
    from mlflow.tracking import MlflowClient

    assert run(place, f"mlflow:{place}/ml", f"tensorboard:{place}/tb", f"wandb:{place}/wb").code == 0
    client = MlflowClient(f"sqlite:///{place}/ml/mlflow.db")
    experiment = client.get_experiment_by_name("ctr-small")
    assert experiment is not None
    assert len(client.search_runs([experiment.experiment_id])) == 3
    assert len(list((place / "tb" / "ctr-small").iterdir())) == 3
    assert len(list((place / "wb").rglob("run-*.wandb"))) == 3


def test_a_tracker_that_fails_spoils_nothing(place: Path, told: Ran) -> None:
    (place / "file").write_text("")
    ran = run(place, f"tensorboard:{place}/file/x", f"mlflow:{place}/ml")
    assert ran.code == 0
    assert ran.rows == [{**row, "cached": True} for row in told.rows]
    assert "Warning: tensorboard was not told" in ran.err
    assert "3 runs logged to mlflow" in ran.err


def test_what_cannot_be_told_is_refused_before_anything_runs(place: Path) -> None:
    assert "there is no tracker 'mlflo' (did you mean mlflow?)" in run(place, "mlflo:x").error
    assert "'wandb' does not say where" in run(place, "wandb").error


def test_a_strangers_tracker_is_an_entry_point(place: Path, told: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    site = place / "site"
    (site / "ours-1.0.dist-info").mkdir(parents=True)
    (site / "ours-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    (site / "ours-1.0.dist-info" / "entry_points.txt").write_text(
        "[bench.trackers]\nours = our_tracking:log\ngone = our_tracking:nothing\nmlflow = our_tracking:nothing\n"
    )
    (site / "our_tracking.py").write_text(
        "def log(runs, place):\n    open(place, 'a').writelines(f'{run.key} {run.name}\\n' for run in runs)\n"
    )
    monkeypatch.syspath_prepend(str(site))
    ran = run(place, f"ours:{place}/ours.txt")
    assert ran.code == 0, ran.err
    names = {line.split()[1] for line in (place / "ours.txt").read_text().splitlines()}
    assert names == {"chance/vanilla/0", "transearch/vanilla/0", "transearch/meanpool/0"}
    assert "gone cannot be imported" in run(place, "gone:x").error
    assert "3 runs logged to mlflow" in run(place, f"mlflow:{place}/ml").err, "a name that comes along stays what it is"
