"""A claim of several hypotheses, answered for each dataset."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.stats.outcome import Outcome, Verdict


@dataclass(frozen=True)
class Answer:
    """The verdict on a claim, on one dataset.

    Attributes:
        claim: such as ``C1``.
        says: the claim in words, and where the paper makes it.
        dataset: None for a claim without a hypothesis in the experiment.
        verdict: ``holds`` where every hypothesis does (an intersection-union test: no further correction is needed),
            ``direction only`` where all point the claimed way, ``not tested`` where the result of any is missing.
        worst: the hypothesis with the least to spare; None where the claim isn't tested.
        outcomes: of all its hypotheses on the dataset.
    """

    claim: str
    says: str
    dataset: str | None
    verdict: Verdict
    worst: Outcome | None
    outcomes: tuple[Outcome, ...]

    def as_dict(self) -> dict[str, Any]:
        """One element of ``bench claims --json``; an effect is that of the worst hypothesis."""
        difference = self.worst.difference if self.worst is not None else None
        return {
            "claim": self.claim,
            "dataset": self.dataset,
            "verdict": self.verdict,
            "effect": _plain(difference.delta if difference else None),
            "ci_low": _plain(difference.low if difference else None),
            "ci_high": _plain(difference.high if difference else None),
            "p_adjusted": self.worst.p_adjusted if self.worst else None,
        }


def answer_claims(outcomes: Iterable[Outcome], claims: Mapping[str, str]) -> list[Answer]:
    """An answer per claim and dataset, in the order of ``claims``.

    Args:
        outcomes: tested hypotheses of all families; those without a claim are passed over.
        claims: what each claim says.
    """
    outcomes_of: dict[str, dict[str, list[Outcome]]] = {claim: {} for claim in claims}
    for outcome in outcomes:
        claim = outcome.hypothesis.claim
        if claim:
            outcomes_of.setdefault(claim, {}).setdefault(outcome.hypothesis.dataset, []).append(outcome)
    answers = []
    for claim, by_dataset in outcomes_of.items():
        says = claims.get(claim, "")
        if not by_dataset:
            answers.append(Answer(claim, says, None, "not tested", None, ()))
        answers += [_answer(claim, says, dataset, group) for dataset, group in by_dataset.items()]
    return answers


def to_spare(outcome: Outcome) -> float:
    """How far an estimate is on the side that is claimed: beyond 0, or for an equivalence within the margin."""
    assert outcome.difference is not None
    delta, hypothesis = outcome.difference.delta, outcome.hypothesis
    if hypothesis.alternative == "equivalent":
        return (hypothesis.margin or 0.0) - abs(delta)
    return {"greater": delta, "less": -delta, "two-sided": abs(delta)}[hypothesis.alternative]


def _answer(claim: str, says: str, dataset: str, outcomes: Sequence[Outcome]) -> Answer:
    verdicts = {outcome.verdict() for outcome in outcomes}
    if "not tested" in verdicts:
        return Answer(claim, says, dataset, "not tested", None, tuple(outcomes))
    verdict: Verdict = "direction only"
    if verdicts == {"holds"}:
        verdict = "holds"
    elif "does not hold" in verdicts:
        verdict = "does not hold"
    return Answer(claim, says, dataset, verdict, min(outcomes, key=to_spare), tuple(outcomes))


def _plain(value: float | None) -> float | None:
    """An endless interval is null in JSON."""
    return value if value is not None and math.isfinite(value) else None
