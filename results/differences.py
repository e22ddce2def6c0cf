"""Differences between encoders of a recorded table, other than those to vanilla.

::

    python results/differences.py TABLE RUNS "LEFT - RIGHT" …

TABLE is the record's ``rows.json`` or ``.csv``, RUNS the folder of results (``--out``) of the command that made it.
NDCG@10 beside TranSearch; two-sided, with the crossed variance over users and seeds, and p after Holm over the printed
lines. Pairs that were chosen after the table was seen describe that run and test no hypothesis.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from bench.stats.crossed import Difference, crossed_difference
from bench.stats.holm import holm

BASELINE, METRIC = "transearch", "ndcg@10"


def scores(runs: Path, keys: str) -> pd.DataFrame:
    """The scores of cells, one key for each seed: a row per query (and user), a column per seed."""
    frames = [pd.read_parquet(runs / "cells" / key / "scores.parquet") for key in keys.split()]
    by_seed = [f[f["metric"] == METRIC].set_index(["unit", "user"])["value"].sort_index() for f in frames]
    return pd.concat(by_seed, axis=1)


def keys_of(rows: pd.DataFrame) -> pd.Series:
    """The cells of each encoder of a recorded table, one key for each seed."""
    return rows[(rows["baseline"] == BASELINE) & (rows["metric"] == METRIC)].set_index("encoder")["key"]


def difference(left: pd.DataFrame, right: pd.DataFrame) -> Difference:
    """Of two encoders' scores of the same queries."""
    assert left.index.equals(right.index)
    users = left.index.get_level_values("user").to_numpy()
    return crossed_difference((left.to_numpy() - right.to_numpy()).T, users)


def main(table: Path, runs: Path, pairs: list[list[str]]) -> None:
    """Prints a line for each pair."""
    rows = pd.read_json(table) if table.suffix == ".json" else pd.read_csv(table)
    keys = keys_of(rows)
    found = [difference(*(scores(runs, keys[encoder]) for encoder in pair)) for pair in pairs]
    lines = [
        [" − ".join(pair), f"{d.delta:+.4f}", f"[{d.low:+.4f}, {d.high:+.4f}]", "< 0.0001" if p < 1e-4 else f"{p:.4f}"]
        for pair, d, p in zip(pairs, found, holm([d.p for d in found]), strict=True)
    ]
    print(tabulate(lines, ["", "Δ NDCG@10", "95 %", "p (Holm)"], tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [pair.split(" - ") for pair in sys.argv[3:]])
