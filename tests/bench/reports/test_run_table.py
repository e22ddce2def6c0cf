"""The table of a run shows what failed, what must be known about the data, and no more digits than the data support."""

from __future__ import annotations

import io
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from rich.console import Console
from run_rows import BROKEN, GOOD, ROW, WEAK
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.evaluation.summary import SummaryRow
from bench.reports.run_table import html_run, markdown_run, print_run


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=10)


def printed(corpus: Corpus, *rows: SummaryRow) -> str:
    out = io.StringIO()
    print_run(rows, {"small": corpus}, "ndcg@10", Console(file=out, width=160))
    return out.getvalue()


def line(text: str, encoder: str) -> str:
    return next(line for line in text.splitlines() if f" {encoder} " in line and "│" in line)


def test_simulated_data_are_called_so_and_caveats_are_printed(corpus: Corpus) -> None:
    text = printed(corpus, ROW, GOOD)
    assert text.splitlines()[0].startswith("ctr on small (simulated)")
    assert "Note: random" in text
    assert "70 queries of 20 users in the test split, 5 seeds." in text
    real = Corpus(corpus.folder)
    real.info = replace(real.info, origin="real", caveats=("one", "two [of them]"))
    text = printed(real, ROW, GOOD)
    assert "simulated" not in text
    assert "Note: one" in text
    assert "Note: two [of them]" in text


def test_a_clear_difference_is_marked_and_an_unclear_one_is_not(corpus: Corpus) -> None:
    text = printed(corpus, ROW, GOOD, WEAK)
    assert "+0.100† [+0.080, +0.120]" in line(text, "good")
    assert "< 0.0001" in line(text, "good")
    assert "+0.010 [-0.020, +0.040]" in line(text, "weak")
    assert "0.6000" in line(text, "weak")
    assert "†" not in line(text, "weak") + line(text, "vanilla")


def test_a_failure_is_shown_where_its_number_would_stand(corpus: Corpus) -> None:
    text = printed(corpus, ROW, BROKEN, replace(BROKEN, encoder="absent", status="missing"))
    assert "FAILED" in line(text, "broken")
    assert "MISSING" in line(text, "absent")
    assert "FAILED" not in line(text, "vanilla")
    assert "70 queries of 20 users" in text


def test_one_seed_is_said(corpus: Corpus) -> None:
    text = printed(corpus, replace(ROW, seeds=1, std=None), replace(GOOD, seeds=1, std=None))
    assert "1 seed." in text
    assert "One seed: everything here is conditional" in text
    assert "±" not in text


def test_below_five_seeds_nothing_is_marked_and_every_seed_is_shown(corpus: Corpus) -> None:
    rows = [replace(row, seeds=3) for row in (ROW, replace(GOOD, by_seed=(0.09, 0.1, 0.11)))]
    text = printed(corpus, *rows)
    assert "†" not in line(text, "good")
    assert "seeds +0.090 +0.100 +0.110" in text
    assert "Fewer than five seeds" in text
    table = markdown_run(rows, {"small": corpus}, "ndcg@10")
    assert "+0.100 [+0.080, +0.120]; seeds +0.090 +0.100 +0.110" in table
    assert "Fewer than five seeds" in table
    assert "seeds +" not in printed(corpus, ROW, replace(GOOD, by_seed=(0.09, 0.1, 0.11, 0.1, 0.1)))


def test_what_could_have_been_found_stands_under_the_table(corpus: Corpus) -> None:
    with_power = {"smallest_limit": "seeds", "smallest_any_users": 0.012, "smallest_twice_seeds": 0.011}
    rows = [ROW, replace(GOOD, smallest_found=0.01, **with_power), replace(WEAK, smallest_found=0.018, **with_power)]
    expected = (
        "Smallest difference found with 80 % power at 5 %, two-sided and uncorrected: 0.010 (b: good − vanilla, the "
        "median of 2 contrasts), 0.018 (b: weak − vanilla, the largest). There seeds limit it: more users alone never "
        "reach 0.012, twice the seeds 0.011."
    )
    for text in (printed(corpus, *rows), markdown_run(rows, {"small": corpus}, "ndcg@10")):
        assert expected in " ".join(text.split())
    assert "80 % power" not in printed(corpus, ROW, GOOD)


