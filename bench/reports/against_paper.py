"""The paper's results beside ours: its printed numbers as differences between encoders, its figures as orderings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, get_args

from bench.evaluation.experiment import Part, PublishedNumber, PublishedOrdering
from bench.evaluation.tests import Results
from bench.plugins.specs import REFERENCE
from bench.reports.differences import written_difference
from bench.reports.labels import dataset_label, titled
from bench.reports.table import Line, Table, TableCell
from bench.stats.published import PublishedVerdict, against_published

_OF_ORDERINGS = ("reproduced", "direction only", "no", "not tested")


def published_table(results: Results, part: Part) -> Table | None:
    """The paper's printed numbers of a part beside ours; None where the paper prints none.

    They are compared as differences within a column: of each encoder to the reference where the paper prints that, else
    to the first encoder of its group. Absolute values depend on the data, which are not the paper's.
    """
    label, experiment = results.experiment.label, results.experiment
    numbers = [number for number in experiment.numbers if number.part == part.id]
    if not numbers:
        return None
    printed = {(n.dataset, n.baseline, n.encoder, n.metric): n.value for n in numbers}
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    for number in numbers:
        system = (part.id, number.dataset, number.baseline)
        reference = _reference(part, number, printed)
        ours = results.seed_values(*system, number.encoder, number.metric)
        mean = float(ours.mean()) if len(ours) else None
        row: dict[str, Any] = {
            "table": f"{part.id}-published",
            "row": f"{number.dataset} / {number.baseline} / {number.encoder}",
            "column": number.metric,
            "where": number.where,
            "published": number.value,
            "ours": mean,
        }
        verdict, delta, interval = "", "", ""
        if reference != number.encoder:
            difference = results.difference(*system, number.encoder, reference, number.metric)
            published = number.value - printed[number.dataset, number.baseline, reference, number.metric]
            comparison = against_published(published, difference, margin=_margin(results, part, number.metric))
            delta, interval = f"{comparison.published:+.4f}", written_difference(difference)
            verdict = comparison.words
            row |= {
                "reference": reference,
                "published_delta": round(comparison.published, 4),
                "delta": comparison.delta,
                "ci_low": comparison.low,
                "ci_high": comparison.high,
                "verdict": comparison.verdict,
                "compatible": comparison.compatible,
                "conclusive": comparison.conclusive,
                "within": comparison.within,
            }
        rows.append(row)
        texts = (
            f"{number.value:.4f}",
            "–" if mean is None else f"{mean:.4f}",
            "" if reference == number.encoder else f"− {label(reference)}",
            delta,
            interval,
            verdict,
        )
        stubs = (
            dataset_label(results, number.dataset),
            label(number.baseline),
            label(number.encoder),
            label(number.metric),
        )
        lines.append(Line(stubs, tuple(map(TableCell, texts)), not lines or lines[-1].stubs[:2] != stubs[:2]))
    where = ", ".join(dict.fromkeys(number.where for number in numbers))
    return Table(
        id=f"{part.id}-published",
        title=titled(part, f"beside the published numbers ({where}){_origin(results)}"),
        stubs=("Dataset", "Baseline", "Encoder", "Metric"),
        groups=(),
        columns=("published", "ours", "compared", "Δ published", "Δ ours [95 %]", "verdict"),
        lines=tuple(lines),
        notes=(_count([str(row["verdict"]) for row in rows if "verdict" in row], get_args(PublishedVerdict)), _READING),
        rows=tuple(rows),
    )


def ordering_table(results: Results, part: Part) -> Table | None:
    """The orderings of encoders that the paper's figures show, beside ours on each dataset and baseline.

    The verdict is ``reproduced`` where every encoder is above the one before it and the 95 % interval of their
    difference leaves out 0, ``direction only`` where the means are in that order, else ``no``.

    Returns:
        the table; None for a part without published orderings.
    """
    label = results.experiment.label
    orderings = [ordering for ordering in results.experiment.orderings if ordering.part == part.id]
    if not orderings:
        return None
    metric = part.metrics[0]
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    for ordering in orderings:
        for dataset in part.datasets:
            for baseline in part.baselines:
                verdict = _ordering_verdict(results, ordering, dataset, baseline, metric)
                means = {}
                for name in ordering.encoders:
                    values = results.seed_values(part.id, dataset, baseline, name, metric)
                    if len(values):
                        means[name] = float(values.mean())
                ours = _order({label(name): mean for name, mean in means.items()})
                published = " < ".join(map(label, ordering.encoders))
                cells = tuple(map(TableCell, (published, ours or "–", verdict)))
                lines.append(Line((dataset_label(results, dataset), label(baseline)), cells))
                rows.append(
                    {
                        "table": f"{part.id}-orderings",
                        "row": f"{dataset} / {baseline}",
                        "column": " < ".join(ordering.encoders),
                        "where": ordering.where,
                        "metric": metric,
                        "ours": _order(means),
                        "verdict": verdict,
                    }
                )
    where = ", ".join(dict.fromkeys(ordering.where for ordering in orderings))
    return Table(
        id=f"{part.id}-orderings",
        title=titled(part, f"beside the published order ({where}){_origin(results)}"),
        stubs=("Dataset", "Baseline"),
        groups=(),
        columns=(f"published, by {label(metric)}", "ours", "verdict"),
        lines=tuple(lines),
        notes=(
            _count([str(row["verdict"]) for row in rows], _OF_ORDERINGS),
            "reproduced: each encoder above the one before it, with an unadjusted 95 % interval above 0.",
        ),
        rows=tuple(rows),
    )


def _reference(part: Part, number: PublishedNumber, printed: dict[tuple[str, str, str, str], float]) -> str:
    """The encoder that a printed number is compared with: its own where there is no other."""
    encoders = [
        encoder
        for encoder in (REFERENCE, *part.encoders)
        if (number.dataset, number.baseline, encoder, number.metric) in printed
    ]
    if REFERENCE in encoders:
        return REFERENCE
    return next(name for name in encoders if part.groups.get(name) == part.groups.get(number.encoder))


def _ordering_verdict(results: Results, ordering: PublishedOrdering, dataset: str, baseline: str, metric: str) -> str:
    differences = [
        results.difference(ordering.part, dataset, baseline, upper, lower, metric)
        for lower, upper in pairwise(ordering.encoders)
    ]
    known = [difference for difference in differences if difference is not None]
    if len(known) < len(differences):
        return "not tested"
    if all(difference.low > 0 for difference in known):
        return "reproduced"
    return "direction only" if all(difference.delta > 0 for difference in known) else "no"


def _order(means: dict[str, float]) -> str:
    """The encoders from the lowest mean to the highest, such as ``a < b = c``."""
    names = sorted(means, key=lambda name: means[name])
    if not names:
        return "–"
    signs = [" = " if means[a] == means[b] else " < " for a, b in pairwise(names)]
    return "".join(f"{name}{sign}" for name, sign in zip(names, [*signs, ""], strict=True))


def _count(verdicts: list[str], known: Sequence[str]) -> str:
    """The numbers of verdicts, such as ``3 reproduced, 1 no.``, in the order of those known."""
    counts = Counter(verdicts)
    separator = "; " if any("," in verdict for verdict in counts) else ", "
    return separator.join(f"{counts[verdict]} {verdict}" for verdict in known if counts[verdict]) + "."


def _margin(results: Results, part: Part, metric: str) -> float | None:
    """The smallest margin that the experiment declares for an equivalence in this metric of the part's task."""
    margins = [
        hypothesis.margin
        for family in results.experiment.families
        for hypothesis in family.hypotheses
        if (hypothesis.task, hypothesis.metric) == (part.task, metric) and hypothesis.margin is not None
    ]
    return min(margins, default=None)


def _origin(results: Results) -> str:
    """Part of a heading: whether sizes can say anything about the world at all."""
    simulated = any(corpus.info.origin == "simulated" for corpus in results.corpora.values())
    return "; ours on simulated data, whose strengths were chosen" if simulated else ""


_READING = (
    "compatible: Δ ours and Δ published differ by at most √2 times the half-width of our 95 % interval, and rounding; "
    "this takes the paper's precision, which is not printed, to be ours. Size too imprecise: that half-width is more "
    "than half of Δ published. Sign not established, or inconclusive: our interval holds 0. Nothing is tested against "
    "a printed mean."
)
