"""The main table of a part: baselines and encoders by datasets and metrics, as in the paper's Tables 2, 3 and 4."""

from __future__ import annotations

from typing import Any

from bench.evaluation.experiment import Part
from bench.evaluation.tests import Results
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.reports.ceilings_line import taken_lines
from bench.reports.labels import FEW_SEEDS, GROUPS, GROUPS_READING, ONE_SEED, REPLICATES, dataset_label, titled
from bench.reports.number_rows import number_row
from bench.reports.power_line import power_of
from bench.reports.table import Line, Table, TableCell
from bench.stats.banerjee import few
from bench.stats.marks import dagger
from bench.stats.rounding import written_mean

_ENCODER_HEAD = {"table2": "Session", "table3": "Method", "table4": "Features"}


def main_table(results: Results, part: Part) -> Table:
    """The means over seeds with their deviations, † for a difference to vanilla, letters and bold for rank groups.

    Letters stand beside the part's primary metric, where any encoders have them.

    The paper's own encoders come first; below them is, in the layout of Table 2, the row "Improv.", then the controls.
    """
    columns = part.columns or part.metrics
    label = results.experiment.label
    ranked = [
        results.groups(part.id, dataset, baseline, part.encoders, part.metrics[0])
        for dataset in part.datasets
        for baseline in part.baselines
    ]
    lettered = any(groups.letters for groups in ranked)
    heads = [head for m in columns for head in (label(m), *([GROUPS] if lettered and m == part.metrics[0] else []))]
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    papers = [name for name in part.encoders if name not in part.controls]
    controls = [name for name in part.encoders if name in part.controls]
    for baseline in part.baselines:
        block: list[tuple[str, list[TableCell]]] = []
        for encoder in (*papers, *controls):
            if not any(results.planned(part.id, dataset, baseline, encoder) for dataset in part.datasets):
                continue  # a reference reads no session vector, so it has one line
            cells = []
            for dataset in part.datasets:
                for metric in columns:
                    row = number_row(results, part, dataset, baseline, encoder, metric)
                    rows.append(row)
                    cells.append(TableCell(_text(row), row["bold"]))
                    if lettered and metric == part.metrics[0]:
                        cells.append(TableCell(row["groups"] or ""))
            block.append((encoder, cells))
        improvement = None
        if part.layout == "table2" and len(block) > 1:
            improvement = _improvement(results, part, baseline, columns, lettered)
        for number, (encoder, cells) in enumerate(block):
            if number == len(papers) and improvement is not None:
                lines.append(Line(_stubs(results, part, baseline, None), improvement))
            opens_block = number == 0 or (number == len(papers) and bool(controls))
            opens_group = number > 0 and part.groups.get(encoder) != part.groups.get(block[number - 1][0])
            lines.append(Line(_stubs(results, part, baseline, encoder), tuple(cells), opens_block or opens_group))
        if improvement is not None and not controls:
            lines.append(Line(_stubs(results, part, baseline, None), improvement))
    stubs = [("Baseline", _names_baseline(part)), ("IQ", bool(part.groups))]
    return Table(
        id=part.id,
        title=titled(part),
        stubs=(*(name for name, shown in stubs if shown), _ENCODER_HEAD.get(part.layout, "Encoder")),
        groups=tuple((dataset_label(results, dataset), len(heads)) for dataset in part.datasets),
        columns=tuple(heads) * len(part.datasets),
        lines=tuple(lines),
        notes=(
            *_notes(results, part),
            *_taken(results, part),
            _reading(results),
            *filter(None, [power_of(results.outcomes().get(f"{part.id} primary", []), label)]),
            *([GROUPS_READING] if lettered else []),
            *dict.fromkeys(groups.note for groups in ranked if groups.note),
        ),
        rows=tuple(rows),
    )


