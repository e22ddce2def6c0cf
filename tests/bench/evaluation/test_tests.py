"""Results are the stored numbers, compared on proven common ground; what failed or is missing counts and is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stored_results import OWNERS, UNITS, Stored, part_of, values

from bench.errors import BenchError
from bench.stats.crossed import crossed_difference
from bench.stats.family import STRONGEST, Family, Hypothesis
from bench.stats.holm import holm

PART = part_of("vanilla", "lstm", "muvcog-m")


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def full(stored: Stored, *encoders: str, seeds: int = 3) -> None:
    for encoder in encoders:
        for seed in range(seeds):
            stored.ranked(PART, encoder, seed)


def test_scores_are_those_stored_whatever_the_order_of_rows(stored: Stored) -> None:
    full(stored, "vanilla", "lstm", "muvcog-m")
    results = stored.results(PART)
    order = np.argsort(UNITS)
    for encoder in PART.encoders:
        scores = results.scores("table2", "d", "b", encoder, "mrr@10")
        assert scores is not None
        expected = np.stack([values(encoder, seed, "mrr@10") for seed in range(3)])
        np.testing.assert_array_equal(scores.values, expected[:, order])
        np.testing.assert_array_equal(scores.examples.query, UNITS[order])
        assert scores.seeds == (0, 1, 2)
        np.testing.assert_allclose(results.seed_values("table2", "d", "b", encoder, "mrr@10"), expected.mean(1))


def test_systems_share_their_examples(stored: Stored) -> None:
    full(stored, "vanilla", "lstm")
    results = stored.results(part_of("vanilla", "lstm"))
    of = [results.examples("table2", "d", "b", encoder) for encoder in ("vanilla", "lstm")]
    assert of[0] is not None
    assert of[0] is of[1]
    assert of[0].candidates is not None


@pytest.mark.parametrize("state", ["failed", "missing"])
def test_one_seed_that_is_not_done_leaves_no_scores(stored: Stored, state: str) -> None:
    full(stored, "vanilla")
    for seed in range(2):
        stored.ranked(PART, "lstm", seed)
    if state == "failed":
        stored.failed(PART, "lstm", 2, "no luck")
    else:
        stored.cell(PART, "d", "b", "lstm", 2)
    results = stored.results(part_of("vanilla", "lstm"))
    status = results.status("table2", "d", "b", "lstm")
    assert (status.state, status.reason) == (state, "no luck" if state == "failed" else "")
    assert results.status("table2", "d", "b", "vanilla").state == "done"
    assert results.scores("table2", "d", "b", "lstm", "ndcg@10") is None
    assert len(results.seed_values("table2", "d", "b", "lstm", "ndcg@10")) == 0
    (outcome,) = results.outcomes()["table2 primary"]
    assert outcome.difference is None
    assert outcome.verdict() == "not tested"
    assert [line for line in results.warnings() if "no luck" in line] == (
        ["FAILED ctr d lstm seed 2: no luck  (bench show ctr-d-b-lstm-2)"] if state == "failed" else []
    )


def test_outcomes_are_the_crossed_test_with_holm_over_the_declared_family(stored: Stored) -> None:
    full(stored, *PART.encoders)
    results = stored.results(PART)
    outcomes = {(o.hypothesis.encoder, o.hypothesis.reference): o for o in results.outcomes()["table2 primary"]}
    assert list(outcomes) == [("lstm", "vanilla"), ("muvcog-m", "vanilla"), ("muvcog-m", "lstm")]
    stacked = {name: np.stack([values(name, seed) for seed in range(3)]) for name in PART.encoders}
    expected = {pair: crossed_difference(stacked[pair[0]] - stacked[pair[1]], OWNERS) for pair in outcomes}
    for pair, outcome in outcomes.items():
        assert outcome.difference is not None
        assert outcome.difference.delta == pytest.approx(expected[pair].delta)
        assert outcome.difference.p == pytest.approx(expected[pair].p)
    adjusted = holm([difference.p for difference in expected.values()])
    assert [outcome.p_adjusted for outcome in outcomes.values()] == pytest.approx(list(adjusted))
    against = results.outcome("table2", "d", "b", "muvcog-m", "ndcg@10")
    assert against is outcomes["muvcog-m", "vanilla"]


def test_the_strongest_other_encoder_is_chosen_on_validation(stored: Stored) -> None:
    """By test scores ``other`` is weaker than lstm; by the chosen epoch's validation as well."""
    full(stored, "vanilla", "lstm", "meanpool", "muvcog-m")
    results = stored.results(part_of("vanilla", "meanpool", "lstm", "muvcog-m"))
    assert results.validation("table2", "d", "b", "lstm") == [0.3] * 3
    assert results.validation("table2", "d", "b", "vanilla") == [0.1] * 3, "the chosen epoch, not the last one"
    assert results.strongest("table2", "d", "b") == "lstm"


