"""The tables of ``bench score``: for each dataset, systems by metrics, a block of lines for each slice."""

from __future__ import annotations

from typing import Any

from bench.evaluation.experiment import Part
from bench.evaluation.rescored import FAMILY, Question, Rescored
from bench.evaluation.slices import ALL
from bench.plugins.specs import REFERENCE
from bench.printable import counted
from bench.reports.differences import seeds_notes, written_difference
from bench.reports.labels import REPLICATES, dataset_label, titled
from bench.reports.number_rows import number_row
from bench.reports.power_line import power_line
from bench.reports.table import Line, Table, TableCell
from bench.stats.outcome import Outcome
from bench.stats.power import Smallest, smallest_of
from bench.stats.rounding import written_mean, written_p, written_seeds

_OF_METRIC = ("mean", f"Δ to {REFERENCE} [95 %]", "p (Holm)")

_SESSIONS = "A session is in a slice by its last query, and by all of its clicks."


def score_tables(results: Rescored) -> list[Table]:
    """A table for every part that was asked about and each of its datasets."""
    parts = [part for part in results.experiment.parts if any(q.part == part.id for q in results.questions.values())]
    return [_table(results, part, dataset) for part in parts for dataset in part.datasets]


def _table(results: Rescored, part: Part, dataset: str) -> Table:
    label = results.experiment.label
    questions = [question for question in results.questions.values() if question.part == part.id]
    metrics = list(dict.fromkeys(question.metric.name for question in questions))
    slices = list(dict.fromkeys(question.slice for question in questions))
    systems = list(
        dict.fromkeys((cell.baseline, cell.encoder) for cell in results.cells[part.id] if cell.dataset == dataset)
    )
    name = f"{part.id}-{dataset}-scores"
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    for one in slices:
        for number, (baseline, encoder) in enumerate(systems):
            mine = [
                _row(results, part, question, name, dataset, baseline, encoder)
                for question in questions
                if question.slice == one
            ]
            rows += mine
            stubs = (one.name if number == 0 else "", label(baseline), label(encoder))
            sizes = [_size(mine, field) for field in ("n_queries", "n_users")]
            outcomes = [results.outcome(q.label, dataset, baseline, encoder, "") for q in questions if q.slice == one]
            cells = [cell for row, outcome in zip(mine, outcomes, strict=True) for cell in _cells(row, outcome)]
            lines.append(Line(stubs, (*map(TableCell, sizes), *cells), rule=number == 0))
    task = results.tasks[part.id]
    by = " by slice" if len(slices) > 1 else ""
    about = f"{part.task} on {dataset_label(results, dataset)}, test split{by}"
    return Table(
        id=name,
        title=titled(part, about) if part.title else about,
        stubs=("Slice", "Baseline", "Encoder"),
        groups=(("", 2), *((metric, len(_OF_METRIC)) for metric in metrics)),
        columns=(task.units, "users", *(_OF_METRIC * len(metrics))),
        lines=tuple(lines),
        notes=tuple(_notes(results, dataset, questions, rows)),
        rows=tuple(rows),
    )


def _row(
    results: Rescored, part: Part, question: Question, table: str, dataset: str, baseline: str, encoder: str
) -> dict[str, Any]:
    """A number as a flat row; a value that is not known is None."""
    asked = Part(question.label, "", part.task, part.datasets, part.baselines, part.encoders, (question.label,))
    row = number_row(results, asked, dataset, baseline, encoder, question.label)
    outcome = results.outcome(question.label, dataset, baseline, encoder, question.label)
    smallest = smallest_of(outcome.difference) if outcome is not None and outcome.difference is not None else None
    row |= {
        "table": table,
        "row": f"{question.slice.name} / {row['row']}",
        "column": f"{dataset} {question.metric.name}",
        "metric": question.metric.name,
        "part": part.id,
        "slice": question.slice.name,
        "slice_meaning": question.slice.meaning,
        "exploratory": True,
        "n_left_out": results.left_out(question.label, dataset, baseline, encoder),
        "smallest_found": smallest.found if smallest else None,
        "smallest_limit": smallest.limit if smallest else None,
    }
    del row["groups"], row["bold"]
    return row


