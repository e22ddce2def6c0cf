"""The summary of a run: a mean over seeds and the difference to vanilla, for every system and metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.grid.jobs import Cell
from bench.grid.store import Store
from bench.stats.crossed import crossed_difference
from bench.stats.holm import holm


@dataclass(frozen=True)
class SummaryRow:
    """One array element of ``bench run --json``.

    Attributes:
        mean, std: of the seeds' means over queries, or of a pooled metric's values; std is None with one seed, and for
            a reference, of which one result stands for every seed.
        delta: difference to the reference, with 95 % interval ``ci_low`` … ``ci_high`` over users and seeds. A pooled
            metric is no mean over queries (:class:`bench.contracts.TaskResult`): it has a difference, but no interval
            and no p.
        p, p_adjusted: two-sided, raw and after Holm over the run's family: all encoders of all baselines and datasets,
            the primary metric in one family and the others in a second.
        status: ``done``, ``failed`` (some seed failed) or ``missing``.
        cached: no cell of this row was computed by this call.
        key: keys of the cells, joined by spaces.
    """

    task: str
    dataset: str
    baseline: str
    encoder: str
    metric: str
    mean: float | None
    std: float | None
    seeds: int
    delta: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    p_adjusted: float | None
    n_users: int
    n_queries: int
    status: str
    cached: bool
    key: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; an endless interval is null."""
        return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class _System:
    """The scores of one (dataset, baseline, encoder): per metric (S, Q), pooled ones (S,); and each query's user."""

    status: str
    keys: tuple[str, ...]
    seeds: int
    units: pd.Index
    users: np.ndarray
    scores: Mapping[str, np.ndarray]
    pooled: Mapping[str, np.ndarray]

    def values(self, metric: str) -> np.ndarray:
        """(S,) the metric of each seed; empty without results."""
        if metric in self.pooled:
            return self.pooled[metric]
        return self.scores[metric].mean(1) if metric in self.scores else np.empty(0)


def summarise(
    cells: Sequence[Cell], store: Store, primary: str, reference: str, computed: frozenset[str] = frozenset()
) -> list[SummaryRow]:
    """Rows in the order of ``cells``, the primary metric first.

    Args:
        cells: of one task.
        store: where their results are.
        primary: the metric of the first family.
        reference: the encoder that all others are compared to.
        computed: keys of the cells that were computed just now.

    Raises:
        BenchError: two systems were scored on different queries.
    """
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.dataset, cell.baseline, cell.encoder), []).append(cell)
    systems = {name: _load(group, store) for name, group in groups.items()}
    found = next(([*s.scores, *s.pooled] for s in systems.values() if s.scores), [primary])
    metrics = sorted(found, key=lambda metric: (metric != primary, metric))
    differences = {
        (*name, metric): _difference(systems[name], systems[name[0], name[1], reference], metric, name)
        for name in systems
        for metric in metrics
        if name[2] != reference
    }
    adjusted: dict[tuple[str, ...], float] = {}
    for family in ([primary], [m for m in metrics if m != primary]):
        members = [n for n, d in differences.items() if n[3] in family and d is not None]
        adjusted |= dict(zip(members, holm([differences[n].p for n in members]).tolist(), strict=True))

    rows = []
    for name, system in systems.items():
        for metric in metrics:
            means = system.values(metric)
            difference = differences.get((*name, metric))
            of_reference = systems[name[0], name[1], reference].values(metric) if name[2] != reference else np.empty(0)
            compared = difference is None and len(means) and len(of_reference)
            plain = float(means.mean() - of_reference.mean()) if compared else None
            rows.append(
                SummaryRow(
                    task=groups[name][0].task,
                    dataset=name[0],
                    baseline=name[1],
                    encoder=name[2],
                    metric=metric,
                    mean=float(means.mean()) if len(means) else None,
                    std=float(means.std(ddof=1)) if len(means) > 1 and len(set(system.keys)) > 1 else None,
                    seeds=system.seeds,
                    delta=difference.delta if difference else plain,
                    ci_low=difference.low if difference else None,
                    ci_high=difference.high if difference else None,
                    p=difference.p if difference else None,
                    p_adjusted=adjusted.get((*name, metric)),
                    n_users=len(np.unique(system.users)),
                    n_queries=len(system.units),
                    status=system.status,
                    cached=not computed.intersection(system.keys),
                    key=" ".join(dict.fromkeys(system.keys)),
                )
            )
    return rows


def _load(cells: Sequence[Cell], store: Store) -> _System:
    keys = tuple(cell.key for cell in cells)
    records = [store.read("cells", key) for key in keys]
    status = "failed" if any(r is not None and r["status"] == "failed" for r in records) else "done"
    status = "missing" if any(r is None for r in records) else status
    frames = [
        pd.read_parquet(store.folder("cells", key) / "scores.parquet")
        for key, record in zip(keys, records, strict=True)
        if record is not None and record["status"] == "done"
    ]
    if status != "done":
        return _System(status, keys, len(frames), pd.Index([]), np.empty(0), {}, {})
    wide = [frame.pivot(index=["unit", "user"], columns="metric", values="value").sort_index() for frame in frames]
    if any(not other.index.equals(wide[0].index) for other in wide[1:]):
        raise BenchError("seeds were scored on different queries", where=" ".join(keys))
    units = wide[0].index.get_level_values("unit")
    users = wide[0].index.get_level_values("user").to_numpy()
    scores = {str(metric): np.stack([w[metric].to_numpy() for w in wide]) for metric in wide[0].columns}
    each = [(record or {}).get("pooled", {}) for record in records]  # None where a metric isn't defined
    pooled = {str(metric): np.array([of[metric] for of in each], dtype=np.float64) for metric in each[0]}
    return _System(status, keys, len(frames), units, users, scores, pooled)


def _difference(system: _System, reference: _System, metric: str, name: tuple[str, ...]) -> Any:
    if not system.scores or not reference.scores or metric in system.pooled:
        return None
    if not system.units.equals(reference.units):
        raise BenchError("was scored on other queries than the reference", where=" ".join(name))
    return crossed_difference(system.scores[metric] - reference.scores[metric], system.users)
