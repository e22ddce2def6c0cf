"""The summary of a run: a mean over seeds and the difference to vanilla, for every system and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.evaluation.experiment import Experiment
from bench.evaluation.tests import Results
from bench.runs.jobs import Cell
from bench.runs.store import Store
from bench.stats.crossed import Difference
from bench.stats.holm import holm
from bench.stats.power import Smallest, smallest_of

_RUN = "run"


@dataclass(frozen=True)
class SummaryRow:
    """One array element of ``bench run --json``.

    Attributes:
        mean, std: of the seeds' means over queries, or of a pooled metric's values; std is None with one seed, and for
            a reference, of which one result stands for every seed.
        delta: difference to the reference, with 95 % interval ``ci_low`` … ``ci_high`` over users and seeds
            (:meth:`bench.evaluation.tests.Results.difference`). A pooled metric that is not defined on the examples
            has no interval and no p.
        p, p_adjusted: two-sided, raw and after Holm over the run's family: all encoders of all baselines and datasets,
            the primary metric in one family and the others in a second.
        status: ``done``, ``failed`` (some seed failed) or ``missing``.
        cached: no cell of this row was computed by this call.
        key: keys of the cells, joined by spaces.
        by_seed: delta of every seed.
        smallest_found: the smallest difference that this design finds with 80 % power; ``smallest_limit`` says whether
            ``seeds`` or ``users`` limit it, the other two what more of them would find
            (:mod:`bench.stats.power`). None with one seed.
        groups: letters; encoders of a baseline that share one were not told apart
            (:func:`bench.stats.groups.rank_groups`).
        bold: not separable from the best encoder of the baseline.
        groups_note: why there are no groups, or which encoders were left out.
    """

    task: str
    dataset: str
    baseline: str
    encoder: str
    metric: str
    mean: float | None
    std: float | None
    seeds: int
    delta: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    p_adjusted: float | None
    n_users: int
    n_queries: int
    status: str
    cached: bool
    key: str
    by_seed: tuple[float, ...] = ()
    smallest_found: float | None = None
    smallest_limit: str | None = None
    smallest_any_users: float | None = None
    smallest_twice_seeds: float | None = None
    groups: str | None = None
    bold: bool = False
    groups_note: str | None = None

    @property
    def smallest(self) -> Smallest | None:
        """What this design finds, where it is known."""
        found, limit = self.smallest_found, self.smallest_limit
        if found is None or self.smallest_any_users is None or self.smallest_twice_seeds is None:
            return None
        return Smallest(
            found, "seeds" if limit == "seeds" else "users", self.smallest_any_users, self.smallest_twice_seeds
        )

    @property
    def keys(self) -> list[str]:
        """Keys of the cells, seed by seed; a reference has one for all seeds."""
        return self.key.split()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, and ``keys`` as a list; an endless interval is null."""
        values = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(self).items()}
        return {**values, "keys": self.keys}


def results_of(cells: Sequence[Cell], store: Store) -> Results:
    """The results of a run's cells, which are an experiment of one part."""
    return Results(Experiment(_RUN, "", len({cell.seed for cell in cells}), ()), {_RUN: cells}, store)


def summarise(
    results: Results, primary: str, reference: str, computed: frozenset[str] = frozenset()
) -> list[SummaryRow]:
    """Rows in the order of a run's cells, the primary metric first.

    Args:
        results: those of :func:`results_of`.
        primary: the metric of the first family.
        reference: the encoder that all others are compared to.
        computed: keys of the cells that were computed just now.

    Raises:
        BenchError: seeds of a system, or two systems, were scored on different queries or candidates.
    """
    cells = results.cells[_RUN]
    systems = list(dict.fromkeys((cell.dataset, cell.baseline, cell.encoder) for cell in cells))
    reported = next(filter(None, (results.metrics(_RUN, *name) for name in systems)), [primary])
    metrics = sorted(reported, key=lambda metric: (metric != primary, metric))
    differences: dict[tuple[str, ...], Difference] = {}
    for name in systems:
        for metric in metrics if name[2] != reference else ():
            difference = results.difference(_RUN, *name, reference, metric)
            if difference is not None and np.isfinite(difference.delta):
                differences[*name, metric] = difference
    adjusted: dict[tuple[str, ...], float] = {}
    for family in ([primary], [metric for metric in metrics if metric != primary]):
        members = [name for name in differences if name[3] in family]
        adjusted |= dict(zip(members, holm([differences[name].p for name in members]).tolist(), strict=True))

    rows, encoders = [], results.encoders(_RUN)
    for dataset, baseline, encoder in systems:
        planned = results.planned(_RUN, dataset, baseline, encoder)
        examples = results.examples(_RUN, dataset, baseline, encoder)
        keys = list(dict.fromkeys(cell.key for cell in planned))
        for metric in metrics:
            means = results.seed_values(_RUN, dataset, baseline, encoder, metric)
            others = results.seed_values(_RUN, dataset, baseline, reference, metric)
            difference = differences.get((dataset, baseline, encoder, metric))
            smallest = smallest_of(difference) if difference else None
            groups = results.groups(_RUN, dataset, baseline, encoders, metric)
            compared = encoder != reference and len(means) and len(others)
            rows.append(
                SummaryRow(
                    task=planned[0].task,
                    dataset=dataset,
                    baseline=baseline,
                    encoder=encoder,
                    metric=metric,
                    mean=float(means.mean()) if len(means) else None,
                    std=float(means.std(ddof=1)) if len(means) > 1 and len(keys) > 1 else None,
                    seeds=sum(results.is_done(cell) for cell in planned),
                    delta=float(means.mean() - others.mean()) if compared else None,
                    ci_low=difference.low if difference else None,
                    ci_high=difference.high if difference else None,
                    p=difference.p if difference else None,
                    p_adjusted=adjusted.get((dataset, baseline, encoder, metric)),
                    n_users=len(examples.users) if examples else 0,
                    n_queries=len(examples.query) if examples else 0,
                    status=results.status(_RUN, dataset, baseline, encoder).state,
                    cached=not computed.intersection(keys),
                    key=" ".join(keys),
                    by_seed=difference.by_seed if difference else (),
                    smallest_found=smallest.found if smallest else None,
                    smallest_limit=smallest.limit if smallest else None,
                    smallest_any_users=smallest.with_any_users if smallest else None,
                    smallest_twice_seeds=smallest.with_twice_the_seeds if smallest else None,
                    groups=groups.letters.get(encoder),
                    bold=encoder in groups.best,
                    groups_note=groups.note or None,
                )
            )
    return rows
