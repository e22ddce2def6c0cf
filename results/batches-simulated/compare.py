"""Batches of sessions beside batches of queries: the comparison across the two parts that ``batches.toml`` declares.

::

    bench tables results/batches-simulated/batches.toml --out RUNS --to TABLES
    python results/batches-simulated/compare.py TABLES RUNS

NDCG@10 of TranSearch, sessions minus queries, with the crossed variance over users and seeds: the two-sided difference
with its 95 % interval, and p of the equivalence within the declared margin, after Holm over the encoders.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from bench.stats.equivalence import equivalence
from bench.stats.holm import holm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from differences import difference, keys_of, scores

ENCODERS, MARGIN = ("vanilla", "lstm", "transformer"), 0.01


def main(tables: Path, runs: Path) -> None:
    """Prints a line for each encoder."""
    queries, sessions = (keys_of(pd.read_csv(tables / f"{part}.csv")) for part in ("queries", "sessions"))
    found = [difference(scores(runs, sessions[name]), scores(runs, queries[name])) for name in ENCODERS]
    adjusted = holm([equivalence(one, MARGIN).p for one in found])
    lines = [
        [name, f"{one.delta:+.4f}", f"[{one.low:+.4f}, {one.high:+.4f}]", f"{one.p:.4f}", f"{p:.4f}"]
        for name, one, p in zip(ENCODERS, found, adjusted, strict=True)
    ]
    head = ["", "sessions − queries", "95 %", "p, two-sided", f"p, within {MARGIN} (Holm)"]
    print(tabulate(lines, head, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
