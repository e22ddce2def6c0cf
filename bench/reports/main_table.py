"""The table of a part: baselines × encoders by datasets × metrics, in the paper's own order (Tables 2, 3 and 4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.evaluation.experiment import Part
from bench.evaluation.tests import Results
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.reports.table import Line, Table, TableCell
from bench.stats.holm import holm
from bench.stats.marks import bold, dagger
from bench.stats.rounding import written_mean

_ENCODER_HEAD = {"table2": "Session", "table3": "Method", "table4": "Features"}


def main_table(results: Results, part: Part) -> Table:
    """Mean ± deviation over seeds, † against vanilla, bold the best and those not significantly worse.

    Table 2's Improv. row stands below the source's own rows, and controls below that.
    """
    columns = part.columns or part.metrics
    label = results.experiment.label
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    own = [name for name in part.encoders if name not in part.controls]
    controls = [name for name in part.encoders if name in part.controls]
    for baseline in part.baselines:
        best = {(d, m): best_of(results, part, d, baseline, m) for d in part.datasets for m in columns}
        block: list[tuple[str, list[TableCell]]] = []
        for encoder in (*own, *controls):
            if not any(results.planned(part.id, dataset, baseline, encoder) for dataset in part.datasets):
                continue  # a reference reads no session vector: it has one line
            cells = []
            for dataset in part.datasets:
                for metric in columns:
                    row = number_row(results, part, dataset, baseline, encoder, metric)
                    row["bold"] = encoder in best[dataset, metric]
                    rows.append(row)
                    cells.append(TableCell(_text(row), row["bold"]))
            block.append((encoder, cells))
        improvement = None
        if part.layout == "table2" and len(block) > 1:
            improvement = _improvement(results, part, baseline, columns)
        for number, (encoder, cells) in enumerate(block):
            if number == len(own) and improvement is not None:
                lines.append(Line(_stubs(results, part, baseline, None), improvement))
            first = number == 0 or (number == len(own) and bool(controls))
            changes = number > 0 and part.groups.get(encoder) != part.groups.get(block[number - 1][0])
            lines.append(Line(_stubs(results, part, baseline, encoder), tuple(cells), first or changes))
        if improvement is not None and not controls:
            lines.append(Line(_stubs(results, part, baseline, None), improvement))
    stubs = [("Baseline", _names_baseline(part)), ("IQ", bool(part.groups))]
    return Table(
        id=part.id,
        title=titled(part),
        stubs=(*(name for name, shown in stubs if shown), _ENCODER_HEAD.get(part.layout, "Encoder")),
        groups=tuple((dataset_label(results, dataset), len(columns)) for dataset in part.datasets),
        columns=tuple(label(metric) for _ in part.datasets for metric in columns),
        lines=tuple(lines),
        notes=(*_notes(results, part), _reading(results)),
        rows=tuple(rows),
    )


def number_row(results: Results, part: Part, dataset: str, baseline: str, encoder: str, metric: str) -> dict[str, Any]:
    """One number with everything that belongs beside it; None where there is nothing."""
    place = (part.id, dataset, baseline, encoder)
    status = results.status(*place)
    values = results.seed_values(*place, metric)
    known = len(values) > 0 and bool(np.isfinite(values).all())
    keys = list(dict.fromkeys(cell.key for cell in results.planned(*place)))
    deviation = float(values.std(ddof=1)) if known and len(values) > 1 and len(keys) > 1 else None
    interval = results.interval(*place, metric)
    error = interval.error if interval is not None else None
    if error is None and deviation is not None:
        error = deviation / math.sqrt(len(values))
    outcome = results.outcome(*place, metric)
    about = outcome.as_dict() if outcome is not None else {}
    compared = ("delta", "low", "high", "p", "p_adjusted", "effect", "won", "tied", "lost", "flip_p", "flip_p_adjusted")
    examples = results.examples(*place)
    return {
        "table": part.id,
        "row": f"{baseline} / {encoder}",
        "column": f"{dataset} {metric}",
        "task": part.task,
        "dataset": dataset,
        "origin": results.corpora[dataset].info.origin,
        "baseline": baseline,
        "encoder": encoder,
        "metric": metric,
        "status": status.state,
        "reason": status.reason or None,
        "mean": float(values.mean()) if known else None,
        "std": deviation,
        "error": error if error is not None and math.isfinite(error) else None,
        "seeds": len(values),
        "n_users": len(examples.users) if examples is not None else None,
        "n_queries": len(examples.query) if examples is not None else None,
        **{{"low": "ci_low", "high": "ci_high"}.get(name, name): about.get(name) for name in compared},
        **{name: about.get(name) for name in ("test", "family", "family_size", "conditional_on_one_model")},
        "key": " ".join(keys),
    }


def best_of(results: Results, part: Part, dataset: str, baseline: str, metric: str) -> frozenset[str]:
    """The best encoder of a column within its baseline and every one not significantly worse; none if it is alone."""
    place = (part.id, dataset, baseline)
    scores = {name: found for name in part.encoders if (found := results.scores(*place, name, metric)) is not None}
    if scores:
        return bold(scores) if len(scores) > 1 else frozenset()
    means = {name: results.seed_values(*place, name, metric) for name in part.encoders}
    names = sorted(name for name, values in means.items() if len(values) and np.isfinite(values).all())
    if len(names) < 2:
        return frozenset()
    best = max(names, key=lambda name: means[name].mean())
    pairs = [(left, right) for i, left in enumerate(names) for right in names[i + 1 :]]
    tested = [results.difference(*place, left, right, metric) for left, right in pairs]
    raw = [difference.p if difference is not None else 1.0 for difference in tested]
    p = dict(zip(pairs, holm(raw).tolist(), strict=True))
    return frozenset(name for name in names if name == best or p[min(name, best), max(name, best)] >= 0.05)


def dataset_label(results: Results, dataset: str) -> str:
    """How tables print a dataset, with ``(simulated)`` where it is."""
    name = results.experiment.label(dataset)
    return f"{name} (simulated)" if results.corpora[dataset].info.origin == "simulated" else name


def _text(row: dict[str, Any]) -> str:
    if row["status"] != "done":
        return str(row["status"]).upper()
    if row["mean"] is None:
        return "–"
    return written_mean(row["mean"], row["std"], row["error"]) + dagger(row["p_adjusted"])


def _improvement(results: Results, part: Part, baseline: str, columns: tuple[str, ...]) -> tuple[TableCell, ...] | None:
    """The champion's relative gain over vanilla in every column; None where it takes no part."""
    champion = results.experiment.champion
    if champion not in part.encoders or champion == REFERENCE:
        return None
    cells = []
    for dataset in part.datasets:
        for metric in columns:
            mine, other = (
                results.seed_values(part.id, dataset, baseline, name, metric) for name in (champion, REFERENCE)
            )
            text = ""
            if len(mine) and len(other) and other.mean() > 0:
                gain = 100 * (mine.mean() / other.mean() - 1)
                text = f"{'↑' if gain >= 0 else '↓'} {abs(gain):.1f} %"
            cells.append(TableCell(text))
    return tuple(cells)