def test_systems_of_other_seeds_or_fewer_are_left_out_of_the_groups_and_named(stored: Stored) -> None:
    part = part_of("vanilla", "lstm", "meanpool", "muvcog-m", "random")
    full(stored, "vanilla", "lstm", "muvcog-m", seeds=5)
    for seed in (0, 1, 2, 3, 7):
        stored.ranked(PART, "meanpool", seed)
    stored.failed(PART, "random", 0, "no luck")
    groups = stored.results(part).groups("table2", "d", "b", part.encoders, "ndcg@10")
    assert groups.letters == {"vanilla": "c", "lstm": "b", "muvcog-m": "a"}
    assert groups.best == {"muvcog-m"}
    assert groups.note == "Not in the groups of d b: random (failed), meanpool (other seeds)."


def test_nobody_is_the_strongest_while_a_seed_lacks(stored: Stored) -> None:
    full(stored, "vanilla", "lstm", "muvcog-m")
    for seed in range(2):
        stored.ranked(PART, "meanpool", seed)
    stored.cell(PART, "d", "b", "meanpool", 2)
    results = stored.results(part_of("vanilla", "meanpool", "lstm", "muvcog-m"))
    assert results.strongest("table2", "d", "b") is None
    last = results.outcomes()["table2 primary"][-1]
    assert last.hypothesis.reference == STRONGEST
    assert last.verdict() == "not tested"


def test_other_candidates_are_an_error_and_not_left_out(stored: Stored) -> None:
    full(stored, "vanilla")
    for seed in range(3):
        stored.ranked(PART, "lstm", seed, item=1)
    results = stored.results(part_of("vanilla", "lstm"))
    with pytest.raises(BenchError, match="scored on different candidates: 1 queries, the first q0"):
        results.outcomes()


def test_seeds_on_other_candidates_are_an_error(stored: Stored) -> None:
    for seed in range(3):
        stored.ranked(PART, "lstm", seed, item=int(seed == 2))
    with pytest.raises(BenchError, match="different candidates"):
        stored.results(PART).scores("table2", "d", "b", "lstm", "ndcg@10")


def test_pooled_metrics_are_those_of_the_cells_and_are_tested(stored: Stored) -> None:
    part = part_of("vanilla", "word2vec", "bert", task="intent", metrics=("f1", "auc", "acc", "precision", "recall"))
    for encoder, right in (("vanilla", 0.3), ("word2vec", 0.5), ("bert", 0.95)):
        for seed in range(3):
            stored.classified(part, encoder, seed, right)
    results = stored.results(part)
    for metric in part.metrics:
        mine = results.seed_values("table2", "d", "b", "bert", metric)
        other = results.seed_values("table2", "d", "b", "vanilla", metric)
        outcome = results.outcome("table2", "d", "b", "bert", metric)
        assert outcome is not None
        assert outcome.difference is not None
        assert outcome.difference.delta == pytest.approx(mine.mean() - other.mean()), metric
        assert outcome.difference.low < outcome.difference.delta < outcome.difference.high
        assert outcome.difference.p < 0.05
        assert outcome.test == "bootstrap over users and seeds, Banerjee's interval"
    back = results.difference("table2", "d", "b", "vanilla", "bert", "f1")
    assert back is not None
    assert back.delta == pytest.approx(-results.outcome("table2", "d", "b", "bert", "f1").difference.delta)  # type: ignore[union-attr]


def test_a_cell_of_two_parts_is_read_once(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    again = part_of("vanilla", "lstm", id="figure4")
    for part in (PART, again):
        for encoder in ("vanilla", "lstm"):
            for seed in range(3):
                stored.ranked(part, encoder, seed)
    read: list[str] = []
    original = __import__("pandas").read_parquet

    def counting(file: Path, *arguments: object, **named: object) -> object:
        read.append(f"{file.parent.name}/{file.name}")
        return original(file, *arguments, **named)

    monkeypatch.setattr("bench.evaluation.system.pd.read_parquet", counting)
    results = stored.results(part_of("vanilla", "lstm"), again)
    results.outcomes()
    results.outcomes()
    scores = [name for name in read if name.endswith("scores.parquet")]
    assert len(scores) == len(set(scores)) == 6


def test_a_family_without_a_part_finds_the_part_that_holds_its_cells(stored: Stored) -> None:
    full(stored, *PART.encoders)
    claim = Family("C1", (Hypothesis("ctr", "d", "b", "muvcog-m", "vanilla", "ndcg@10", "greater", claim="C1"),))
    (outcome,) = stored.results(PART, families=(claim,)).outcomes()["C1"]
    assert outcome.verdict() == "holds"