def test_the_champion_beside_the_strongest_other_has_a_line(corpus: Corpus) -> None:
    champion = replace(
        GOOD,
        encoder="muvcog-m",
        family_size=3,
        strongest="good",
        strongest_delta=0.02,
        strongest_ci_low=0.01,
        strongest_ci_high=0.03,
        strongest_p=0.001,
        strongest_p_adjusted=0.001,
    )
    for text in (
        printed(corpus, ROW, GOOD, champion),
        markdown_run([ROW, GOOD, champion], {"small": corpus}, "ndcg@10"),
    ):
        said = " ".join(text.split())
        assert "b: muvcog-m − good, the strongest other on validation: Δ NDCG@10 +0.020† [+0.010, +0.030]" in said
        assert "after Holm over the 3 hypotheses of this run: each encoder against vanilla, muvcog-m against" in said


def test_rank_groups_have_a_column_and_the_best_are_bold(corpus: Corpus) -> None:
    rows = [replace(ROW, groups="b"), replace(GOOD, groups="a", bold=True)]
    for text in (printed(corpus, *rows), markdown_run(rows, {"small": corpus}, "ndcg@10")):
        assert "groups" in text
        assert "sharing a letter is not equality" in " ".join(text.split())
        assert " a " in next(line for line in text.splitlines() if " good " in line)
    assert "| **0.600 ± 0.010** |" in markdown_run(rows, {"small": corpus}, "ndcg@10")
    without = printed(corpus, replace(ROW, groups_note="No rank groups: why."))
    assert "No rank groups: why." in without
    assert "sharing a letter" not in without


def test_no_more_digits_than_the_deviation_supports(corpus: Corpus) -> None:
    assert "0.512 ± 0.010" in line(printed(corpus, replace(ROW, mean=0.51234)), "vanilla")
    assert "0.51 ± 0.10" in line(printed(corpus, replace(ROW, mean=0.51234, std=0.1)), "vanilla")


def test_everything_failed_is_still_a_table(corpus: Corpus) -> None:
    assert "FAILED" in line(printed(corpus, BROKEN), "broken")


def test_names_in_brackets_are_names(corpus: Corpus, tmp_path: Path) -> None:
    assert "[bold]" in printed(corpus, ROW, replace(WEAK, encoder="[bold]"))


def test_markdown_says_the_same(corpus: Corpus) -> None:
    text = markdown_run([ROW, GOOD, BROKEN], {"small": corpus}, "ndcg@10")
    assert text.startswith("### ctr on small (simulated)\n")
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines() if row.startswith("|")]
    assert [row[1] for row in rows if row[0] == "b"] == ["vanilla", "good", "broken"]
    assert len({len(row) for row in rows}) == 1
    assert "+0.100† [+0.080, +0.120]" in text
    assert "FAILED" in text
    assert "Note: random" in text
    assert "70 queries of 20 users in the test split, 5 seeds." in text


def test_corpora_that_are_replicates_are_counted(corpus: Corpus) -> None:
    rows = [replace(row, seeds=10, n_corpora=5) for row in (ROW, GOOD)]
    rows.append(replace(BROKEN, seeds=7, n_corpora=5))
    for text in (printed(corpus, *rows), markdown_run(rows, {"small": corpus}, "ndcg@10")):
        assert "70 queries of 20" in text
        assert "in the test splits, 5 corpora × 2 seeds." in text
        assert "mean ± deviation over corpora" in " ".join(text.split())
        assert "FAILED" in text


def test_a_notebook_gets_the_same_table_escaped_and_with_what_must_be_known(corpus: Corpus) -> None:
    odd = replace(GOOD, encoder="<b>&", mean=0.61)
    text = html_run([ROW, odd, WEAK, BROKEN], {"small": corpus}, "ndcg@10")
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text
    assert f"ctr on {corpus.info.label}" in text
    assert "FAILED" in text
    for caveat in corpus.info.caveats:
        assert escape(caveat) in text
    assert "<html" not in text
    assert " id=" not in text
    for colour in ("#fff", "white", "black", "#000"):
        assert colour not in text  # in a dark notebook it is dark
    outside = {"best-prefix": 0.9, "chance": 0.4}
    ceilings = [replace(ROW, baseline=name, mean=mean) for name, mean in outside.items()]
    assert "that the session had to give" in html_run([ROW, GOOD, *ceilings], {"small": corpus}, "ndcg@10")


def test_a_metric_that_cannot_differ_is_said_to_say_nothing(corpus: Corpus) -> None:
    hits = [replace(row, metric="hr@10", mean=1.0) for row in (ROW, GOOD)]
    said = "HR@10 is 1 for every ranking here"
    assert said in printed(corpus, ROW, *hits[:1], GOOD, *hits[1:])
    assert said not in printed(corpus, ROW, hits[0], GOOD, replace(hits[1], mean=0.9))
