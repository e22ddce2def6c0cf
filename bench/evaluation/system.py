"""The results of one system, read from its cells: one per seed, all scored on the same examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.metrics.classification import PROBABILITY
from bench.runs.jobs import Cell
from bench.runs.store import Store
from bench.stats.examples import Examples, Scores, fingerprint_candidates
from bench.stats.family import chosen_validation


@dataclass(frozen=True, eq=False)
class System:
    """All seeds of one (dataset, baseline, encoder).

    Attributes:
        values: per metric (S, Q), queries in the order of ``examples.query``.
        examples: what was scored; the same object for all systems that were scored on the same.
        seeds: (S,) the seeds' numbers.
        cells: the cells' folders, in the order of the seeds.
    """

    values: dict[str, NDArray[np.float64]]
    examples: Examples
    seeds: tuple[int, ...]
    cells: tuple[Path, ...]

    def scores(self, metric: str) -> Scores:
        """One of its metrics."""
        return Scores(self.values[metric], self.examples, self.seeds)


@dataclass(frozen=True, eq=False)
class Classified:
    """The predictions of a classifier.

    Attributes:
        truth: (Q,) class codes, in the order of the system's ``examples.query``.
        predicted: (S, Q) codes.
        probabilities: (S, Q, C).
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def read_system(cells: Sequence[Cell], store: Store, known: Sequence[Examples]) -> System:
    """Reads ``scores.parquet`` of finished cells, and the candidates in their ``predictions.parquet``, each once.

    Args:
        cells: one per seed.
        store: where they are.
        known: examples that other systems of the task and dataset were scored on; shared where they are the same.

    Raises:
        BenchError: seeds were scored on different examples, or a file is damaged.
    """
    folders = tuple(store.folder("cells", cell.key) for cell in cells)
    read = [_scores(folder) for folder in folders]
    scored = read[0][0]
    for (other, _), cell in zip(read[1:], cells[1:], strict=True):
        scored.assert_same(other, f"{cell.jobs[-1].title} and seed {cells[0].seed}")
    shared = next((examples for examples in known if _same(examples, scored)), scored)
    metrics = list(read[0][1])
    if any(set(of) != set(metrics) for _, of in read):
        raise BenchError("seeds have different metrics", where=cells[0].jobs[-1].title, fix="run the cells again")
    values = {metric: np.stack([of[metric] for _, of in read]) for metric in metrics}
    return System(values, shared, tuple(cell.seed for cell in cells), folders)


def read_classified(system: System) -> Classified:
    """Reads what a classifier predicted: columns ``unit``, ``label``, ``predicted`` and ``p:NAME`` of every class.

    Raises:
        BenchError: predictions that don't fit the scores.
    """
    labels, predicted, probabilities = [], [], []
    for folder in system.cells:
        frame = pd.read_parquet(folder / "predictions.parquet")
        frame = frame.iloc[np.argsort(frame["unit"].to_numpy(), kind="stable")]
        if not np.array_equal(frame["unit"].to_numpy(), system.examples.query):
            raise BenchError("predictions of other examples than the scores", where=str(folder))
        labels.append(frame["label"].to_numpy(np.int64))
        predicted.append(frame["predicted"].to_numpy(np.int64))
        columns = [name for name in frame.columns if name.startswith(PROBABILITY)]
        probabilities.append(frame[columns].to_numpy(np.float64))
    if any(not np.array_equal(labels[0], other) for other in labels[1:]):
        raise BenchError("seeds have different labels", where=str(system.cells[0]), fix="run the cells again")
    return Classified(labels[0], np.stack(predicted), np.stack(probabilities))


def read_validation(folder: Path) -> float:
    """The validation metric of the chosen epoch of a cell; NaN where it has no curve, or nothing to validate on."""
    curve = pd.read_parquet(folder / "curve.parquet")
    return chosen_validation(curve["valid"].astype("float64")) if "valid" in curve else float("nan")


def pooled_values(records: Sequence[dict[str, Any]]) -> dict[str, NDArray[np.float64]]:
    """The values (S,) of each pooled metric, from the records of a system's cells; NaN where one isn't defined."""
    each = [record.get("pooled", {}) for record in records]
    return {metric: np.array([of.get(metric) for of in each], dtype=np.float64) for metric in each[0]} if each else {}


def _scores(folder: Path) -> tuple[Examples, dict[str, NDArray[np.float64]]]:
    """The examples of a cell, and the values (Q,) of each metric in their order."""
    frame = pd.read_parquet(folder / "scores.parquet", columns=["unit", "user", "metric", "value"])
    parts = {str(metric): part for metric, part in frame.groupby("metric", sort=False, observed=True)}
    if not parts:
        raise BenchError("no scores in it", where=str(folder / "scores.parquet"), fix="remove the folder and run again")
    lead = next(iter(parts.values()))
    examples = Examples.of(lead["unit"].to_numpy(), lead["user"].to_numpy())
    values = {}
    for metric, part in parts.items():
        units = part["unit"].to_numpy()
        order = np.argsort(units, kind="stable")
        if not np.array_equal(units[order], examples.query):
            raise BenchError(f"{metric} was not scored on all units", where=str(folder / "scores.parquet"))
        values[metric] = part["value"].to_numpy(np.float64)[order]
    examples = Examples.of(examples.query, lead["user"].to_numpy()[examples.order], _candidates(folder, examples.query))
    return examples, values


def _candidates(folder: Path, units: NDArray[Any]) -> NDArray[np.uint64] | None:
    """(Q,) fingerprints of the candidate lists; None where the task has none."""
    file = folder / "predictions.parquet"
    if not {"unit", "item"} <= set(pq.read_schema(file).names):
        return None
    frame = pq.read_table(file, columns=["unit", "item"], read_dictionary=["unit"])
    unit = frame["unit"].combine_chunks()
    ids = unit.dictionary.to_pandas().to_numpy()
    seen, marks = fingerprint_candidates(unit.indices.to_numpy(), frame["item"].to_numpy())
    order = np.argsort(ids[seen], kind="stable")
    if not np.array_equal(ids[seen][order], units):
        raise BenchError("predictions of other units than the scores", where=str(file), fix="run the cell again")
    return marks[order]


def _same(one: Examples, other: Examples) -> bool:
    try:
        one.assert_same(other, "")
    except BenchError:
        return False
    return True
