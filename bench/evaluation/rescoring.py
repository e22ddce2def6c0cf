"""The metrics that stored cells can be asked for: their names, and their values from scores or predictions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.evaluation.rankings import Answers, Rankings, read_rankings
from bench.evaluation.system import System
from bench.metrics.measures import Measure, measure_of
from bench.plugins.specs import TaskSpec

_SAME = 1e-6


@dataclass(frozen=True)
class Reported:
    """A metric that a task reports and that is no measure of rankings, such as ``avg_sim`` or the macro ``f1``."""

    name: str


Metric = Measure | Reported
Values = NDArray[np.float64] | str
"""(S, Q) values of a metric, or why it cannot be had."""


def metric_of(text: str, reported: Collection[str]) -> Metric:
    """The metric of this name, in any case.

    Args:
        text: what was typed.
        reported: the metrics that the task reports; one that is also a measure with a cut-off, such as ``ndcg@10``, is
            that measure.

    Raises:
        BenchError: nothing is called so.
    """
    own = {name.lower(): name for name in reported}.get(text.strip().lower())
    if own is None:
        return measure_of(text, reported)
    try:
        measure = measure_of(own)
    except BenchError:
        return Reported(own)
    return measure if measure.own == own else Reported(own)


def scores_of_cells(
    system: System, metrics: Sequence[Metric], answers: Callable[[], Answers], task: TaskSpec
) -> dict[str, Values]:
    """Every metric of a system, from its stored scores and predictions; each file is read once.

    Args:
        system: the stored one.
        metrics: what is asked.
        answers: for lists of first ranks only: counts each unit's relevant candidates.
        task: for errors.

    Raises:
        BenchError: the task stores nothing that a metric can be computed from.
    """
    measures = [metric for metric in metrics if isinstance(metric, Measure)]
    found: dict[str, Values] = {
        metric.name: system.values[metric.name] for metric in metrics if metric.name in system.values
    }
    if not measures:
        return found
    of_cells: dict[str, dict[str, Values]] = {}  # a reference has one cell for all seeds
    for seed, folder in enumerate(system.cells):
        if folder.name not in of_cells:
            stored = {name: values[seed] for name, values in system.values.items()}
            rankings = read_rankings(folder, system.examples.query, answers)
            if rankings is not None and rankings.depth is None:
                values = rankings.measured(*measures)
                of_cells[folder.name] = {m.name: one for m, one in zip(measures, values, strict=True)}
            else:
                of_cells[folder.name] = {m.name: _told(m, rankings, stored, task) for m in measures}
    for measure in measures:
        each = [of_cells[folder.name][measure.name] for folder in system.cells]
        reasons = [one for one in each if isinstance(one, str)]
        found[measure.name] = reasons[0] if reasons else np.stack([one for one in each if not isinstance(one, str)])
    return found


def _told(measure: Measure, first: Rankings | None, stored: dict[str, NDArray[np.float64]], task: TaskSpec) -> Values:
    """(Q,) a measure of a cell that keeps first ranks only, or no rankings.

    What the cell itself scored counts, as it knew all ties.
    """
    if measure.own in stored:
        return stored[measure.own]
    if first is None or f"ndcg@{first.depth}" not in stored:
        fix = f"what it reports: {', '.join(sorted(stored))}"
        raise BenchError(f"{task.name} stores no rankings that {measure.name} could be computed from", fix=fix)
    if measure.formula.of_chances is not None:
        first = replace(first, ndcg=stored[f"ndcg@{first.depth}"])
    try:
        (values,) = first.measured(measure)
    except BenchError as error:
        raise BenchError(error.what, where=task.name, fix="a smaller cut-off, or another measure") from None
    untold = 0 if measure.formula.of_chances is not None else _untold(measure, first, stored)
    if untold:
        return f"{untold} {task.units} have ties that reach below the {first.depth} ranks that are stored"
    return values


def _untold(measure: Measure, first: Rankings, stored: dict[str, NDArray[np.float64]]) -> int:
    """For how many units a tie at the last stored rank reaches both below it and into the measure's ranks.

    It does where the stored ranks alone do not explain what the cell scored.
    """
    assert measure.k is not None  # as it is about first ranks
    names = [f"{name}@{first.depth}" for name in ("ndcg", "hr", "mrr") if f"{name}@{first.depth}" in stored]
    unexplained = np.zeros(len(first), dtype=bool)
    for name, values in zip(names, first.measured(*map(measure_of, names)), strict=True):
        unexplained |= np.abs(values - stored[name]) > _SAME
    return int((unexplained & first.tied_to_last(measure.k)).sum())
