"""What the Ray engine costs beside the local one, on this machine: two nodes of one CPU against two workers.

``python results/scale/engines.py grid`` times the same small grid on both, in turns, and looks whether scores are
equal. ``python results/scale/engines.py tiny`` times 10,000 cells that compute nothing on Ray. Both print a line of
JSON for each run. Nothing is written but into a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from bench.plugins.registry import registry
from bench.runs.engines.engine import Engine
from bench.runs.plan import Plan, RunRequest, make_plan, missing_jobs
from bench.runs.store import Store

_SMALL = ["sessions=150", "downstream=80", "ctr.epochs=1"]
_OFFER = """
from bench import BaselineSpec, TaskSpec, hookimpl

@hookimpl
def bench_tasks():
    return [TaskSpec("nothing", "tiny_task:Nothing", "computes nothing", "ourselves", primary="one")]

@hookimpl
def bench_baselines():
    said = "computes nothing", "ourselves"
    return [BaselineSpec(f"tiny-{i}", "tiny_task:Tiny", *said, task="nothing") for i in range(10)]
"""
_TASK = """
import numpy as np
import pandas as pd
from bench import Task, TaskResult

class Tiny:
    pass

class Nothing(Task):
    def units(self, corpus):
        return np.arange(1)
    def run(self, corpus, baseline, options, sessions, context):
        scores = pd.DataFrame({"unit": ["q"], "user": ["u"], "metric": ["one"], "value": [1.0]})
        return TaskResult(scores, scores, pd.DataFrame({"epoch": [0], "train_loss": [0.0], "valid": [0.0]}))
"""


def main() -> None:
    """Reads what to measure, and measures it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["grid", "tiny"])
    parser.add_argument("--seeds", type=int, default=None, help="10 of the grid (40 cells), 1000 of tiny (10,000)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each engine runs the grid")
    parser.add_argument("--set", action="append", help=f"NAME=VALUE of the grid's cells; {' '.join(_SMALL)}")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if chosen.what == "tiny":
            _offer_tiny(root / "plugin")
        with _two_nodes() as address:
            if chosen.what == "tiny":
                request = RunRequest("nothing", ["vanilla"], [], ["beauty"], chosen.seeds or 1000, _SMALL[:2], "cpu")
                _timed(request, root / "tiny", Engine("ray", address), None)
                return
            encoders = ["meanpool", "lstm", "word2vec"]
            sizes = chosen.set or _SMALL
            request = RunRequest("ctr", encoders, ["transearch"], ["beauty"], chosen.seeds or 10, sizes, "cpu")
            scores = set()
            for turn in range(chosen.rounds):
                scores.add(_timed(request, root / f"local-{turn}", Engine(), 2))
                scores.add(_timed(request, root / f"ray-{turn}", Engine("ray", address), None))
            print(json.dumps({"equal_scores": len(scores) == 1}))


def _offer_tiny(folder: Path) -> None:
    """Installs a task that computes nothing, for this process and those of the cluster."""
    info = folder / "tiny-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "tiny_plugin.py").write_text(_OFFER)
    (folder / "tiny_task.py").write_text(_TASK)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bench]\ntiny = tiny_plugin\n")
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])


@contextmanager
def _two_nodes() -> Iterator[str]:
    """A cluster of two nodes of one CPU on this machine; hands out its address."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    one = {"num_cpus": 1, "object_store_memory": 150 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**one, "include_dashboard": False})
    cluster.add_node(**one)
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


def _timed(request: RunRequest, out: Path, engine: Engine, workers: int | None) -> str:
    """Runs a grid, prints how long it took, and returns a hash of its scores."""
    store = Store(out)
    plan = make_plan(request, registry(), store)
    missing = missing_jobs(plan.jobs, store)
    began = time.perf_counter()
    engine.run_jobs(missing, store, workers)
    seconds = time.perf_counter() - began
    failed = len(missing_jobs(plan.jobs, store))
    said = {"engine": engine.name, "cells": len(plan.cells), "jobs": len(missing), "failed": failed}
    print(
        json.dumps(said | {"seconds": round(seconds, 1), "jobs_per_second": round(len(missing) / seconds, 2)}),
        flush=True,
    )
    return _scores(plan, store)


def _scores(plan: Plan, store: Store) -> str:
    digest = sha256()
    for key in sorted(cell.key for cell in plan.cells):
        digest.update((store.folder("cells", key) / "scores.parquet").read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
