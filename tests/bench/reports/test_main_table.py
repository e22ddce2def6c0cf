"""The tables say what the results say: order, deviation, dagger, bold, Improv., FAILED, MISSING, published numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stored_results import LIFT, Stored, part_of, values

from bench.evaluation.experiment import PublishedNumber, PublishedOrdering
from bench.evaluation.tests import Results
from bench.reports.against_paper import ordering_table, published_table
from bench.reports.dataset_table import dataset_table
from bench.reports.differences import difference_table
from bench.reports.main_table import main_table
from bench.reports.table import Table
from bench.reports.writers import WRITERS
from bench.stats.family import Family, Hypothesis
from bench.stats.rounding import written_seeds

SEEDS = 5
PART = part_of("vanilla", "lstm", "muvcog-m", "random", controls=("random",))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


@pytest.fixture
def results(stored: Stored) -> Results:
    for encoder in PART.encoders:
        for seed in range(SEEDS):
            stored.ranked(PART, encoder, seed)
    numbers = [
        PublishedNumber("table2", "Table 2", "d", "b", encoder, "ndcg@10", value)
        for encoder, value in (("vanilla", 0.1), ("lstm", 0.4), ("muvcog-m", 0.2), ("random", 0.0))
    ]
    return stored.results(PART, numbers=tuple(numbers), labels={"muvcog-m": "MUVCOG-M", "d": "D"})


def texts(table: Table) -> dict[str, list[str]]:
    return {line.stubs[-1]: [cell.text for cell in line.cells] for line in table.lines}


def test_rows_and_columns_stand_in_the_papers_order(results: Results) -> None:
    table = main_table(results, PART)
    assert [line.stubs for line in table.lines] == [
        ("b", name) for name in ("vanilla", "lstm", "MUVCOG-M", "Improv.", "random")
    ]
    assert [line.rule for line in table.lines] == [True, False, False, False, True]
    assert table.groups == (("D (simulated)", 3),)
    assert table.columns == ("ndcg@10", "groups", "mrr@10")
    assert table.title == "Table 2: Clicks"


def test_numbers_dagger_and_bold(results: Results) -> None:
    table = main_table(results, PART)
    rows = {(row["encoder"], row["metric"]): row for row in table.rows}
    for (encoder, metric), row in rows.items():
        by_seed = np.stack([values(encoder, seed, metric) for seed in range(SEEDS)]).mean(1)
        assert row["mean"] == pytest.approx(by_seed.mean())
        assert row["std"] == pytest.approx(by_seed.std(ddof=1))
        assert (row["seeds"], row["n_users"], row["n_queries"], row["status"]) == (SEEDS, 15, 60, "done")
        assert (row["table"], row["row"], row["column"]) == ("table2", f"b / {encoder}", f"d {metric}")
    assert {encoder for (encoder, metric), row in rows.items() if row["bold"]} == {"muvcog-m"}
    shown = texts(table)
    assert "†" in shown["MUVCOG-M"][0]
    assert "†" not in shown["vanilla"][0]
    assert rows["muvcog-m", "ndcg@10"]["family"] == "table2 primary"
    assert rows["muvcog-m", "mrr@10"]["family"] == "table2 secondary"
    assert rows["vanilla", "ndcg@10"]["delta"] is None
    mean = np.mean([values("muvcog-m", seed) for seed in range(SEEDS)])
    assert shown["MUVCOG-M"][0].startswith(f"{mean:.3f}"[:4])


@pytest.mark.parametrize("ending", ["md", "tex", "csv", "json"])
def test_rank_groups_are_a_column_with_a_footnote_in_every_writer(results: Results, ending: str) -> None:
    table = main_table(results, PART)
    letters = [line.cells[1].text for line in table.lines]
    assert letters == ["d", "b", "a", "", "c"]
    text = WRITERS[ending]([table])
    if ending in ("md", "tex"):
        assert "groups" in text
        assert "sharing a letter is not equality" in text
    else:
        assert [row["groups"] for row in table.rows if row["metric"] == "ndcg@10"] == ["d", "b", "a", "c"]
        assert "groups" in text


def test_below_five_seeds_a_line_says_why_there_are_no_groups(stored: Stored) -> None:
    for encoder in PART.encoders:
        for seed in range(4):
            stored.ranked(PART, encoder, seed)
    table = main_table(stored.results(PART), PART)
    assert table.columns == ("ndcg@10", "mrr@10")
    assert table.notes[-1] == "No rank groups: they need 5 seeds, and there are 4."
    assert not any(row["bold"] for row in table.rows)


@pytest.mark.parametrize("ending", ["md", "tex", "csv", "json"])
def test_below_five_seeds_nothing_is_marked_and_every_writer_shows_the_seeds(stored: Stored, ending: str) -> None:
    for encoder in PART.encoders:
        for seed in range(3):
            stored.ranked(PART, encoder, seed)
    results = stored.results(PART)
    tables = [main_table(results, PART), difference_table(results, PART)]
    text = WRITERS[ending]([table for table in tables if table is not None])
    outcome = results.outcome("table2", "d", "b", "lstm", "ndcg@10")
    assert outcome is not None
    assert outcome.difference is not None
    deltas = outcome.difference.by_seed
    assert len(deltas) == 3
    if ending in ("md", "tex"):
        assert "Fewer than five seeds" in text
        assert written_seeds(deltas) in text
        assert not any("†" in cell.text for table in tables if table for line in table.lines for cell in line.cells)
    else:
        assert all(str(delta) in text for delta in deltas)


def test_an_encoder_that_stands_alone_is_not_the_best_of_anything(stored: Stored) -> None:
    part = part_of("vanilla", "lstm", baselines=("reference", "b"))
    for seed in range(SEEDS):
        stored.ranked(part, "vanilla", seed, baseline="reference")
        for encoder in part.encoders:
            stored.ranked(part, encoder, seed)
    rows = main_table(stored.results(part), part).rows
    assert {(row["baseline"], row["encoder"]) for row in rows if row["bold"]} == {("b", "lstm")}


def test_improvement_is_relative_to_vanilla(results: Results) -> None:
    gains = texts(main_table(results, PART))["Improv."]
    for metric, gain in zip(PART.metrics, (gains[0], gains[2]), strict=True):
        lead, base = (np.mean([values(e, seed, metric) for seed in range(SEEDS)]) for e in ("muvcog-m", "vanilla"))
        assert gain == f"↑ {100 * (lead / base - 1):.1f} %"


def test_failed_and_missing_stand_where_a_number_is_not(stored: Stored) -> None:
    for encoder in ("vanilla", "lstm"):
        for seed in range(SEEDS):
            stored.ranked(PART, encoder, seed)
    for seed in range(SEEDS):
        stored.failed(PART, "muvcog-m", seed, "no luck")
        stored.cell(PART, "d", "b", "random", seed)
    results = stored.results(PART)
    table = main_table(results, PART)
    shown = texts(table)
    assert shown["muvcog-m"] == ["FAILED", "", "FAILED"]
    assert shown["random"] == ["MISSING", "", "MISSING"]
    assert shown["Improv."] == ["", "", ""]
    assert "Not in the groups of d b: muvcog-m (failed), random (missing)." in table.notes
    assert "†" in shown["lstm"][0]
    failed = [row for row in table.rows if row["status"] == "failed"]
    assert {row["reason"] for row in failed} == {"no luck"}
    assert {row["mean"] for row in failed} == {None}
    differences = difference_table(results, PART)
    assert differences is not None
    assert [line.cells[0].text for line in differences.lines if line.stubs[1] == "muvcog-m"] == ["–", "–"]


def test_what_could_have_been_found_stands_under_both_tables(results: Results) -> None:
    for table in (main_table(results, PART), difference_table(results, PART)):
        assert table is not None
        (line,) = [note for note in table.notes if "80 % power" in note]
        assert "the median of 4 contrasts" in line


def test_differences_name_the_strongest_other(results: Results) -> None:
    table = difference_table(results, PART)
    assert table is not None
    assert [line.stubs[1:] for line in table.lines] == [
        ("lstm", "vanilla"),
        ("MUVCOG-M", "vanilla"),
        ("random", "vanilla"),
        ("MUVCOG-M", "strongest other"),
    ]
    assert table.lines[-1].cells[0].text.endswith("(lstm)")
    delta = LIFT["muvcog-m"] - LIFT["vanilla"]
    assert float(table.lines[1].cells[0].text.partition("†")[0]) == pytest.approx(delta, abs=0.03)
    assert table.rows[1]["ci_low" if "ci_low" in table.rows[1] else "low"] < delta + 0.03


def test_published_numbers_are_compared_as_differences(results: Results) -> None:
    table = published_table(results, PART)
    assert table is not None
    verdicts = {row["row"].split(" / ")[-1]: row.get("verdict") for row in table.rows}
    assert verdicts == {
        "vanilla": None,
        "lstm": "same sign, compatible size",
        "muvcog-m": "same sign, larger",
        "random": "opposite sign",
    }
    assert table.rows[1]["published_delta"] == 0.3
    assert table.notes[0] == "1 opposite sign; 1 same sign, compatible size; 1 same sign, larger."
    assert "ours on simulated data, whose strengths were chosen" in table.title
    assert not any(word in note for word in ("reproduced", "direction only", "undecided") for note in table.notes)


def test_where_a_margin_was_declared_a_small_difference_is_called_none(stored: Stored) -> None:
    part = part_of("vanilla", "random")
    for encoder in part.encoders:
        for seed in range(SEEDS):
            stored.ranked(part, encoder, seed)
    same = Hypothesis("ctr", "d", "b", "random", "vanilla", "ndcg@10", "equivalent", margin=0.1)
    numbers = tuple(
        PublishedNumber("table2", "Table 2", "d", "b", encoder, "ndcg@10", value)
        for encoder, value in (("vanilla", 0.1), ("random", 0.9))
    )
    table = published_table(stored.results(part, families=(Family("same", (same,)),), numbers=numbers), part)
    assert table is not None
    assert table.lines[1].cells[-1].text == "same sign, smaller; no difference beyond ±0.1"
    assert table.rows[1]["within"] == 0.1


def test_without_vanilla_the_first_of_a_group_is_the_reference(stored: Stored) -> None:
    part = part_of(
        "lstm", "muvcog-m", "random", "meanpool", id="table3", layout="table3",
        groups={"lstm": "No", "muvcog-m": "No", "random": "Yes", "meanpool": "Yes"},
    )  # fmt: skip
    for encoder in ("vanilla", *part.encoders):
        for seed in range(SEEDS):
            stored.ranked(part, encoder, seed)
    numbers = tuple(PublishedNumber("table3", "Table 3", "d", "b", e, "ndcg@10", 0.5) for e in part.encoders)
    results = stored.results(part, numbers=numbers)
    table = published_table(results, part)
    assert table is not None
    assert [row.get("reference") for row in table.rows] == [None, "lstm", None, "random"]
    shown = main_table(results, part)
    assert shown.stubs == ("IQ", "Method")
    assert [line.stubs for line in shown.lines] == [
        ("No", "lstm"), ("No", "muvcog-m"), ("Yes", "random"), ("Yes", "meanpool"),
    ]  # fmt: skip
    assert [line.rule for line in shown.lines] == [True, False, True, False]


@pytest.mark.parametrize(
    ("encoders", "verdict"),
    [
        (("vanilla", "lstm", "muvcog-m"), "reproduced"),
        (("lstm", "vanilla"), "no"),
        (("vanilla", "gat"), "not tested"),
    ],
)
def test_an_ordering_is_judged_step_by_step(results: Results, encoders: tuple[str, ...], verdict: str) -> None:
    from dataclasses import replace

    ordering = PublishedOrdering("table2", "Figure 4", encoders)
    results.experiment = replace(results.experiment, orderings=(ordering,))
    table = ordering_table(results, PART)
    assert table is not None
    assert table.rows[0]["verdict"] == verdict


def test_equal_means_are_called_equal(stored: Stored) -> None:
    part = part_of("vanilla", "random", id="figure5")
    for encoder in part.encoders:
        for seed in range(SEEDS):
            stored.ranked(part, encoder, seed, key=f"the same {seed}")
    orderings = (PublishedOrdering("figure5", "Figure 5", ("vanilla", "random")),)
    table = ordering_table(stored.results(part, orderings=orderings), part)
    assert table is not None
    assert (table.rows[0]["ours"], table.rows[0]["verdict"]) == ("vanilla = random", "no")


def test_pooled_metrics_have_a_table_too(stored: Stored) -> None:
    part = part_of("word2vec", "bert", task="intent", metrics=("f1", "auc"), columns=("auc", "f1"), layout="table4")
    for encoder, right in (("vanilla", 0.1), ("word2vec", 0.5), ("bert", 0.95)):
        for seed in range(SEEDS):
            stored.classified(part, encoder, seed, right)
    table = main_table(stored.results(part), part)
    assert table.stubs == ("Features",)
    assert table.columns == ("auc", "f1", "groups")
    assert [line.cells[2].text for line in table.lines] == ["b", "a"]
    assert [row["encoder"] for row in table.rows if row["bold"]] == ["bert", "bert"]
    assert all(row["ci_low"] <= row["delta"] <= row["ci_high"] for row in table.rows)


def test_a_reference_baseline_has_one_line(stored: Stored) -> None:
    part = part_of("vanilla", "lstm", baselines=("popularity", "b"))
    for seed in range(SEEDS):
        stored.ranked(part, "vanilla", 0 if seed == 0 else seed, baseline="popularity", key="popularity-once")
        for encoder in part.encoders:
            stored.ranked(part, encoder, seed)
    results = stored.results(part_of("vanilla", "lstm", baselines=("b",)))
    table = main_table(results, part)
    lines = [line for line in table.lines if line.stubs[0] == "popularity"]
    assert [line.stubs for line in lines] == [("popularity", "vanilla")]
    assert "±" not in lines[0].cells[0].text, "one result stands for every seed: there is no deviation"


def test_datasets_stand_beside_what_the_paper_says(stored: Stored) -> None:
    results = stored.results(PART)
    table = dataset_table(results.experiment, {"small": stored.corpus})
    assert len(table.columns) == 10
    assert [line.stubs[0] for line in table.lines] == ["small (simulated)"]
    assert table.rows[0]["value"] == 20
