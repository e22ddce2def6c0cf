"""What a report shows, gathered: each part is made by a file of its own and named here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.evaluation.costs import costs
from bench.evaluation.experiment import Part
from bench.plugins.specs import REFERENCE
from bench.reports.against_paper import ordering_table, published_table
from bench.reports.differences import difference_table
from bench.reports.html.cell_pages import cell_pages, training_curves
from bench.reports.html.charts import Chart, bars, curves, forest, ladder
from bench.reports.html.corpora import CorpusFacts, corpus_facts
from bench.reports.html.findings import Finding, Word, certainty, findings_of, headline
from bench.reports.html.grids import Grid, main_grid, plain_grid
from bench.reports.html.more_charts import characteristics, cost, session_map, session_ranks
from bench.reports.html.subject import Subject
from bench.reports.labels import dataset_label, titled
from bench.reports.record import pretraining_curves, provenance_of


@dataclass(frozen=True)
class TaskAnswer:
    """The answer for a task: a word, a sentence, the findings behind it, and where they stand between the ceilings."""

    task: str
    word: Word
    sentence: str
    findings: list[Finding]
    chart: Chart | None

    @property
    def compared(self) -> set[tuple[str, str]]:
        """The contrasts; where there is one, the sentence says it."""
        return {(finding.encoder, finding.reference) for finding in self.findings}


@dataclass(frozen=True)
class Content:
    """Everything that a report shows but for the comparison of systems, which is cut to size.

    Attributes:
        answers: by task.
        certainty: how sure they can be.
        tables: the main table of every part.
        differences: of every part.
        published: beside what a paper prints.
        forests: differences with their intervals.
        figures: bars of parts, what encoders cost, curves of pretraining, one session, and what the data are like.
        training: validation curves of every part.
        corpora: the data.
        cells: pages of cells, for the script.
        provenance: commits, versions, machine, seconds.
        done: cells with a result, of all.
    """

    answers: list[TaskAnswer]
    certainty: str
    tables: list[Grid]
    differences: list[Grid]
    published: list[Grid]
    forests: list[Chart]
    figures: list[Chart]
    training: list[Chart]
    corpora: list[CorpusFacts]
    cells: dict[str, Any]
    provenance: dict[str, Any]
    done: tuple[int, int]


def content_of(subject: Subject) -> Content:
    """Gathers the content of a report."""
    results, parts = subject.results, subject.experiment.parts
    labels = {name: dataset_label(results, name) for name in results.corpora}
    names = {**subject.experiment.labels, **labels, REFERENCE: subject.experiment.label(REFERENCE)}
    outcomes = results.outcomes()
    answers = _answers(subject)
    tables = [main_grid(results, part) for part in parts]
    forests = [forest(titled(part), outcomes.get(f"{part.id} primary", []), names) for part in parts]
    figures = [bars(titled(part), _bar_rows(subject, part, names), names.get(part.metrics[0], part.metrics[0]))
               for part in parts if part.layout == "bars"]  # fmt: skip
    drawn = results.store.root / "figures" / subject.experiment.name
    points = costs(results, parts, results.cells, results.store)
    figures += [cost(points, names), _pretraining(subject, names), session_map(drawn), session_ranks(drawn)]
    figures.append(characteristics(results.corpora, labels))
    training = [
        curves(f"Validation of {titled(part)}", training_curves(subject, part.id, names), "epoch", "valid",
               ("epoch", "validation"))
        for part in parts
    ]  # fmt: skip
    corpora = [corpus_facts(labels[name], corpus) for name, corpus in results.corpora.items()]
    cells = subject.cells
    return Content(
        answers=answers,
        certainty=certainty(results),
        tables=tables,
        differences=[plain_grid(table) for part in parts if (table := difference_table(results, part)) is not None],
        published=[
            plain_grid(table)
            for part in parts
            for make in (published_table, ordering_table)
            if (table := make(results, part)) is not None
        ],
        forests=[chart for chart in forests if chart is not None],
        figures=[chart for chart in figures if chart is not None],
        training=[chart for chart in training if chart is not None],
        corpora=corpora,
        cells=cell_pages(subject),
        provenance=provenance_of([], cells, results.corpora, results.store),
        done=(sum(results.is_done(cell) for cell in cells), len(cells)),
    )


def _answers(subject: Subject) -> list[TaskAnswer]:
    by_task: dict[str, list[Finding]] = {}
    for finding in findings_of(subject.results):
        by_task.setdefault(finding.task, []).append(finding)
    answers = []
    for task, findings in by_task.items():
        word, sentence = headline(findings)
        scale = [finding for finding in findings if finding.word != "no result"]
        chart = ladder("Without the encoder, with it, and what there was to gain", scale)
        answers.append(TaskAnswer(task, word, sentence, findings, chart))
    return answers


def _bar_rows(subject: Subject, part: Part, names: Mapping[str, str]) -> list[dict[str, Any]]:
    rows = []
    for dataset in part.datasets:
        for baseline in part.baselines:
            for encoder in part.encoders:
                values = subject.results.seed_values(part.id, dataset, baseline, encoder, part.metrics[0])
                called = names.get(encoder, encoder)
                if len(part.baselines) > 1:
                    called = f"{names.get(baseline, baseline)}, {called}"
                mean = float(values.mean()) if len(values) else None
                error = float(values.std(ddof=1)) if len(values) > 1 else None
                rows.append({"dataset": names[dataset], "encoder": called, "mean": mean, "error": error})
    return rows


def _pretraining(subject: Subject, names: Mapping[str, str]) -> Chart | None:
    frame = pretraining_curves(subject.cells, subject.results.store)
    if not len(frame):
        return None
    measure = next(
        (name for name in ("accuracy", "valid", "valid_accuracy", "valid_loss", "loss") if name in frame), None
    )
    if measure is None or "step" not in frame:
        return None
    frame = frame.assign(
        panel=[names.get(str(name), str(name)) for name in frame["dataset"]],
        encoder=[names.get(str(name), str(name)) for name in frame["encoder"]],
    )
    return curves("Pretraining of the encoders", frame, "step", measure, ("step", measure.replace("_", " ")))
