"""The summary of a run: a mean over seeds and the difference to vanilla, for every system and metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from bench.data.corpus import Corpus
from bench.evaluation.declare import protocol_families
from bench.evaluation.experiment import Experiment, Part
from bench.evaluation.tests import Results
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.runs.jobs import Cell
from bench.runs.store import Store
from bench.stats.outcome import Outcome
from bench.stats.power import Smallest, smallest_of

_RUN = "run"


@dataclass(frozen=True)
class SummaryRow:
    """One array element of ``bench run --json``.

    Attributes:
        mean, std: of the seeds' means over queries, or of a pooled metric's values; std is None with one seed, and for
            a reference, of which one result stands for every seed. With corpora as replicates, of the corpora's means.
        seeds: finished cells: trained models, of all corpora together.
        delta: difference to the reference, with 95 % interval ``ci_low`` … ``ci_high`` over users and seeds
            (:meth:`bench.evaluation.tests.Results.difference`). A pooled metric that is not defined on the examples
            has no interval and no p.
        p, p_adjusted: two-sided, raw and after Holm over the run's family: each encoder against the reference and
            muvcog-m against the strongest other one, on all baselines and datasets, the primary metric in one family
            and the others in a second. What failed counts as p = 1.
        status: ``done``, ``failed`` (some seed failed) or ``missing``.
        cached: no cell of this row was computed by this call.
        key: keys of the cells, joined by spaces.
        split: how the corpus is split: ``random``, ``time`` or ``user``.
        by_seed: delta of every seed.
        smallest_found: the smallest difference that this design finds with 80 % power; ``smallest_limit`` says whether
            ``seeds`` or ``users`` limit it, the other two what more of them would find
            (:mod:`bench.stats.power`). None with one seed.
        groups: letters; encoders of a baseline that share one were not told apart
            (:func:`bench.stats.groups.rank_groups`).
        bold: not separable from the best encoder of the baseline.
        groups_note: why there are no groups, or which encoders were left out.
        delta_error, degrees: standard error and degrees of freedom of ``delta``.
        effect, won, tied, lost: standardised effect, and users of each kind (:class:`bench.stats.outcome.UserFacts`).
        test, family, family_size: the test's name, its family, and how many hypotheses that has.
        flip_p, flip_p_adjusted: of the second test, on these trained models (:mod:`bench.stats.flips`).
        strongest: in the rows of muvcog-m, the strongest other encoder on validation; ``strongest_…`` is muvcog-m minus
            that one, in the same family.
        commit, versions: of the program and of the libraries that computed the cells.
        n_corpora: corpora of the design, where they are the replicates: then interval and p are over corpora, and users
            and queries those of all corpora. None where there is one.
        corpus_deltas: the difference in each corpus, by corpus seed.
        n_left_out: queries (sessions, of a task about these) of the test split that metrics leave out, such as those
            without a click; None where the task's examples are not of the downstream sample, or the corpus is gone.
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
    split: str = "random"
    n_corpora: int | None = None
    corpus_deltas: tuple[float, ...] = ()
    by_seed: tuple[float, ...] = ()
    smallest_found: float | None = None
    smallest_limit: str | None = None
    smallest_any_users: float | None = None
    smallest_twice_seeds: float | None = None
    groups: str | None = None
    bold: bool = False
    groups_note: str | None = None
    delta_error: float | None = None
    degrees: float | None = None
    effect: float | None = None
    won: int | None = None
    tied: int | None = None
    lost: int | None = None
    test: str | None = None
    family: str | None = None
    family_size: int | None = None
    flip_p: float | None = None
    flip_p_adjusted: float | None = None
    strongest: str | None = None
    strongest_delta: float | None = None
    strongest_ci_low: float | None = None
    strongest_ci_high: float | None = None
    strongest_p: float | None = None
    strongest_p_adjusted: float | None = None
    strongest_by_seed: tuple[float, ...] = ()
    commit: str | None = None
    versions: str | None = None
    n_left_out: int | None = None

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
        """Plain values for JSON, ``keys`` and ``corpus_deltas`` as lists; an endless interval is null."""
        values = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(self).items()}
        return {**values, "corpus_deltas": list(self.corpus_deltas), "keys": self.keys}


def results_of(cells: Sequence[Cell], store: Store) -> Results:
    """The results of a run's cells, which are an experiment of one part."""
    corpora = {cell.corpus_seed for cell in cells} - {None}
    seeds = len({(cell.corpus_seed, cell.seed) for cell in cells}) // max(len(corpora), 1)
    experiment = Experiment(_RUN, "", seeds, (), corpus_seeds=len(corpora) or None)
    return Results(experiment, {_RUN: cells}, store)


