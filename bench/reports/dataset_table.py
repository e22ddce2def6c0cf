"""Table 1: statistics of the datasets, beside those that the paper prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.data.corpus import Corpus
from bench.data.published import CITATION, PUBLISHED
from bench.data.stats import corpus_stats
from bench.evaluation.experiment import Experiment
from bench.figures.captions import dataset_label
from bench.reports.table import Line, Table, TableCell

_COLUMNS = {
    "sessions": "#Sessions",
    "keyword queries": "#KQ",
    "product queries": "#IQ (#PQ)",
    "users": "#Users",
    "items": "#Items",
    "clicks": "#Clicks",
    "Avg. T(s), minutes": "Avg.T(s), min",
    "Avg. L(s), queries": "Avg.L(s)",
    "Avg. L(PQ), words": "Avg.L(PQ)",
    "Avg. L(KQ), words": "Avg.L(KQ)",
}
"""The paper's columns by the statistic of :func:`bench.data.stats.corpus_stats`."""


def dataset_table(experiment: Experiment, corpora: Mapping[str, Corpus]) -> Table:
    """The statistics of every corpus, in the paper's order of datasets, with the published ones below."""
    order = [*(name for name in PUBLISHED if name in corpora), *(name for name in corpora if name not in PUBLISHED)]
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    for name in order:
        corpus = corpora[name]
        statistics = {row.statistic: row for row in corpus_stats(corpus)}
        values = {statistic: statistics[statistic].value for statistic in _COLUMNS}
        printed = {statistic: statistics[statistic].published for statistic in _COLUMNS}
        lines.append(Line((dataset_label(experiment.label(name), corpus),), tuple(map(_cell, values.values())), True))
        if any(value is not None for value in printed.values()):
            lines.append(Line(("  published",), tuple(map(_cell, printed.values()))))
        rows += [
            {
                "table": "table1",
                "row": name,
                "column": statistic,
                "dataset": name,
                "origin": corpus.info.origin,
                "split": corpus.info.split,
                "value": values[statistic],
                "published": printed[statistic],
            }
            for statistic in _COLUMNS
        ]
    return Table(
        id="table1",
        title="Table 1: dataset statistics",
        stubs=("Dataset",),
        groups=(),
        columns=tuple(_COLUMNS.values()),
        lines=tuple(lines),
        notes=(
            f"published: {CITATION}. Sizes are chosen, so totals differ; averages are what a simulated dataset is "
            "calibrated to.",
            *([] if experiment.corpus_seeds is None else [f"Of {experiment.corpus_seeds} corpora, the one of seed 1."]),
        ),
        rows=tuple(rows),
    )


def _cell(value: float | None) -> TableCell:
    if value is None:
        return TableCell("–")
    return TableCell(f"{value:,.0f}" if float(value).is_integer() else f"{value:.2f}")
