"""From the command line, on corpora that lack something: a table, or one line that says what is lacking."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Ran, bench_here

from bench.testing.corpora import random_corpus, variant_corpus

RUNS = {
    "ctr": ("--baseline", "popularity,bm25,transearch,alstp,hscm", "--encoder", "lstm", "--set", "ctr.epochs=1"),
    "suggest": ("--encoder", "lstm", "--set", "suggest.epochs=1"),
    "intent": ("--encoder", "meanpool", "--set", "rounds=2"),
}
LACKS = {
    ("ctr", "everything clicked"): "both a clicked and an unclicked item",
    ("ctr", "nothing clicked"): "both a clicked and an unclicked item",
    ("ctr", "few clicked"): "its valid split shows both a clicked and an unclicked item",
    ("ctr", "words alone"): "both a clicked and an unclicked item",
    ("suggest", "one-step sessions"): "is followed by a keyword query with words",
    ("suggest", "a click a session"): "is followed by a keyword query with words",
    ("intent", "without categories"): "its items have no categories",
    ("intent", "nothing clicked"): "no downstream session of its train split has a click",
    ("intent", "words alone"): "no downstream session of its train split has a click",
}


def run_on(tmp_path: Path, task: str, variant: str) -> Ran:
    corpus = variant_corpus(tmp_path / "corpus", variant, sessions=80).folder
    where = ("--dataset", corpus, "--out", tmp_path / "runs")
    return bench_here("run", "--task", task, *RUNS[task], "--seeds", 1, *where)


@pytest.mark.parametrize(("task", "variant"), LACKS)
def test_what_a_corpus_lacks_is_one_line_before_anything_runs(tmp_path: Path, task: str, variant: str) -> None:
    assert LACKS[task, variant] in run_on(tmp_path, task, variant).error
    assert not (tmp_path / "runs").exists(), "nothing has run"


@pytest.mark.parametrize(
    ("task", "variant"),
    [("ctr", "a click a session"), ("ctr", "without users"), ("suggest", "words alone"), ("intent", "without users")],
)
def test_what_a_corpus_has_is_enough_for_the_others(tmp_path: Path, task: str, variant: str) -> None:
    """The kits try every component on every such corpus; these are whole runs, of several."""
    ran = run_on(tmp_path, task, variant)
    assert ran.code == 0, ran.err
    assert "FAILED" not in ran.out


def test_a_log_in_which_nothing_was_clicked_for_validation_has_a_table(tmp_path: Path) -> None:
    """The curve of such a cell has no validation at all; it was read as if it had numbers."""
    # a seed by which sessions of several categories were clicked in training and test, and none in validation
    corpus = random_corpus(tmp_path / "corpus", 80, 16, click_share=0.2, image_share=0.5).folder
    words = ("run", "--task", "intent", "--encoder", "meanpool,word2vec,muvcog-m", "--dataset", corpus, "--seeds", 1)
    quick = ("--set", "rounds=2", "--set", "muvcog-m.steps=2", "--set", "muvcog-m.batch_size=8")  # choose a champion
    ran = bench_here(*words, *quick, "--out", tmp_path / "runs")
    assert ran.code == 0, ran.err
    assert "FAILED" not in ran.out
