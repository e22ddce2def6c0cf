"""The summary's numbers are those of the scores; systems are compared on the same queries; Holm knows its families."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.errors import BenchError
from bench.evaluation.summary import SummaryRow, results_of, summarise
from bench.runs.jobs import Cell, Job
from bench.runs.store import Store, write_record
from bench.stats.crossed import crossed_difference
from bench.stats.holm import holm

QUERIES, USERS = 40, 13
UNITS = [f"q{i}" for i in range(QUERIES)]
OWNERS = [f"u{i % USERS}" for i in range(QUERIES)]
Scores = dict[str, np.ndarray]


def stored(
    store: Store,
    encoder: str,
    seed: int,
    scores: Scores | None,
    units: list[str] = UNITS,
    dataset: str = "d",
    valid: float = 0.1,
) -> Cell:
    """A cell with these scores per metric (Q,), or a failed one without."""
    key = f"{dataset}-{encoder}-{seed}"
    with store.publish("cells", key) as folder:
        if scores is not None:
            frames = [
                pd.DataFrame({"unit": units, "user": OWNERS, "metric": metric, "value": values})
                for metric, values in scores.items()
            ]
            # the order in which a cell wrote its rows must not matter
            pd.concat(frames).sample(frac=1, random_state=seed).to_parquet(folder / "scores.parquet")
            pd.DataFrame({"unit": units}).to_parquet(folder / "predictions.parquet")
            pd.DataFrame({"epoch": [1], "valid": [valid]}).to_parquet(folder / "curve.parquet")
        origin = {"provenance": {"commit": "abc"}, "config": {"libraries": {"numpy": "2", "torch": "3", "x": None}}}
        write_record(folder, "cells", {"status": "failed" if scores is None else "done", **origin})
    return Cell(dataset, "ctr", "b", encoder, seed, (Job("cells", key, {}, "", (), key),))


def random_scores(encoder: str, seed: int) -> Scores:
    rng = np.random.default_rng([seed, *encoder.encode()])
    lift = {"vanilla": 0.0, "good": 0.3, "weak": 0.02}.get(encoder, 0.1)
    return {metric: rng.random(QUERIES) + lift for metric in ("mrr", "hr", "ndcg")}


def table(cells: list[Cell], store: Store, computed: frozenset[str] = frozenset()) -> dict[tuple[str, str], SummaryRow]:
    rows = summarise(results_of(cells, store), "ndcg", "vanilla", computed)
    return {(row.encoder, row.metric): row for row in rows}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def full(store: Store, seeds: int = 3, scores: Callable[[str, int], Scores] = random_scores) -> list[Cell]:
    return [stored(store, e, s, scores(e, s)) for e in ("vanilla", "good", "weak") for s in range(seeds)]


def test_mean_deviation_and_difference_are_those_of_the_scores(store: Store) -> None:
    rows = table(full(store), store)
    for (encoder, metric), row in rows.items():
        by_seed = np.stack([random_scores(encoder, seed)[metric] for seed in range(3)])
        reference = np.stack([random_scores("vanilla", seed)[metric] for seed in range(3)])
        assert row.mean == pytest.approx(by_seed.mean())
        assert row.std == pytest.approx(np.std(by_seed.mean(1), ddof=1))
        assert (row.seeds, row.n_queries, row.n_users, row.status) == (3, QUERIES, USERS, "done")
        if encoder == "vanilla":
            assert row.delta is None
            continue
        expected = crossed_difference(by_seed - reference, np.array(OWNERS))
        assert row.delta == pytest.approx((by_seed - reference).mean())
        assert (row.ci_low, row.ci_high, row.p) == pytest.approx((expected.low, expected.high, expected.p))


def test_holm_has_one_family_for_the_primary_metric_and_one_for_the_rest(store: Store) -> None:
    rows = table(full(store), store)
    primary = [(e, "ndcg") for e in ("good", "weak")]
    others = [(e, m) for e in ("good", "weak") for m in ("hr", "mrr")]
    for family in (primary, others):
        assert [rows[n].p_adjusted for n in family] == pytest.approx(holm([rows[n].p for n in family]).tolist())


def test_holm_goes_over_all_datasets_of_the_run(store: Store) -> None:
    cells = [
        stored(store, e, s, random_scores(e + d, s), dataset=d)
        for d in "xyz"
        for e in ("vanilla", "weak")
        for s in (0, 1)
    ]
    rows = [
        r for r in summarise(results_of(cells, store), "ndcg", "vanilla") if r.metric == "ndcg" and r.encoder == "weak"
    ]
    assert [row.p_adjusted for row in rows] == pytest.approx(holm([row.p for row in rows]).tolist())
    assert len(rows) == 3


def test_rows_come_in_the_order_of_the_cells_with_the_primary_metric_first(store: Store) -> None:
    rows = summarise(results_of(full(store), store), "ndcg", "vanilla")
    assert [(row.encoder, row.metric) for row in rows] == [
        (e, m) for e in ("vanilla", "good", "weak") for m in ("ndcg", "hr", "mrr")
    ]


def test_a_failed_or_missing_seed_leaves_no_number(store: Store) -> None:
    cells = full(store)
    cells += [stored(store, "broken", s, None if s == 1 else random_scores("broken", s)) for s in range(3)]
    absent = stored(store, "absent", 0, random_scores("absent", 0))
    cells += [absent, Cell("d", "ctr", "b", "absent", 1, (Job("cells", "nowhere", {}, "", (), ""),))]
    rows = table(cells, store)
    for encoder, status in (("broken", "failed"), ("absent", "missing")):
        for metric in ("ndcg", "hr", "mrr"):
            row = rows[encoder, metric]
            assert row.status == status
            assert (row.mean, row.std, row.delta, row.p, row.p_adjusted) == (None,) * 5
    without = table(full(store), store)
    for name, row in without.items():
        same = replace(
            rows[name],
            p_adjusted=row.p_adjusted,
            family_size=row.family_size,
            groups_note=row.groups_note,
            flip_p_adjusted=row.flip_p_adjusted,
        )
        assert same == row, "a failure changes no other row"
    for metrics in (["ndcg"], ["hr", "mrr"]):
        names = [(e, m) for e in ("good", "weak") for m in metrics]
        raw = [rows[name].p for name in names]
        expected = holm([*raw, *[1.0] * (2 * len(metrics))])[: len(raw)]
        assert [rows[name].p_adjusted for name in names] == pytest.approx(expected.tolist()), "what failed counts"
        assert {rows[name].family_size for name in names} == {4 * len(metrics)}


def test_the_champion_is_compared_with_the_strongest_other_on_validation_in_the_same_family(store: Store) -> None:
    """By validation ``weak`` is the strongest, though ``good`` is better on test: nothing is chosen there."""
    encoders = ("vanilla", "good", "weak", "muvcog-m")
    validation = {"good": 0.2, "weak": 0.4}
    cells = [stored(store, e, s, random_scores(e, s), valid=validation.get(e, 0.1)) for e in encoders for s in range(5)]
    rows = table(cells, store)
    row = rows["muvcog-m", "ndcg"]
    both = [np.stack([random_scores(e, seed)["ndcg"] for seed in range(5)]) for e in ("muvcog-m", "weak")]
    expected = crossed_difference(both[0] - both[1], np.array(OWNERS))
    assert row.strongest == "weak"
    assert (row.strongest_delta, row.strongest_p) == pytest.approx((expected.delta, expected.p))
    assert (row.strongest_ci_low, row.strongest_ci_high) == pytest.approx((expected.low, expected.high))
    raw = [*(rows[e, "ndcg"].p for e in encoders[1:]), row.strongest_p]
    adjusted = [*(rows[e, "ndcg"].p_adjusted for e in encoders[1:]), row.strongest_p_adjusted]
    assert adjusted == pytest.approx(holm(raw).tolist())
    assert row.family_size == 4
    assert rows["good", "ndcg"].strongest is None


def test_beside_a_difference_stands_what_it_rests_on(store: Store) -> None:
    cells = [stored(store, e, s, random_scores(e, s)) for e in ("vanilla", "good", "weak") for s in range(5)]
    row = table(cells, store)["good", "ndcg"]
    both = [np.stack([random_scores(e, seed)["ndcg"] for seed in range(5)]) for e in ("good", "vanilla")]
    expected = crossed_difference(both[0] - both[1], np.array(OWNERS))
    assert (row.delta_error, row.degrees) == pytest.approx((expected.error, expected.degrees))
    assert row.by_seed == pytest.approx((both[0] - both[1]).mean(1))
    assert (row.won or 0) + (row.tied or 0) + (row.lost or 0) == USERS
    assert row.test == "crossed t over users and seeds"
    assert (row.family, row.family_size) == ("run primary", 2)
    assert row.effect is not None
    assert row.flip_p is not None
    assert row.groups == "a"
    assert (row.commit, row.versions) == ("abc", "numpy 2, torch 3")
    assert json.loads(json.dumps(row.as_dict(), allow_nan=False))["by_seed"] == list(row.by_seed)


def test_without_the_reference_there_is_no_difference(store: Store) -> None:
    cells = [stored(store, "vanilla", 0, None), stored(store, "good", 0, random_scores("good", 0))]
    row = table(cells, store)["good", "ndcg"]
    assert row.mean is not None
    assert (row.delta, row.p, row.p_adjusted) == (None, None, None)


def test_systems_scored_on_different_queries_are_not_compared(store: Store) -> None:
    moved = [*UNITS[:-1], "another"]
    cells = [
        stored(store, "vanilla", 0, random_scores("vanilla", 0)),
        stored(store, "good", 0, random_scores("good", 0), moved),
    ]
    with pytest.raises(BenchError, match="d b: good and vanilla: scored on different queries"):
        table(cells, store)


def test_seeds_scored_on_different_queries_are_not_averaged(store: Store) -> None:
    moved = [*UNITS[:-1], "another"]
    cells = [
        stored(store, "vanilla", 0, random_scores("vanilla", 0)),
        stored(store, "vanilla", 1, random_scores("vanilla", 1), moved),
    ]
    with pytest.raises(BenchError, match="and seed 0: scored on different queries"):
        table(cells, store)


def test_a_row_is_cached_when_none_of_its_cells_was_computed_now(store: Store) -> None:
    rows = table(full(store), store, frozenset({"d-good-1"}))
    assert {encoder: rows[encoder, "ndcg"].cached for encoder in ("vanilla", "good", "weak")} == {
        "vanilla": True,
        "good": False,
        "weak": True,
    }


def test_one_user_gives_an_endless_interval_which_is_null_in_json(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.OWNERS", ["u"] * QUERIES)
    row = table(full(store), store)["good", "ndcg"]
    assert row.delta is not None
    assert row.p == 1.0
    assert row.as_dict()["ci_low"] is None
    assert row.as_dict()["ci_high"] is None


def test_equal_systems_do_not_differ(store: Store) -> None:
    rows = table(full(store, scores=lambda encoder, seed: random_scores("vanilla", seed)), store)
    row = rows["good", "ndcg"]
    assert (row.delta, row.p, row.p_adjusted) == (0.0, 1.0, 1.0)
