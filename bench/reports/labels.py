"""Printed names of datasets, titles of tables, and what is said of results from few seeds."""

from __future__ import annotations

from bench.evaluation.experiment import Part
from bench.evaluation.tests import Results
from bench.figures.captions import dataset_label as label_of_corpus

ONE_SEED = "One seed: everything here is conditional on one trained model per encoder."
FEW_SEEDS = (
    "Fewer than five seeds: intervals and p are Banerjee's, which may be too careful; no difference is marked †, and "
    "those of the seeds stand beside each."
)

GROUPS = "groups"
"""Head of the column of rank groups."""
GROUPS_READING = (
    "groups: encoders of a baseline that share a letter were not told apart, all pairs tested at 5 % together; sharing "
    "a letter is not equality. Bold: not separable from the best (Hsu's comparison with the best, 5 %)."
)
REPLICATES = "the replicates: each made with a seed of its own, users and models nested in it"
"""What corpora are where an experiment has several of a dataset."""


def dataset_label(results: Results, dataset: str) -> str:
    """The printed name of a dataset of an experiment; that of a simulated one says so."""
    return label_of_corpus(results.experiment.label(dataset), results.corpora[dataset])


def titled(part: Part, what: str = "") -> str:
    """The title of a table about a part.

    Args:
        part: the part.
        what: what the table shows of it.

    Returns:
        ``Table 2: WHAT`` for a table or figure of the paper, ``TITLE: WHAT`` for other parts; without ``what``, the
        part's title is in its place.
    """
    for kind in ("table", "figure"):
        number = part.id.removeprefix(kind)
        if number != part.id and number.isdigit():
            return f"{kind.capitalize()} {number}: {what or part.title}"
    return f"{part.title}: {what}" if what else part.title
