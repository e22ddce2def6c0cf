"""Families of hypotheses, declared before a run: what is tested, in which direction, and with how many others."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.errors import BenchError, did_you_mean
from bench.plugins.specs import REFERENCE
from bench.stats.student import Alternative

STRONGEST = "(strongest other)"
"""A reference that validation names: see :meth:`Family.resolve`."""


@dataclass(frozen=True)
class Hypothesis:
    """One contrast: an encoder against a reference, all else equal, on one metric.

    Attributes:
        task, dataset, baseline: what both share.
        encoder, reference: the two. Either may be any name that results go by, a variant's as well
            (``muvcog-m``, ``muvcog-m[negatives=random]``), or for the reference :data:`STRONGEST`.
        metric: as in the scores.
        alternative: of encoder minus reference: ``two-sided``, ``greater``, ``less`` or ``equivalent``.
        margin: for ``equivalent``, the largest difference that does not matter.
        claim: what it belongs to, such as ``C1``; a claim of several hypotheses holds where all of them do.
    """

    task: str
    dataset: str
    baseline: str
    encoder: str
    reference: str
    metric: str
    alternative: Alternative | Literal["equivalent"] = "two-sided"
    margin: float | None = None
    claim: str = ""

    def __post_init__(self) -> None:
        known = ("two-sided", "greater", "less", "equivalent")
        if self.alternative not in known:
            fix = did_you_mean(self.alternative, known)
            raise BenchError(f"unknown alternative {self.alternative!r}", where=str(self), fix=fix)
        if self.encoder == self.reference:
            raise BenchError("an encoder is compared with itself", where=str(self))
        if (self.alternative == "equivalent") != (self.margin is not None):
            raise BenchError("equivalence needs a margin, and nothing else has one", where=str(self))
        if self.margin is not None and not 0 < self.margin < math.inf:
            raise BenchError(f"equivalence needs a margin above 0, not {self.margin}", where=str(self))

    def __str__(self) -> str:
        sign = {"two-sided": "≠", "greater": ">", "less": "<", "equivalent": "≈"}.get(self.alternative, "?")
        return f"{self.task} {self.dataset} {self.baseline}: {self.encoder} {sign} {self.reference} on {self.metric}"


@dataclass(frozen=True)
class Family:
    """Hypotheses that are corrected together.

    Attributes:
        name: for tables and JSON.
        hypotheses: distinct; the order decides nothing but the order of results.
    """

    name: str
    hypotheses: tuple[Hypothesis, ...]

    def __post_init__(self) -> None:
        seen: set[Hypothesis] = set()
        for hypothesis in self.hypotheses:
            bare = replace(hypothesis, claim="")
            if bare in seen:
                raise BenchError("declared twice", where=f"family {self.name}, {hypothesis}")
            seen.add(bare)

    def __len__(self) -> int:
        return len(self.hypotheses)

    def resolve(self, strongest: Mapping[tuple[str, str, str], str]) -> Family:
        """The same family with every :data:`STRONGEST` replaced by the name chosen for its task, dataset and baseline.

        Where nothing could be chosen it stays, has no result, and counts like every other one that is missing.
        """
        resolved: dict[Hypothesis, None] = {}
        for hypothesis in self.hypotheses:
            if hypothesis.reference == STRONGEST:
                place = (hypothesis.task, hypothesis.dataset, hypothesis.baseline)
                hypothesis = replace(hypothesis, reference=strongest.get(place, STRONGEST))
            resolved[hypothesis] = None
        return Family(self.name, tuple(resolved))


def declare_families(
    task: str,
    datasets: Iterable[str],
    baselines: Iterable[str],
    encoders: Sequence[str],
    primary: str,
    secondary: Iterable[str] = (),
    reference: str = REFERENCE,
    champion: str = "muvcog-m",
) -> tuple[Family, Family]:
    """The protocol's two families of a task: the primary metric in one, all secondary metrics in the other.

    Each encoder against ``reference``, and the ``champion`` against the strongest other encoder where both are there;
    on every baseline and dataset.
    """
    places = [(dataset, baseline) for dataset in datasets for baseline in baselines]
    against = [(encoder, reference) for encoder in encoders if encoder != reference]
    if champion in encoders and len(against) > 1:
        against.append((champion, STRONGEST))

    def family(name: str, metrics: Iterable[str]) -> Family:
        return Family(
            f"{task} {name}",
            tuple(
                Hypothesis(task, dataset, baseline, encoder, other, metric)
                for dataset, baseline in places
                for encoder, other in against
                for metric in metrics
            ),
        )

    return family("primary", [primary]), family("secondary", list(secondary))


def strongest_on_validation(
    validation: Mapping[str, Sequence[float]], champion: str = "muvcog-m", reference: str = REFERENCE
) -> str | None:
    """The encoder with the best validation metric, mean over seeds, ``champion`` and ``reference`` aside.

    None where there is no other, or one of them lacks a seed: the strongest of those that happen to be there is not
    the strongest.

    Args:
        validation: for each encoder one value a seed: the chosen epoch's, :func:`chosen_validation` of its curve.
        champion, reference: who cannot be chosen.
    """
    others = {name: values for name, values in validation.items() if name not in (champion, reference)}
    complete = {len(values) for values in others.values()}
    if len(complete) != 1 or 0 in complete or not all(math.isfinite(v) for values in others.values() for v in values):
        return None
    return min(others, key=lambda name: (-math.fsum(others[name]) / len(others[name]), name))


def chosen_validation(valid: Collection[float]) -> float:
    """The validation metric of the chosen epoch: the best of a curve's column ``valid``, where higher is better."""
    finite = [float(value) for value in valid if math.isfinite(value)]
    return max(finite, default=math.nan)