def summarise(
    results: Results,
    primary: str,
    reference: str,
    computed: frozenset[str] = frozenset(),
    corpora: Mapping[str, Corpus] = MappingProxyType({}),
) -> list[SummaryRow]:
    """Rows in the order of a run's cells, the primary metric first.

    Args:
        results: those of :func:`results_of`.
        primary: the metric of the first family.
        reference: the encoder that all others are compared to.
        computed: keys of the cells that were computed just now.
        corpora: by dataset; they say how they are split.

    Raises:
        BenchError: seeds of a system, or two systems, were scored on different queries or candidates.
    """
    systems = list(dict.fromkeys((cell.dataset, cell.baseline, cell.encoder) for cell in results.cells[_RUN]))
    metrics = reported_metrics(results, primary)
    if any(encoder != reference for _, _, encoder in systems):
        declare_protocol(results, metrics, reference)

    rows, encoders = [], results.encoders(_RUN)
    whole = registry().get("task", results.cells[_RUN][0].task).units == "sessions"
    for dataset, baseline, encoder in systems:
        planned = results.planned(_RUN, dataset, baseline, encoder)
        users, queries = results.sizes(_RUN, dataset, baseline, encoder) or (0, 0)
        keys = list(dict.fromkeys(cell.key for cell in planned))
        commit, versions = results.origin(_RUN, dataset, baseline, encoder)
        left_out = results.unscored(_RUN, dataset, baseline, encoder, whole)
        for metric in metrics:
            means = results.seed_values(_RUN, dataset, baseline, encoder, metric)
            others = results.seed_values(_RUN, dataset, baseline, reference, metric)
            outcome = results.outcome(_RUN, dataset, baseline, encoder, metric)
            difference = outcome.difference if outcome is not None else None
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
                    p_adjusted=outcome.p_adjusted if outcome is not None else None,
                    n_users=users,
                    n_queries=queries,
                    status=results.status(_RUN, dataset, baseline, encoder).state,
                    cached=not computed.intersection(keys),
                    key=" ".join(keys),
                    split=corpora[dataset].info.split if dataset in corpora else "random",
                    n_corpora=results.experiment.corpus_seeds,
                    corpus_deltas=difference.corpus_deltas if difference else (),
                    by_seed=difference.by_seed if difference else (),
                    smallest_found=smallest.found if smallest else None,
                    smallest_limit=smallest.limit if smallest else None,
                    smallest_any_users=smallest.with_any_users if smallest else None,
                    smallest_twice_seeds=smallest.with_twice_the_seeds if smallest else None,
                    groups=groups.letters.get(encoder),
                    bold=encoder in groups.best,
                    groups_note=groups.note or None,
                    commit=commit,
                    versions=versions,
                    n_left_out=left_out,
                    **_facts(outcome),
                    **_against_strongest(results.against_strongest(_RUN, dataset, baseline, encoder, metric)),
                )
            )
    return rows


def part_of_run(results: Results, metrics: Sequence[str], reference: str = REFERENCE) -> Part:
    """What a run planned, as the one part of an experiment; the baselines that encoders are measured with."""
    cells = results.cells[_RUN]
    return Part(
        id=_RUN,
        title="",
        task=cells[0].task,
        datasets=tuple(dict.fromkeys(cell.dataset for cell in cells)),
        baselines=tuple(dict.fromkeys(cell.baseline for cell in cells if cell.encoder != reference)),
        encoders=tuple(dict.fromkeys(cell.encoder for cell in cells)),
        metrics=tuple(metrics),
    )


def reported_metrics(results: Results, primary: str) -> list[str]:
    """The metrics of a run's cells, the primary one first; that one alone where none of them is done."""
    systems = dict.fromkeys((cell.dataset, cell.baseline, cell.encoder) for cell in results.cells[_RUN])
    reported = next(filter(None, (results.metrics(_RUN, *name) for name in systems)), [primary])
    return sorted(reported, key=lambda metric: (metric != primary, metric))


def declare_protocol(results: Results, metrics: Sequence[str], reference: str = REFERENCE) -> None:
    """Declares the protocol's families on what a run planned, whatever came out of it."""
    part = part_of_run(results, metrics, reference)
    families = protocol_families(part, results.experiment.champion)
    results.experiment = replace(
        results.experiment, parts=(part,), families=families, family_parts={family.name: _RUN for family in families}
    )


def _facts(outcome: Outcome | None) -> dict[str, Any]:
    """What belongs beside a difference, by the names of a row's fields."""
    if outcome is None:
        return {}
    facts: dict[str, Any] = {name: getattr(outcome, name) for name in ("test", "family", "family_size")}
    facts |= {"flip_p": outcome.flip_p, "flip_p_adjusted": outcome.flip_p_adjusted}
    if outcome.difference is not None:
        facts |= {"delta_error": outcome.difference.error, "degrees": outcome.difference.degrees}
    return facts | (asdict(outcome.users) if outcome.users is not None else {})


def _against_strongest(outcome: Outcome | None) -> dict[str, Any]:
    """The champion against the strongest other encoder, by the names of a row's fields."""
    if outcome is None or outcome.difference is None:
        return {}
    difference = outcome.difference
    return {
        "strongest": outcome.hypothesis.reference,
        "strongest_delta": difference.delta,
        "strongest_ci_low": difference.low,
        "strongest_ci_high": difference.high,
        "strongest_p": difference.p,
        "strongest_p_adjusted": outcome.p_adjusted,
        "strongest_by_seed": difference.by_seed,
    }
