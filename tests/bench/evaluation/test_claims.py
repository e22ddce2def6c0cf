"""A claim holds where all of its hypotheses do, and its effect is that of the one with the least to spare."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.evaluation.claims import Answer, answer_claims, to_spare
from bench.reports.claims import markdown_claims
from bench.stats.crossed import Difference
from bench.stats.family import Hypothesis
from bench.stats.outcome import Outcome

CLAIMS = {"C1": "the first (section 4.2)", "C2": "the second", "C3": "the third"}


def outcome(
    delta: float | None,
    p: float = 0.01,
    claim: str = "C1",
    dataset: str = "beauty",
    baseline: str = "b",
    **more: object,
) -> Outcome:
    hypothesis = Hypothesis("ctr", dataset, baseline, "muvcog-m", "vanilla", "ndcg@10", "greater", claim=claim)
    hypothesis = replace(hypothesis, **more)  # type: ignore[arg-type]
    difference = None if delta is None else Difference(delta, delta - 0.1, delta + 0.1, p, 4.0, 5, 10, 20, 0.02)
    return Outcome(hypothesis, difference, None if delta is None else p, None, None, None, "t", "f", 3)


def answer(*outcomes: Outcome) -> Answer:
    (first,) = [a for a in answer_claims(outcomes, CLAIMS) if a.outcomes]
    return first


@pytest.mark.parametrize(
    ("outcomes", "verdict", "effect"),
    [
        ([(0.3, 0.01), (0.1, 0.04)], "holds", 0.1),
        ([(0.3, 0.01), (0.1, 0.06)], "direction only", 0.1),
        ([(0.3, 0.60), (0.1, 0.70)], "direction only", 0.1),
        ([(0.3, 0.01), (-0.1, 0.9)], "does not hold", -0.1),
        ([(0.3, 0.01), (0.0, 0.5)], "does not hold", 0.0),
        ([(-0.3, 0.99), (-0.1, 0.9)], "does not hold", -0.3),
        ([(0.3, 0.01), (None, 1.0)], "not tested", None),
        ([(-0.3, 0.99), (None, 1.0)], "not tested", None),
    ],
)
def test_a_claim_is_as_good_as_its_worst_hypothesis(
    outcomes: list[tuple[float | None, float]], verdict: str, effect: float | None
) -> None:
    found = answer(*(outcome(delta, p, baseline=f"b{i}") for i, (delta, p) in enumerate(outcomes)))
    assert found.verdict == verdict
    row = found.as_dict()
    assert list(row) == ["claim", "dataset", "verdict", "effect", "ci_low", "ci_high", "p_adjusted"]
    assert row["effect"] == effect
    if effect is not None:
        assert (row["ci_low"], row["ci_high"]) == (effect - 0.1, effect + 0.1)
        assert row["p_adjusted"] == next(p for delta, p in outcomes if delta == effect)
    else:
        assert (row["ci_low"], row["ci_high"], row["p_adjusted"]) == (None, None, None)


def test_datasets_are_answered_apart_and_claims_without_hypotheses_too() -> None:
    outcomes = [
        outcome(0.3, dataset="beauty"),
        outcome(-0.3, 0.9, dataset="clothes"),
        outcome(0.3, claim="C3"),
        outcome(-0.3, 0.9, claim=""),  # the protocol's own families belong to no claim
    ]
    found = [(a.claim, a.dataset, a.verdict) for a in answer_claims(outcomes, CLAIMS)]
    assert found == [
        ("C1", "beauty", "holds"),
        ("C1", "clothes", "does not hold"),
        ("C2", None, "not tested"),
        ("C3", "beauty", "holds"),
    ]


def test_what_is_to_spare_depends_on_what_is_claimed() -> None:
    assert to_spare(outcome(0.02)) == 0.02
    assert to_spare(outcome(-0.02, alternative="less")) == 0.02
    near = outcome(-0.008, alternative="equivalent", margin=0.01)
    assert to_spare(near) == pytest.approx(0.002)
    found = answer(outcome(0.005, baseline="x"), near)
    assert found.worst is near, "the equivalence is nearer to failing"


def test_an_endless_interval_is_not_a_test() -> None:
    endless = outcome(0.3)
    assert endless.difference is not None
    endless = replace(endless, difference=replace(endless.difference, low=-math.inf, high=math.inf))
    assert answer(endless).verdict == "not tested"


def test_people_get_the_wording_the_worst_effect_and_every_hypothesis() -> None:
    answers = answer_claims([outcome(0.3), outcome(0.12, 1e-6, baseline="c"), outcome(None, claim="C3")], CLAIMS)
    text = markdown_claims(answers, {})
    table = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| C")}
    first = "| C1 | the first (section 4.2) | beauty | holds | +0.12 [+0.02, +0.22] | < 0.0001 | 2 |"
    assert table["| C1"] == first
    assert table["| C2"] == "| C2 | the second | – | not tested |  |  | 0 |"
    assert "- ctr beauty b: muvcog-m > vanilla on ndcg@10: +0.30 [+0.20, +0.40], p 0.0100: holds" in text
    assert "**C3, beauty: not tested**\n\n- ctr beauty b: muvcog-m > vanilla on ndcg@10: not tested" in text
    assert "One seed" not in text
