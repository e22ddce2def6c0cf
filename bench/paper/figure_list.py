"""The list of an experiment's figures: Figures 2 and 6, its parts as bars, a session and its candidates, all
differences, what they cost, and curves of pretraining and of learning."""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import BenchError, did_you_mean
from bench.evaluation.experiment import Experiment, Part

CASE_ENCODERS = ("lstm", "muvcog-t", "muvcog-m")
CASE_BASELINE = "alstp"
"""The encoders that the paper's Figure 6 compares, and the baseline that the LSTM is trained with (section 4.4)."""

CHARACTERISTICS, CASE, SESSION, DELTAS = "figure2", "figure6", "session", "deltas"
COST, CURVES, LEARNING = "cost", "curves", "learning"


def figure_ids(experiment: Experiment) -> list[str]:
    """The ids of an experiment's figures, in the order in which they are drawn."""
    bars = [part.id for part in experiment.parts if part.layout == "bars"]
    case = [CASE, SESSION] if case_part(experiment) is not None else []
    return [CHARACTERISTICS, *bars, *case, DELTAS, COST, CURVES, LEARNING]


def chosen_ids(experiment: Experiment, only: Sequence[str]) -> list[str]:
    """The ids of the figures to draw.

    Args:
        experiment: the experiment.
        only: ids of figures; all when empty.

    Raises:
        BenchError: the experiment has no such figure.
    """
    known = figure_ids(experiment)
    for name in only:
        if name not in known:
            raise BenchError(f"{experiment.name} has no figure {name!r}", where="--only", fix=did_you_mean(name, known))
    return [name for name in known if not only or name in only]


def case_part(experiment: Experiment) -> Part | None:
    """The part whose cells Figure 6 shows: the first click prediction with most of its encoders; None without any."""
    parts = [part for part in experiment.parts if part.task == "ctr" and set(part.encoders) & set(CASE_ENCODERS)]
    return max(parts, key=lambda part: len(set(part.encoders) & set(CASE_ENCODERS)), default=None)