def _stubs(results: Results, part: Part, baseline: str, encoder: str | None) -> tuple[str, ...]:
    """Labels of a line; that of the champion's gain without an encoder."""
    label = results.experiment.label
    stubs = [label(baseline)] if _names_baseline(part) else []
    if part.groups:
        stubs.append(part.groups.get(encoder or "", ""))
    return (*stubs, "Improv." if encoder is None else label(encoder))


def _names_baseline(part: Part) -> bool:
    return part.layout not in ("table3", "table4") or len(part.baselines) > 1


def titled(part: Part, what: str = "") -> str:
    """``Table 2: WHAT`` for the paper's tables and figures, ``TITLE: WHAT`` for other parts; alone, a part's title."""
    for kind in ("table", "figure"):
        number = part.id.removeprefix(kind)
        if number != part.id and number.isdigit():
            return f"{kind.capitalize()} {number}: {what or part.title}"
    return f"{part.title}: {what}" if what else part.title


def _notes(results: Results, part: Part) -> list[str]:
    """Sizes of the test splits, failures, and the corpora's caveats."""
    units = registry().get("task", part.task).units
    notes = []
    for dataset in part.datasets:
        places = [(part.id, dataset, baseline, e) for baseline in part.baselines for e in part.encoders]
        examples = next((found for place in places if (found := results.examples(*place)) is not None), None)
        corpus = results.corpora[dataset]
        who = "users" if corpus.num_users else "sessions (the data have no users)"
        if examples is not None:
            number, of = len(examples.query), len(examples.users)
            notes.append(
                f"{dataset_label(results, dataset)}: {number} {units} of {of} {who} in the test split, "
                f"{results.experiment.seeds} seed{'s' * (results.experiment.seeds != 1)}."
            )
    caveats = dict.fromkeys(caveat for dataset in part.datasets for caveat in results.corpora[dataset].info.caveats)
    return [*notes, *(f"Note: {caveat}" for caveat in caveats)]


def _reading(results: Results) -> str:
    if results.experiment.seeds == 1:
        return "One seed: everything here is conditional on one trained model per encoder."
    return (
        "mean ± deviation over seeds; † differs from vanilla, p < 0.05 after Holm over the part's declared family "
        "(primary metric, or all others); bold: the best of a baseline's column and every one not significantly worse."
    )
