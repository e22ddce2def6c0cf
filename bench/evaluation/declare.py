"""The families of an experiment: the protocol's two for every part, and those that its file declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.errors import BenchError, did_you_mean
from bench.evaluation.experiment import Part
from bench.files import StrictTable
from bench.plugins.specs import REFERENCE
from bench.stats.family import STRONGEST, Family, Hypothesis, declare_families

FAMILY_KEYS = ("name", "part", "claim", "hypotheses")
_HYPOTHESIS_KEYS = (
    "encoder",
    "reference",
    "metric",
    "alternative",
    "margin",
    "claim",
    "datasets",
    "baselines",
)


def protocol_families(part: Part, champion: str) -> tuple[Family, ...]:
    """``PART primary`` and ``PART secondary``: every encoder against vanilla, the champion against the strongest other.

    A part with one metric has no secondary family.
    """
    families = declare_families(
        part.task,
        part.datasets,
        part.baselines,
        part.encoders,
        part.metrics[0],
        part.metrics[1:],
        REFERENCE,
        champion,
    )
    named = zip(families, ("primary", "secondary"), strict=True)
    return tuple(replace(family, name=f"{part.id} {kind}") for family, kind in named if len(family))


def declared_family(table: StrictTable, parts: Sequence[Part]) -> tuple[Family, str]:
    """A ``[[family]]`` and the id of the part it is about.

    Raises:
        BenchError: a name that the part does not have, or a hypothesis that makes no sense.
    """
    by_name = {part.id: part for part in parts}
    part = by_name[one_of(table, "part", table.text("part"), by_name)]
    claim = table.text("claim", "")
    hypotheses: list[Hypothesis] = []
    for one in table.tables("hypotheses", _HYPOTHESIS_KEYS):
        encoders = (REFERENCE, *part.encoders)
        encoder = one_of(one, "encoder", one.text("encoder"), encoders)
        reference = one_of(one, "reference", one.text("reference"), (*encoders, "strongest"))
        metric = one_of(one, "metric", one.text("metric", part.metrics[0]), part.metrics)
        try:
            hypotheses += [
                Hypothesis(
                    part.task,
                    one_of(one, "datasets", dataset, part.datasets),
                    one_of(one, "baselines", baseline, part.baselines),
                    encoder,
                    STRONGEST if reference == "strongest" else reference,
                    metric,
                    one.text("alternative", "two-sided"),  # type: ignore[arg-type]  # checked by Hypothesis
                    _margin(one),
                    one.text("claim", claim),
                )
                for dataset in one.texts("datasets", part.datasets)
                for baseline in one.texts("baselines", part.baselines)
            ]
        except BenchError as error:
            if error.where is not None and error.where.startswith(table.where):
                raise
            raise BenchError(error.what, where=one.where, fix=error.fix) from None
    if not hypotheses:
        raise BenchError("declares no hypothesis", where=table.where, fix="hypotheses = [{encoder = …, reference = …}]")
    try:
        return Family(table.text("name"), tuple(hypotheses)), part.id
    except BenchError as error:
        raise BenchError(f"{error.where} is {error.what}", where=table.where) from None


def one_of(table: StrictTable, key: str, name: str, known: Any) -> str:
    """Returns ``name`` if it is known, for keys whose values are one of a few.

    Raises:
        BenchError: it is not; says where it stands and which come near.
    """
    if name not in known:
        raise BenchError(f"{name!r} takes no part", where=table.at(key), fix=did_you_mean(name, known))
    return name


def _margin(table: StrictTable) -> float | None:
    margin = table.values.get("margin")
    if margin is not None and (isinstance(margin, bool) or not isinstance(margin, int | float)):
        raise BenchError(f"{margin!r} is not a number", where=table.at("margin"))
    return None if margin is None else float(margin)
