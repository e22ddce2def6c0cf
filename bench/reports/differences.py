"""The table of a part's declared hypotheses on the primary metric: differences with their intervals."""

from __future__ import annotations

import math
from typing import Any

from bench.evaluation.experiment import Part
from bench.evaluation.tests import Results
from bench.plugins.specs import REFERENCE
from bench.printable import counted
from bench.reports.labels import FEW_SEEDS, ONE_SEED, REPLICATES, dataset_label, titled
from bench.reports.power_line import power_of
from bench.reports.table import Line, Table, TableCell
from bench.stats.banerjee import few
from bench.stats.crossed import Difference
from bench.stats.family import STRONGEST
from bench.stats.marks import dagger
from bench.stats.outcome import Outcome
from bench.stats.rounding import written_interval, written_seeds


def difference_table(results: Results, part: Part) -> Table | None:
    """The differences of the family ``PART primary``, a line per baseline and contrast; None without a hypothesis."""
    label = results.experiment.label
    outcomes = results.outcomes().get(f"{part.id} primary", [])
    if not outcomes:
        return None
    # the champion's last contrast is with the strongest encoder on validation, which differs between datasets
    by_contrast: dict[tuple[str, str, bool], dict[str, Outcome]] = {}
    for outcome in outcomes:
        h = outcome.hypothesis
        by_contrast.setdefault((h.baseline, h.encoder, h.reference == REFERENCE), {})[h.dataset] = outcome
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    for (baseline, encoder, against_reference), by_dataset in by_contrast.items():
        against = label(REFERENCE) if against_reference else "strongest other"
        cells = []
        for dataset in part.datasets:
            outcome = by_dataset[dataset]
            name = outcome.hypothesis.reference
            text = written_difference(outcome.difference, outcome.p_adjusted)
            seeds = written_seeds(outcome.difference.by_seed) if outcome.difference is not None else ""
            text += f"; {seeds}" if seeds else ""
            if not against_reference and name != STRONGEST:
                text += f" ({label(name)})"
            cells.append(TableCell(text))
            key = {"table": f"{part.id}-differences", "row": f"{baseline} / {encoder} − {against}"}
            rows.append({**key, "column": f"{dataset} {part.metrics[0]}", **outcome.as_dict()})
        opens_block = not lines or lines[-1].stubs[0] != label(baseline)
        lines.append(Line((label(baseline), label(encoder), against), tuple(cells), opens_block))
    metric = label(part.metrics[0])
    corpora = results.experiment.corpus_seeds
    over = "users and seeds" if corpora is None else f"{corpora} corpora ({REPLICATES})"
    size = counted(len(outcomes), "hypothesis", "hypotheses")
    no_flips = dict.fromkeys(f"No second p: {outcome.flip_note}." for outcome in outcomes if outcome.flip_note)
    return Table(
        id=f"{part.id}-differences",
        title=titled(part, f"differences in {metric}"),
        stubs=("Baseline", "Encoder", "minus"),
        groups=(),
        columns=tuple(f"{dataset_label(results, dataset)} Δ [95 %]" for dataset in part.datasets),
        lines=tuple(lines),
        notes=(
            f"† p < 0.05 after Holm over this table ({size}), declared before the run; intervals are over {over}, "
            "unadjusted. The strongest other encoder is the best one on validation.",
            *no_flips,
            *seeds_notes(results.experiment.seeds, results.experiment.corpus_seeds),
            *filter(None, [power_of(outcomes, label)]),
        ),
        rows=tuple(rows),
    )


def seeds_notes(seeds: int, corpora: int | None = None) -> list[str]:
    """What must be said of this many seeds, unless corpora are the replicates."""
    if corpora is not None:
        return []
    if seeds == 1:
        return [ONE_SEED]
    return [FEW_SEEDS] if few(seeds) else []


def written_difference(difference: Difference | None, p_adjusted: float | None = None) -> str:
    """A difference and its interval, such as ``+0.031† [+0.025, +0.037]``; without an interval the difference alone,
    without a difference a dash."""
    if difference is None or not math.isfinite(difference.delta):
        return "–"
    return written_interval(
        difference.delta, difference.low, difference.high, dagger(p_adjusted, difference.replicates)
    )
