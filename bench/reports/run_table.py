"""The tables that ``bench run`` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from bench.data.corpus import Corpus
from bench.evaluation.experiment import written_design
from bench.evaluation.summary import SummaryRow
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.reports.ceilings_line import taken_lines
from bench.reports.fitting import print_fitting, print_paragraph
from bench.reports.labels import FEW_SEEDS, GROUPS, GROUPS_READING, ONE_SEED, REPLICATES
from bench.reports.power_line import power_line
from bench.reports.run_layout import run_layouts, written_difference, written_value
from bench.reports.table import Line, Table, TableCell
from bench.reports.writers import html_fragment, markdown
from bench.stats.banerjee import few
from bench.stats.marks import dagger
from bench.stats.rounding import written_interval, written_p, written_seeds

_SHORT = 8  # digits of a key that tell it from a thousand others


def print_run(
    rows: Sequence[SummaryRow], corpora: dict[str, Corpus], primary: str, console: Console, keys: bool = False
) -> None:
    """Prints a table per dataset, what must be known about the data, and how the numbers are to be read.

    Args:
        rows: the summary.
        corpora: by dataset.
        primary: the metric of the differences.
        console: decides the width, and so what has a place.
        keys: print the beginnings of the cells' keys, too.
    """
    for dataset, corpus in corpora.items():
        mine = [row for row in rows if row.dataset == dataset]
        print_fitting(run_layouts(mine, primary), console, f"{mine[0].task} on {corpus.info.label}")
        for note in _notes(mine, corpus, primary):
            print_paragraph(note, console)
        for line in _keys(mine, primary) if keys else ():
            console.print(line, highlight=False, markup=False)
        console.print()
    print_paragraph(reading(rows), console)


def markdown_run(rows: Sequence[SummaryRow], corpora: dict[str, Corpus], primary: str) -> str:
    """The same as Markdown."""
    return markdown(run_tables(rows, corpora, primary)) + f"\n{reading(rows)}\n"


def html_run(rows: Sequence[SummaryRow], corpora: dict[str, Corpus], primary: str) -> str:
    """The same as a piece of HTML, for a notebook."""
    return html_fragment(run_tables(rows, corpora, primary), reading(rows))


def run_tables(rows: Sequence[SummaryRow], corpora: dict[str, Corpus], primary: str) -> list[Table]:
    """A table per dataset, with all metrics and, below it, what must be known about the data."""
    tables = []
    for dataset, corpus in corpora.items():
        mine = [row for row in rows if row.dataset == dataset]
        metrics = list(dict.fromkeys(row.metric for row in mine))
        lettered = any(row.groups for row in mine if row.metric == primary)
        columns = [*(metric.upper() for metric in metrics), *[GROUPS] * lettered]
        columns += [f"Δ {primary.upper()} to {REFERENCE} [95 %]", "p (Holm)"]
        lines = []
        for system in dict.fromkeys((row.baseline, row.encoder) for row in mine):
            of_system = {row.metric: row for row in mine if (row.baseline, row.encoder) == system}
            lead = of_system[primary]
            cells = [TableCell(written_value(of_system[metric]), of_system[metric].bold) for metric in metrics]
            cells += [TableCell(lead.groups or "")] * lettered
            difference = "; ".join(filter(None, (written_difference(lead), written_seeds(lead.by_seed))))
            cells += [TableCell(difference), TableCell(written_p(lead.p_adjusted))]
            lines.append(Line(system, tuple(cells)))
        tables.append(
            Table(
                id=f"run-{dataset}",
                title=f"{mine[0].task} on {corpus.info.label}",
                stubs=("baseline", "encoder"),
                groups=(),
                columns=tuple(columns),
                lines=tuple(lines),
                notes=tuple(_notes(mine, corpus, primary)),
            )
        )
    return tables


def _notes(rows: Sequence[SummaryRow], corpus: Corpus, primary: str) -> list[str]:
    """Size of the test split, what it could have found, and the corpus's caveats."""
    largest = max(rows, key=lambda row: row.n_queries)
    corpora = largest.n_corpora
    who = "users" if corpus.num_users else "sessions (the data have no users)"
    units = registry().get("task", largest.task).units
    design = written_design(corpora, -(-max(row.seeds for row in rows) // (corpora or 1)))
    splits = "test split" if corpora is None else "test splits"
    size = f"{largest.n_queries} {units} of {largest.n_users} {who} in the {splits}, {design}."
    groups = dict.fromkeys(row.groups_note for row in rows if row.groups_note)
    contrasts = [
        (f"{row.baseline}: {row.encoder} − {REFERENCE}", row.smallest) for row in rows if row.metric == primary
    ]
    line = power_line([(name, smallest) for name, smallest in contrasts if smallest is not None])
    return [
        size,
        *_always_one(rows),
        *_strongest(rows, primary),
        *([line] if line else []),
        *taken_lines(
            {(r.baseline, r.encoder): r.mean for r in rows if r.metric == primary and r.mean is not None}, primary
        ),
        *groups,
        *(f"Note: {caveat}" for caveat in corpus.info.caveats),
    ]


def _always_one(rows: Sequence[SummaryRow]) -> list[str]:
    """The metrics that are 1 whatever the system, as a hit among ten is where no page has more than ten items."""
    means: dict[str, list[float]] = {}
    for row in rows:
        means.setdefault(row.metric, []).append(row.mean if row.mean is not None else 0.0)
    useless = [metric.upper() for metric, found in means.items() if len(found) > 1 and min(found) >= 1.0]
    if not useless:
        return []
    verb, tells = ("is", "tells") if len(useless) == 1 else ("are", "tell")
    return [f"{' and '.join(useless)} {verb} 1 for every ranking here, and {tells} no system from another."]


def _strongest(rows: Sequence[SummaryRow], primary: str) -> list[str]:
    """Each champion against the strongest other encoder of its baseline."""
    lines = []
    for row in rows:
        if row.metric == primary and row.strongest is not None and row.strongest_delta is not None:
            mark = dagger(row.strongest_p_adjusted, row.n_corpora or row.seeds)
            written = written_interval(row.strongest_delta, row.strongest_ci_low, row.strongest_ci_high, mark)
            seeds = written_seeds(row.strongest_by_seed)
            names = f"{row.baseline}: {row.encoder} − {row.strongest}, the strongest other on validation"
            p = written_p(row.strongest_p_adjusted)
            lines.append(f"{names}: Δ {primary.upper()} {written}, p (Holm) {p}{'; ' if seeds else ''}{seeds}.")
    return lines


def reading(rows: Sequence[SummaryRow]) -> str:
    """How the numbers of a run are to be read."""
    seeds = max((row.seeds for row in rows), default=0)
    if seeds == 1:
        return ONE_SEED
    size = max((row.family_size or 0 for row in rows), default=0)
    family = f"the {size} hypotheses of this run" if size > 1 else "all hypotheses of this run"
    family += f": each encoder against {REFERENCE}"
    family += ", muvcog-m against the strongest other one on validation" if any(row.strongest for row in rows) else ""
    corpora = max((row.n_corpora or 0 for row in rows), default=0)
    if few(seeds) and not corpora:
        return f"mean ± deviation over seeds; p after Holm over {family}. {FEW_SEEDS}"
    over = f"corpora ({REPLICATES}), intervals too" if corpora else "seeds"
    text = f"mean ± deviation over {over}; † p < 0.05 after Holm over {family}."
    return f"{text} {GROUPS_READING}" if any(row.groups for row in rows) else text


def _keys(rows: Sequence[SummaryRow], primary: str) -> list[str]:
    """For each system, where its cells are: the beginnings of their keys, seed by seed."""
    return [
        f"keys of {row.baseline}/{row.encoder}: {' '.join(key[:_SHORT] for key in row.keys)}"
        for row in rows
        if row.metric == primary
    ]
