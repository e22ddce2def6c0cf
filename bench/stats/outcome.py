"""A family's results: every hypothesis with its difference, both tests, and the facts that belong beside a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bench.errors import BenchError
from bench.stats.banerjee import few
from bench.stats.crossed import Difference, crossed_sums, for_alternative
from bench.stats.equivalence import equivalence
from bench.stats.examples import Pair
from bench.stats.family import Family, Hypothesis
from bench.stats.flips import sign_flips
from bench.stats.holm import holm
from bench.stats.nested import Replicates, nested_difference, smallest_flip_p
from bench.stats.student import Alternative

Verdict = Literal["holds", "direction only", "does not hold", "not tested"]

Compared = Pair | Replicates | Difference
"""What is known of two systems on a metric: on the same examples, on several corpora, or (pooled metrics) tested."""


@dataclass(frozen=True)
class UserFacts:
    """How a difference is spread over the users, or over corpora where these are the replicates.

    Attributes:
        effect: standardised: delta over the deviation of users' (seed-mean) contributions to it; None without any.
        won, tied, lost: users (corpora) with a positive, no, or a negative mean difference.
    """

    effect: float | None
    won: int
    tied: int
    lost: int


@dataclass(frozen=True)
class Outcome:
    """One hypothesis after the run.

    Attributes:
        hypothesis: what was declared.
        difference: estimate, interval and raw p of the primary test; None where a system has no scores.
        p_adjusted: Holm over the whole declared family.
        flip_p, flip_p_adjusted: of the second test, raw and by max-T; None for pooled metrics and for equivalence, and
            where corpora are too few for it (``flip_note``).
        users: None for pooled metrics.
        test: name of the primary test.
        family, family_size: as declared; what is missing still counts.
    """

    hypothesis: Hypothesis
    difference: Difference | None
    p_adjusted: float | None
    flip_p: float | None
    flip_p_adjusted: float | None
    users: UserFacts | None
    test: str
    family: str
    family_size: int

    @property
    def conditional(self) -> bool:
        """Whether one seed makes all of it conditional on one trained model."""
        return self.difference is not None and self.difference.seeds == 1

    @property
    def flip_note(self) -> str:
        """Why sign flips over corpora say nothing; empty where they do, or where nothing is replicated."""
        corpora = len(self.difference.corpus_deltas) if self.difference is not None else 0
        side = self.hypothesis.alternative
        if not corpora or side == "equivalent" or _flips_can_tell(corpora, side):
            return ""
        return f"sign flips of {corpora} corpora cannot go below p = {smallest_flip_p(corpora, side):g}"

    def verdict(self, level: float = 0.05) -> Verdict:
        """Whether it holds; ``direction only`` where just the sign does, or the estimate lies within the margin."""
        if self.difference is None or self.p_adjusted is None or not math.isfinite(self.difference.low):
            return "not tested"
        if self.p_adjusted < level:
            return "holds"
        delta, margin = self.difference.delta, self.hypothesis.margin or 0.0
        direction = {"greater": delta > 0, "less": delta < 0, "equivalent": abs(delta) < margin, "two-sided": False}
        return "direction only" if direction[self.hypothesis.alternative] else "does not hold"

    def as_dict(self) -> dict[str, Any]:
        """One flat row of plain values for JSON; an endless interval is null."""
        flat = asdict(self.hypothesis)
        for part in (self.difference, self.users):
            flat |= asdict(part) if part is not None else {}
        for internal in ("squares", "parts"):
            flat.pop(internal, None)
        if self.difference is not None:
            flat["by_seed"] = list(self.difference.by_seed)
        flat["alternative"] = self.hypothesis.alternative
        if self.difference is not None:
            flat["conditional_on_one_model"] = self.conditional
            flat["corpus_deltas"] = list(self.difference.corpus_deltas) or None
            flat["n_corpora"] = len(self.difference.corpus_deltas) or None
            flat["flip_note"] = self.flip_note
        for name in ("p_adjusted", "flip_p", "flip_p_adjusted", "test", "family", "family_size"):
            flat[name] = getattr(self, name)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in flat.items()}


def evaluate(
    family: Family,
    results: Mapping[Hypothesis, Compared],
    flips: int = 9_999,
    seed: int = 0,
) -> list[Outcome]:
    """Tests a family; one outcome per hypothesis, in the family's order.

    Args:
        family: resolved.
        results: what is known of each hypothesis: a pair of systems, its replicates, or for a pooled metric its
            :func:`~bench.stats.pooled.pooled_difference`. Hypotheses that are missing (a cell failed) count as
            p = 1, so that a failure makes nothing more significant.
        flips, seed: of :func:`~bench.stats.flips.sign_flips`.

    Raises:
        BenchError: a result belongs to no hypothesis of the family.
    """
    declared = set(family.hypotheses)
    for hypothesis in results:
        if hypothesis not in declared:
            raise BenchError("was not declared in the family", where=f"family {family.name}, {hypothesis}")
    differences = {hypothesis: _difference(hypothesis, result) for hypothesis, result in results.items()}
    raw = [differences[h].p if h in differences else 1.0 for h in family.hypotheses]
    adjusted = dict(zip(family.hypotheses, holm(raw).tolist(), strict=True))
    second = _second_test(family, results, flips, seed)
    outcomes = []
    for hypothesis in family.hypotheses:
        result = results.get(hypothesis)
        p, p_adjusted = second.get(hypothesis, (None, None))
        outcomes.append(
            Outcome(
                hypothesis=hypothesis,
                difference=differences.get(hypothesis),
                p_adjusted=adjusted[hypothesis] if result is not None else None,
                flip_p=p,
                flip_p_adjusted=p_adjusted,
                users=user_facts(_units(result)) if isinstance(result, Pair | Replicates) else None,
                test=_test(hypothesis, result),
                family=family.name,
                family_size=len(family),
            )
        )
    return outcomes


def user_facts(pair: Pair) -> UserFacts:
    """The standardised effect of a pair of systems, and how many users gained, lost, or did neither."""
    gains, count = pair.sums.mean(0), pair.users.count  # (U,)
    delta = gains.sum() / count.sum()
    deviation = float(((gains - count * delta) / count.mean()).std(ddof=1)) if len(count) > 1 else 0.0
    won, lost = int((gains > 1e-12).sum()), int((gains < -1e-12).sum())
    return UserFacts(float(delta / deviation) if deviation > 1e-12 else None, won, len(gains) - won - lost, lost)


def _difference(hypothesis: Hypothesis, result: Compared) -> Difference:
    if isinstance(result, Pair):
        result = crossed_sums(result.sums, result.users.count)
    elif isinstance(result, Replicates):
        result = nested_difference(result)
    if hypothesis.alternative == "equivalent":
        return equivalence(result, hypothesis.margin or 0.0)
    return for_alternative(result, hypothesis.alternative)


def _second_test(
    family: Family, results: Mapping[Hypothesis, Compared], flips: int, seed: int
) -> dict[Hypothesis, tuple[float, float]]:
    flipped: list[Hypothesis] = []
    pairs: list[Pair] = []
    sides: list[Alternative] = []
    for h in family.hypotheses:
        result = results.get(h)
        if h.alternative == "equivalent" or result is None or isinstance(result, Difference):
            continue
        if isinstance(result, Replicates) and not _flips_can_tell(len(result.deltas), h.alternative):
            continue
        flipped.append(h)
        pairs.append(replace(_units(result), dataset=h.dataset))
        sides.append(h.alternative)
    results_of_flips = sign_flips(pairs, sides, flips, seed)
    return {h: (one.p, one.p_adjusted) for h, one in zip(flipped, results_of_flips, strict=True)}


def _flips_can_tell(corpora: int, side: Alternative, level: float = 0.05) -> bool:
    return smallest_flip_p(corpora, side) < level


def _units(result: Pair | Replicates) -> Pair:
    """A pair whose users are the units that a sign is drawn for."""
    return result.as_units() if isinstance(result, Replicates) else result


def _test(hypothesis: Hypothesis, result: Compared | None) -> str:
    if result is None:
        return "none"
    base = "bootstrap over users and seeds"
    if isinstance(result, Pair):
        base = "crossed t over users and seeds"
    elif isinstance(result, Replicates):
        base = "t over corpora"
    seeds = len(result.sums) if isinstance(result, Pair) else result.seeds
    if few(seeds) and not isinstance(result, Replicates):
        base = f"{base}, Banerjee's interval"
    return f"{base}, two one-sided" if hypothesis.alternative == "equivalent" else base
