"""What a system costs: the seconds that were measured when its cells were computed."""

from __future__ import annotations

from dataclasses import dataclass

from bench.evaluation.stored import Place
from bench.evaluation.tests import Results


@dataclass(frozen=True)
class Cost:
    """Seconds for one seed of a system, means over the seeds that are done.

    Attributes:
        training: of training and evaluating the baseline with the encoder's vectors.
        pretraining: of the encoder, which all baselines and tasks share; None for an encoder that has none.
    """

    training: float
    pretraining: float | None


def cost_of(results: Results, place: Place) -> Cost | None:
    """The cost of a system; None where no cell is done."""
    training: list[float] = []
    pretraining: list[float] = []
    for cell in results.planned(*place):
        record = results.store.read("cells", cell.key)
        if record is None or record["status"] != "done":
            continue
        training.append(float(record["seconds"]))
        for job in cell.jobs:
            encoder = results.store.read(job.kind, job.key) if job.kind == "encoders" else None
            if encoder is not None and "seconds" in encoder:
                pretraining.append(float(encoder["seconds"]))
    if not training:
        return None
    return Cost(sum(training) / len(training), sum(pretraining) / len(pretraining) if pretraining else None)


def written_seconds(seconds: float) -> str:
    """``0.4 s``, ``42 s``, ``7 min`` or ``2.5 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
