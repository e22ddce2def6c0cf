"""What the browser needs to compare any two systems: sums per user, and the units where systems differ most.

A unit is what a task scores: a query or a session. Sums per user are exact to single precision, so that wins and losses
are those of the tables. Of the units those are embedded on which the systems are furthest apart: with all of them, a
report of a large log would not open.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.experiment import Part
from bench.evaluation.system import System
from bench.evaluation.tests import Results
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.reports.html.session_pictures import session_pictures
from bench.reports.html.sessions import unit_words
from bench.reports.labels import dataset_label
from bench.stats.examples import Examples
from bench.stats.rounding import written_interval, written_p


@dataclass(frozen=True)
class Limits:
    """How much of a comparison is embedded, at most, for each task and dataset.

    Attributes:
        users: evenly chosen from their sorted labels; the report says so where there are more.
        units: with their words.
        pictures: letters that the pictures of all tasks and datasets together take, where corpora have some.
    """

    users: int
    units: int
    pictures: int


def comparisons(results: Results, limits: Limits) -> list[dict[str, Any]]:
    """A group per task, dataset and set of examples; each has the systems that were scored on the same units."""
    groups: dict[tuple[str, str, int], tuple[Part, str, Examples, dict[tuple[str, str], System]]] = {}
    for part in results.experiment.parts:
        for dataset in part.datasets:
            for baseline in part.baselines:
                for encoder in part.encoders:
                    system = results.system((part.id, dataset, baseline, encoder))
                    if system is None or _per_unit(part, system) is None:
                        continue
                    key = (part.task, dataset, id(system.examples))
                    group = groups.setdefault(key, (part, dataset, system.examples, {}))
                    group[3].setdefault((baseline, encoder), system)
    compared = [group for group in groups.values() if len(group[3]) > 1]
    return [_group(results, *group, replace(limits, pictures=limits.pictures // len(compared))) for group in compared]


def _group(
    results: Results,
    part: Part,
    dataset: str,
    examples: Examples,
    systems: dict[tuple[str, str], System],
    limits: Limits,
) -> dict[str, Any]:
    metric, label = _per_unit(part, next(iter(systems.values()))), results.experiment.label
    assert metric is not None  # comparisons leaves out systems without one
    values = np.stack([system.values[metric].mean(0) for system in systems.values()])  # (N, Q)
    spread = values.max(0) - values.min(0)  # (Q,)
    units = np.argsort(-spread, kind="stable")[: limits.units]
    sums = examples.users.sums(values)  # (N, U)
    users = evenly(len(examples.users), limits.users)
    whole = registry().get("task", part.task).units == "sessions"
    texts: dict[str, int] = {}
    shown = unit_words(results.corpora[dataset], examples.query[units], whole, texts)
    tested = _tested(results, (part.task, dataset, metric), list(systems))
    return {
        "title": f"{part.task} on {dataset_label(results, dataset)}",
        "metric": label(metric),
        "units": "sessions" if whole else "queries",
        "seeds": len(next(iter(systems.values())).seeds),
        "all_users": len(examples.users),
        "all_units": len(examples.query),
        "systems": [
            {"name": f"{label(baseline)} · {label(encoder)}", "mean": round(float(row.mean()), 6)}
            for (baseline, encoder), row in zip(systems, values, strict=True)
        ],
        "sums": [encoded(row[users]) for row in sums],
        "values": [encoded(row[units]) for row in values],
        "shown": shown,
        "pictures": session_pictures(results.corpora[dataset], shown, limits.pictures),
        "texts": list(texts),
        "start": _start(results.experiment.champion, list(systems)),
        "tested": tested,
    }


def _start(champion: str, systems: list[tuple[str, str]]) -> list[int]:
    """The two systems that are shown first: the champion and the reference on the last baseline that has both."""
    place = {name: number for number, name in enumerate(systems)}
    both = [name for name, encoder in systems if encoder == champion and (name, REFERENCE) in place]
    return [place[both[-1], champion], place[both[-1], REFERENCE]] if both else [len(systems) - 1, 0]


def _per_unit(part: Part, system: System) -> str | None:
    """The first of a part's metrics that every unit has; None where all are pooled."""
    return next((metric for metric in part.metrics if metric in system.values), None)


def _tested(results: Results, about: tuple[str, str, str], systems: list[tuple[str, str]]) -> dict[str, str]:
    """The interval and p of each declared hypothesis between two of these systems, by their places ``i-j``."""
    place = {name: number for number, name in enumerate(systems)}
    tested: dict[str, str] = {}
    for family in results.outcomes().values():
        for outcome in family:
            h, d = outcome.hypothesis, outcome.difference
            ends = place.get((h.baseline, h.encoder)), place.get((h.baseline, h.reference))
            if d is None or (h.task, h.dataset, h.metric) != about or None in ends:
                continue
            if h.alternative == "two-sided":
                text = f"{written_interval(d.delta, d.low, d.high)}, p after Holm {written_p(outcome.p_adjusted)}"
                tested.setdefault(f"{ends[0]}-{ends[1]}", text)
    return tested


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` of ``count`` places, evenly apart."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)) if count else np.empty(0, np.int64)


def encoded(values: NDArray[np.float64]) -> str:
    """Numbers as base64 of little-endian single precision."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode()
