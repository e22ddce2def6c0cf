"""The tested contrasts of a run, one after the other, with what may be said of each in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from bench.evaluation.summary import SummaryRow
from bench.plugins.specs import REFERENCE
from bench.stats.banerjee import FEWEST_SEEDS

Reading = Literal["better", "worse", "not told apart", "too few seeds to say", "not tested"]


@dataclass(frozen=True)
class Contrast:
    """An encoder minus another one, beside the same baseline, on the same examples.

    Attributes:
        task, dataset, baseline, metric: where they are compared.
        encoder, minus: the two encoders; ``minus`` is vanilla, or for muvcog-m also the strongest other on validation.
        delta: the difference of means; None where one of the two has no results.
        ci_low, ci_high: 95 % interval over users and seeds (or corpora), unadjusted; None where it is endless.
        p, p_adjusted: two-sided, raw and after Holm over ``family``, which was declared before the run.
        family, family_size: the family's name and how many hypotheses it has.
        reading: what the test says at 5 % after Holm. Below five seeds (or corpora) nothing is called better or worse.
    """

    task: str
    dataset: str
    baseline: str
    metric: str
    encoder: str
    minus: str
    delta: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    p_adjusted: float | None
    family: str | None
    family_size: int | None
    reading: Reading


def contrasts(rows: Iterable[SummaryRow]) -> Iterator[Contrast]:
    """Every contrast of a run's rows: of each encoder to vanilla, and of the champion to the strongest other one."""
    for row in rows:
        if row.encoder == REFERENCE:
            continue
        replicates = row.n_corpora or row.seeds
        where = (row.task, row.dataset, row.baseline, row.metric, row.encoder)
        found = (row.delta, row.ci_low, row.ci_high, row.p, row.p_adjusted)
        family = (row.family, row.family_size)
        yield Contrast(*where, REFERENCE, *found, *family, _reading(row.delta, row.p_adjusted, replicates))
        if row.strongest is not None:
            other = (row.strongest_ci_low, row.strongest_ci_high, row.strongest_p, row.strongest_p_adjusted)
            said = _reading(row.strongest_delta, row.strongest_p_adjusted, replicates)
            yield Contrast(*where, row.strongest, row.strongest_delta, *other, *family, said)


def _reading(delta: float | None, p_adjusted: float | None, replicates: int, level: float = 0.05) -> Reading:
    if delta is None or p_adjusted is None:
        return "not tested"
    if replicates < FEWEST_SEEDS:
        return "too few seeds to say"
    if p_adjusted >= level:
        return "not told apart"
    return "better" if delta > 0 else "worse"