def _cells(row: dict[str, Any], outcome: Outcome | None) -> tuple[TableCell, ...]:
    """Mean, difference and p of a metric."""
    if row["status"] != "done":
        return TableCell(row["status"].upper()), TableCell(""), TableCell("")
    mean = "–" if row["mean"] is None else written_mean(row["mean"], row["std"], row["error"])
    if outcome is None:
        return TableCell(mean), TableCell(""), TableCell("")
    difference = written_difference(outcome.difference, outcome.p_adjusted)
    seeds = written_seeds(outcome.difference.by_seed) if outcome.difference is not None else ""
    return (
        TableCell(mean),
        TableCell("; ".join(filter(None, (difference, seeds)))),
        TableCell(written_p(row["p_adjusted"])),
    )


def _size(rows: list[dict[str, Any]], field: str) -> str:
    """The most that a metric of a line was computed from."""
    known = [row[field] for row in rows if row[field] is not None]
    return f"{max(known):,}" if known else "–"


def _notes(results: Rescored, dataset: str, questions: list[Question], rows: list[dict[str, Any]]) -> list[str]:
    slices = {question.slice.name: question.slice.meaning for question in questions}
    tested = results.outcomes().get(FAMILY, [])
    corpora = results.experiment.corpus_seeds
    over = "seeds" if corpora is None else f"corpora ({REPLICATES})"
    reading = f"mean ± deviation over {over}. Exploratory: metrics and slices were chosen after the run, and what is "
    reading += "found in them is to be confirmed on other data."
    if tested:
        family = counted(len(tested), "hypothesis", "hypotheses")
        reading += f" † p < 0.05 after Holm over everything that was asked ({family})."
    contrasts: list[tuple[str, Smallest]] = []
    for outcome in tested:
        h, smallest = outcome.hypothesis, smallest_of(outcome.difference) if outcome.difference is not None else None
        if h.dataset == dataset and smallest is not None and h.metric in {question.label for question in questions}:
            asked = results.questions[h.metric]
            contrasts.append(
                (f"{asked.metric.name} on {asked.slice.name}, {h.baseline}: {h.encoder} − {h.reference}", smallest)
            )
    line = power_line(contrasts)
    return [
        *(f"{name}: {meaning}." for name, meaning in slices.items() if name != ALL),
        *([_SESSIONS] if results.tasks[questions[0].part].units == "sessions" and len(slices) > 1 else []),
        *_left_out(rows),
        *_reasons(rows),
        f"{results.experiment.design}; {reading}",
        *seeds_notes(results.experiment.seeds, corpora),
        *([line] if line else []),
        *(f"Note: {caveat}" for caveat in results.corpora[dataset].info.caveats),
    ]


def _left_out(rows: list[dict[str, Any]]) -> list[str]:
    """How many units of each slice a metric leaves out, a line per metric that does."""
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        if row["n_left_out"]:
            counts.setdefault(row["metric"], {})[row["slice"]] = row["n_left_out"]
    return [
        f"{metric} is not defined for, and leaves out: {', '.join(f'{n:,} of {name}' for name, n in of.items())}."
        for metric, of in counts.items()
    ]


def _reasons(rows: list[dict[str, Any]]) -> list[str]:
    """Why numbers are missing: a line for each reason on a slice, with the systems and metrics that it is true of."""
    every = {key: {row[key] for row in rows} for key in ("baseline", "encoder", "metric")}
    lines = []
    for slice_name, reason in dict.fromkeys((row["slice"], row["reason"]) for row in rows if row["reason"]):
        mine = [row for row in rows if (row["slice"], row["reason"]) == (slice_name, reason)]
        of = [
            list(dict.fromkeys(row[key] for row in mine)) for key in every if {row[key] for row in mine} != every[key]
        ]
        lines.append(f"{'; '.join([slice_name, *map(', '.join, of)])}: {reason}.")
    return lines
