"""The training speed of the baselines: pytest-benchmark's JSON as ``baselines.json`` and ``baselines.md``, beside this.

``python results/speed/baseline_table.py FILE``, where ``pytest tests/benchmarks/test_baseline_speed.py
--benchmark-json=FILE`` wrote FILE.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tabulate import tabulate

ORIGINALS = {
    "transearch": "19,400 (512-d images, 50-d text)",
    "alstp, global_dim 128": "340–370 (one example at a time)",
    "hscm, hidden 256": "0.25–0.30; 3.9 with its bilinear layer as an einsum",
}
"""Training examples per second of the public code on one thread, measured on another day on a machine of the same kind:
orders of magnitude."""


_RATES = ("examples_per_second", "examples_per_cpu_second")


def rows_of(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """A row per benchmark: its measurements, and the seconds of its fastest and its median round."""
    return [
        {**run["extra_info"], "seconds_min": run["stats"]["min"], "seconds_median": run["stats"]["median"]}
        for run in measured["benchmarks"]
    ]


def table_of(rows: list[dict[str, Any]]) -> str:
    """The rates as a Markdown table with a line per model."""
    models = dict.fromkeys(row["model"] for row in rows)
    body = []
    for model in models:
        parts = {row["part"]: row for row in rows if row["model"] == model}
        step = parts.get("step") or parts["training"]
        with_data = parts.get("with data") or step
        cells = [_rate(row[key]) for row in (step, with_data) for key in _RATES]
        body.append([model, *cells, ORIGINALS.get(model, "")])
    head = ["model", "step, /s", "step, /CPU s", "with data, /s", "with data, /CPU s", "public code, /s"]
    return tabulate(body, head, tablefmt="github", colalign=["left", *["right"] * 4, "left"], disable_numparse=True)


def _rate(value: float) -> str:
    """A rate with three significant figures."""
    unit = 10 ** max(len(str(int(value))) - 3, 0)
    return f"{round(value / unit) * unit:,}"


def main(file: Path) -> None:
    """Writes both files from the JSON ``file``."""
    measured = json.loads(file.read_text())
    rows, here = rows_of(measured), Path(__file__).parent
    machine, commit = measured["machine_info"], measured.get("commit_info", {})
    about = {
        "cpu": machine.get("cpu", {}).get("brand_raw"),
        "python": machine["python_version"],
        "threads": 1,
        "date": measured["datetime"][:10],
        "commit": commit.get("id"),
        "uncommitted": commit.get("dirty"),
    }
    text = json.dumps({"measured": about, "rows": rows}, indent=1) + "\n"
    (here / "baselines.json").write_text(text)
    lines = [
        "Training examples (sessions for xgboost) per second, one thread, simulated sessions of `beauty`: "
        "by the clock, of the fastest round, and by CPU time, on average. `baselines.json` holds all of it.",
        table_of(rows),
        "The public code's numbers were taken on another day, on a machine of the same kind: orders of magnitude.",
    ]
    (here / "baselines.md").write_text("\n\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