def _text(row: dict[str, Any]) -> str:
    """A cell's text: the mean, its deviation and †, or why there is none."""
    if row["status"] != "done":
        return str(row["status"]).upper()
    if row["mean"] is None:
        return "–"
    return written_mean(row["mean"], row["std"], row["error"]) + dagger(
        row["p_adjusted"], row["n_corpora"] or row["seeds"]
    )


def _improvement(
    results: Results, part: Part, baseline: str, columns: tuple[str, ...], lettered: bool
) -> tuple[TableCell, ...] | None:
    """The champion's relative gain over vanilla in every column; None for a part without the champion."""
    champion = results.experiment.champion
    if champion not in part.encoders or champion == REFERENCE:
        return None
    cells = []
    for dataset in part.datasets:
        for metric in columns:
            values, reference = (
                results.seed_values(part.id, dataset, baseline, name, metric) for name in (champion, REFERENCE)
            )
            text = ""
            if len(values) and len(reference) and reference.mean() > 0:
                gain = 100 * (values.mean() / reference.mean() - 1)
                text = f"{'↑' if gain >= 0 else '↓'} {abs(gain):.1f} %"
            cells.append(TableCell(text))
            if lettered and metric == part.metrics[0]:
                cells.append(TableCell(""))
    return tuple(cells)


def _stubs(results: Results, part: Part, baseline: str, encoder: str | None) -> tuple[str, ...]:
    """Labels of an encoder's line; without an encoder, those of the line "Improv."."""
    label = results.experiment.label
    stubs = [label(baseline)] if _names_baseline(part) else []
    if part.groups:
        stubs.append(part.groups.get(encoder or "", ""))
    return (*stubs, "Improv." if encoder is None else label(encoder))


def _names_baseline(part: Part) -> bool:
    """Whether lines name their baseline; the paper's Tables 3 and 4 do not, for they have one."""
    return part.layout not in ("table3", "table4") or len(part.baselines) > 1


def _notes(results: Results, part: Part) -> list[str]:
    """Sizes of the test splits, and the corpora's caveats."""
    units = registry().get("task", part.task).units
    notes = []
    for dataset in part.datasets:
        systems = [(part.id, dataset, baseline, e) for baseline in part.baselines for e in part.encoders]
        sizes = next((known for system in systems if (known := results.sizes(*system)) is not None), None)
        corpus = results.corpora[dataset]
        who = "users" if corpus.num_users else "sessions (the data have no users)"
        if sizes is not None:
            splits = "test split" if results.experiment.corpus_seeds is None else "test splits"
            notes.append(
                f"{dataset_label(results, dataset)}: {sizes[1]} {units} of {sizes[0]} {who} in the {splits}, "
                f"{results.experiment.design}."
            )
    caveats = dict.fromkeys(caveat for dataset in part.datasets for caveat in results.corpora[dataset].info.caveats)
    return [*notes, *(f"Note: {caveat}" for caveat in caveats)]


def _taken(results: Results, part: Part) -> list[str]:
    """For each dataset with ceilings, how much of what there was to gain each encoder took."""
    lines = []
    for dataset in part.datasets:
        means = {}
        for baseline in part.baselines:
            for encoder in part.encoders:
                values = results.seed_values(part.id, dataset, baseline, encoder, part.metrics[0])
                if len(values):
                    means[baseline, encoder] = float(values.mean())
        taken = taken_lines(means, part.metrics[0], results.experiment.label)
        lines += [f"{dataset_label(results, dataset)}: {line}" for line in taken]
    return lines


def _reading(results: Results) -> str:
    """How the numbers are to be read."""
    if results.experiment.models == 1:
        return ONE_SEED
    corpora = results.experiment.corpus_seeds
    if corpora is None and few(results.experiment.seeds):
        return f"mean ± deviation over seeds. {FEW_SEEDS}"
    over = "seeds" if corpora is None else f"corpora ({REPLICATES})"
    return (
        f"mean ± deviation over {over}; † differs from vanilla, p < 0.05 after Holm over the part's declared family "
        "(primary metric, or all others)."
    )
