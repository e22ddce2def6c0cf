"""Differences between encoders of this table, other than those to vanilla: `python differences.py RUNS`.

RUNS is the folder of results (`--out`) of the command in table.md. Tests are two-sided, with the crossed variance over
users and seeds and p after Holm over the printed lines. The pairs were chosen after the table was seen, so they
describe this run and test no hypothesis.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from bench.stats.crossed import crossed_difference
from bench.stats.holm import holm

PAIRS = [
    ("muvcog-plus", "muvcog-m"),
    ("muvcog-plus", "lstm"),
    ("muvcog-plus", "transformer-iq"),
    ("muvcog-m", "random"),
    ("muvcog-m", "lstm"),
    ("muvcog-m", "muvcog-t"),
    ("muvcog-m", "hlv"),
    ("hlv", "agv"),
    ("gat", "agv"),
]
METRIC = "ndcg@10"

here = Path(__file__).parent
keys = {row["encoder"]: row["key"].split() for row in json.loads((here / "rows.json").read_text(encoding="utf-8"))}


def scores(encoder: str) -> pd.DataFrame:
    """An encoder's scores: a row per query (and user), a column per seed."""
    frames = [pd.read_parquet(Path(sys.argv[1], "cells", key, "scores.parquet")) for key in keys[encoder]]
    by_seed = [f[f["metric"] == METRIC].set_index(["unit", "user"])["value"].sort_index() for f in frames]
    return pd.concat(by_seed, axis=1)


differences = []
for left, right in PAIRS:
    left_scores, right_scores = scores(left), scores(right)
    assert left_scores.index.equals(right_scores.index)
    users = left_scores.index.get_level_values("user").to_numpy()
    differences.append(crossed_difference(np.asarray(left_scores - right_scores).T, users))
adjusted = holm([d.p for d in differences])
rows = [
    [f"{left} − {right}", f"{d.delta:+.4f}", f"[{d.low:+.4f}, {d.high:+.4f}]", "< 0.0001" if p < 1e-4 else f"{p:.4f}"]
    for (left, right), d, p in zip(PAIRS, differences, adjusted, strict=True)
]
print(tabulate(rows, ["", "Δ NDCG@10", "95 %", "p (Holm)"], tablefmt="github", disable_numparse=True))
