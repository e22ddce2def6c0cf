"""The sentence below a simulated table says how much of what there was to gain came out."""

from __future__ import annotations

from bench.reports.ceilings_line import taken_lines

REFERENCES = {("chance", "vanilla"): 0.157, ("shown-order", "vanilla"): 0.306, ("best-prefix", "vanilla"): 0.45}


def test_a_share_is_of_the_way_from_vanilla_to_the_ceiling() -> None:
    means = {**REFERENCES, ("transearch", "vanilla"): 0.25, ("transearch", "lstm"): 0.30, ("transearch", "x"): 0.24}
    assert taken_lines(means, "ndcg@10") == [
        "transearch: of the 0.200 NDCG@10 that the session had to give, from vanilla's 0.250 to 0.450 of best-prefix "
        "(chance 0.157, shown-order 0.306), lstm 25 %, x -5 % came out."
    ]


def test_without_a_ceiling_or_an_encoder_nothing_is_said() -> None:
    assert taken_lines({("transearch", "vanilla"): 0.2, ("transearch", "lstm"): 0.3}, "ndcg@10") == []
    assert taken_lines({**REFERENCES, ("transearch", "vanilla"): 0.2}, "ndcg@10") == []


def test_a_baseline_above_the_ceiling_had_nothing_to_gain() -> None:
    means = {("best-prefix", "vanilla"): 0.2, ("alstp", "vanilla"): 0.3, ("alstp", "lstm"): 0.31}
    (line,) = taken_lines(means, "ndcg@10", str.upper)
    assert line.startswith("ALSTP: nothing was there to gain for a linear reader")
