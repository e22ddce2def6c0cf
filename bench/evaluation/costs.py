"""What each system buys, and the seconds that it takes: a table over stored cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bench.evaluation.experiment import Part
from bench.evaluation.tests import Results
from bench.plugins.specs import REFERENCE
from bench.runs.jobs import Cell
from bench.runs.store import Store


def costs(results: Results, parts: Sequence[Part], cells: Mapping[str, Sequence[Cell]], store: Store) -> pd.DataFrame:
    """A row per system of these parts that is finished, as :func:`bench.figures.cost.draw_cost` takes them.

    Baselines that read no session vector have ``vanilla`` alone and are left out. Of a system that stands in several
    parts the first counts.
    """
    rows: dict[tuple[str, str, str, str], dict[str, object]] = {}
    for part in parts:
        seconds = _seconds(cells[part.id], store)
        metric = part.metrics[0]
        for (dataset, baseline, encoder), mean in seconds.items():
            outcome = results.outcome(part.id, dataset, baseline, encoder, metric)
            if encoder != REFERENCE and (outcome is None or outcome.difference is None):
                continue
            difference = outcome.difference if outcome is not None else None
            rows.setdefault(
                (dataset, baseline, encoder, metric),
                {
                    "dataset": dataset,
                    "baseline": baseline,
                    "encoder": encoder,
                    "metric": metric,
                    "seconds": mean,
                    "delta": difference.delta if difference is not None else 0.0,
                    "low": difference.low if difference is not None else np.nan,
                    "high": difference.high if difference is not None else np.nan,
                },
            )
    table = pd.DataFrame(list(rows.values()))
    if not len(table):
        return table
    compared = set(table.loc[table["encoder"] != REFERENCE, "baseline"])
    return table[table["baseline"].isin(compared)].reset_index(drop=True)


def _seconds(cells: Sequence[Cell], store: Store) -> dict[tuple[str, str, str], float]:
    """Mean over seeds of the seconds of all jobs of a cell, by dataset, baseline and encoder; of finished systems."""
    found: dict[tuple[str, str, str], list[float | None]] = {}
    for cell in cells:
        records = [store.read(job.kind, job.key) for job in cell.jobs]
        done = all(record is not None and record.get("status") == "done" for record in records)
        total = sum(float(record["seconds"]) for record in records if record is not None) if done else None
        found.setdefault((cell.dataset, cell.baseline, cell.encoder), []).append(total)
    return {
        system: float(np.mean([s for s in seconds if s is not None]))
        for system, seconds in found.items()
        if all(s is not None for s in seconds)
    }
