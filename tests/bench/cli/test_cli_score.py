"""``bench score`` end to end: other numbers from the cells of a run, none of which it touches."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from command_line import Ran, bench_here, environment
from small_corpora import random_corpus

from bench.data.corpus import Corpus

pytestmark = pytest.mark.slow  # worker processes import torch


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=120).folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """A folder with cells of all three tasks."""
    folder = tmp_path_factory.mktemp("runs")
    for task in TASKS:
        ran = bench_here("run", *selection(task, corpus, folder), "--jobs", 2)
        assert ran.code == 0, ran.err
    return folder


TASKS = {
    "ctr": ("--baseline", "transearch,chance", "--set", "epochs=1"),
    "suggest": ("--baseline", "ffn,word-popularity", "--set", "epochs=1"),
    "intent": ("--baseline", "xgboost"),
}


def selection(task: str, corpus: Path, folder: Path, encoders: str = "meanpool") -> list[object]:
    named = ["--task", task, "--encoder", encoders, *TASKS[task]]
    return [*named, "--dataset", corpus, "--seeds", 2, "--device", "cpu", "--out", folder]


def scored(task: str, corpus: Path, runs: Path, *more: object) -> Ran:
    ran = bench_here("score", *selection(task, corpus, runs), *more)
    assert ran.code == 0, ran.err
    return ran


def stored(runs: Path, key: str, table: str = "scores") -> pd.DataFrame:
    return pd.read_parquet(runs / "cells" / key / f"{table}.parquet")


@pytest.mark.parametrize(
    ("task", "own", "name"),
    [
        ("ctr", "ndcg@10", "nDCG@10"),
        ("ctr", "hr@10", "Success@10"),
        ("ctr", "mrr@10", "RR@10"),
        ("suggest", "ndcg@10", "nDCG@10"),
        ("suggest", "avg_sim", "avg_sim"),
        ("intent", "accuracy", "accuracy"),
    ],
)
def test_the_metrics_of_a_run_come_out_as_it_stored_them(
    task: str, own: str, name: str, corpus: Path, runs: Path
) -> None:
    rows = scored(task, corpus, runs, "--metric", own, "--json").rows
    assert {row["metric"] for row in rows} == {name}
    for row in rows:
        frames = [stored(runs, key) for key in row["key"].split()]
        values = [frame.loc[frame["metric"] == own, "value"].mean() for frame in frames]
        assert row["mean"] == pytest.approx(sum(values) / len(values), abs=1e-6), row["row"]


def test_rows_are_those_of_bench_run_where_it_asks_the_same(corpus: Path, runs: Path) -> None:
    theirs = bench_here("run", *selection("intent", corpus, runs), "--json").rows
    mine = scored("intent", corpus, runs, "--metric", "f1,auc,acc,precision,recall", "--json").rows
    by_name = {(row["encoder"], row["metric"]): row for row in theirs}
    for row in mine:
        other = by_name[row["encoder"], row["metric"]]
        for field in ("mean", "std", "delta", "ci_low", "ci_high", "p", "n_users", "n_queries", "key"):
            assert row[field] == pytest.approx(other[field]), (row["row"], row["metric"], field)


def test_nothing_is_computed_but_numbers(corpus: Path, runs: Path) -> None:
    """No file of the store changes, none comes, and no model's library is imported."""
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*") if path.is_file()}
    words = ["score", *selection("ctr", corpus, runs), "--metric", "MAP,ERR@10,AUC", "--slice", "first-query,new-users"]
    code = (
        f"import sys; sys.argv = ['bench', *{[str(word) for word in words]!r}]\n"
        "from bench.cli.main import main\n"
        "try:\n    main()\nfinally:\n    assert 'torch' not in sys.modules, 'torch'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "| first-query" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("*") if path.is_file()} == before


def test_the_last_line_repeats_it(corpus: Path, runs: Path) -> None:
    asked = ("--metric", "MAP", "--slice", "long-sessions[steps=3],product-turns")
    ran = scored("ctr", corpus, runs, *asked)
    command, *words = shlex.split(ran.err.splitlines()[-1])
    assert command == "bench"
    assert (
        bench_here(*words, "--json").rows == bench_here("score", *selection("ctr", corpus, runs), *asked, "--json").rows
    )


def test_first_ranks_tell_what_the_whole_ranking_would(corpus: Path, runs: Path) -> None:
    """Words are tied below the ten that are stored: NDCG says by how much, and precision follows from it."""
    rows = scored("suggest", corpus, runs, "--metric", "P@10,R@10,AP@10,nDCG@3", "--json").rows
    by_name = {(row["baseline"], row["encoder"], row["metric"]): row for row in rows}
    popular = by_name["word-popularity", "vanilla", "P@10"]
    queries, words = Corpus(corpus).columns, {}
    ids = Corpus(corpus).strings("queries", "query_id").to_pylist()
    frame = stored(runs, popular["key"].split()[0], "predictions")
    vocabulary = Corpus(corpus).strings("vocabulary", "word").to_pylist()
    for query in range(len(ids) - 1):
        following = slice(queries.query_word_offsets[query + 1], queries.query_word_offsets[query + 2])
        words[ids[query]] = {vocabulary[word] for word in queries.query_words[following]}
    counts = word_counts(Corpus(corpus))
    expected = []
    for unit, ranked in frame.groupby("unit"):
        last = counts[ranked.sort_values("rank")["word"].iloc[-1]]
        above = [word for word in counts if counts[word] > last]
        tied = [word for word in counts if counts[word] == last]
        share = sum(word in words[unit] for word in tied) / len(tied)
        expected.append((sum(word in words[unit] for word in above) + share * (10 - len(above))) / 10)
    assert popular["mean"] == pytest.approx(sum(expected) / len(expected), abs=1e-6)
    assert by_name["ffn", "meanpool", "AP@10"]["status"] == "done"
    assert "10 ranks that are stored" in by_name["word-popularity", "vanilla", "AP@10"]["reason"]
    assert by_name["word-popularity", "vanilla", "nDCG@3"]["mean"] >= 0


def word_counts(corpus: Corpus) -> dict[str, int]:
    """In how many next queries of the training split each word is: what ``word-popularity`` ranks by."""
    columns, counts = corpus.columns, dict.fromkeys(corpus.strings("vocabulary", "word").to_pylist(), 0)
    names, train = list(counts), set(corpus.session_rows("train").tolist())
    for query in range(len(columns.query_session) - 1):
        session = columns.query_session[query]
        if session in train and session == columns.query_session[query + 1] and columns.query_kind[query + 1] == 0:
            following = slice(columns.query_word_offsets[query + 1], columns.query_word_offsets[query + 2])
            for word in set(columns.query_words[following].tolist()):
                counts[names[word]] += 1
    return counts


def test_what_has_no_result_is_missing(corpus: Path, runs: Path) -> None:
    ran = bench_here("score", *selection("ctr", corpus, runs, "meanpool,random"), "--metric", "MAP", "--json")
    assert ran.code == 1
    status = {(row["encoder"], row["status"], row["p_adjusted"]) for row in ran.rows if row["encoder"] == "random"}
    assert status == {("random", "missing", None)}
    assert {row["family_size"] for row in ran.rows if row["encoder"] == "meanpool"} == {2}, "it counts as p = 1"
    table = bench_here("score", *selection("ctr", corpus, runs, "meanpool,random"))
    assert "MISSING" in next(line for line in table.out.splitlines() if "random" in line)


def test_an_experiment_selects_its_parts(corpus: Path, runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        f"""
        title = "Mine"
        seeds = 2
        settings = {{ ctr = {{ epochs = 1 }} }}
        [[part]]
        id = "clicks"
        title = "Clicks"
        task = "ctr"
        datasets = ["{corpus}"]
        baselines = ["transearch"]
        encoders = ["vanilla", "meanpool"]
        metrics = ["ndcg@10"]
        [[part]]
        id = "intents"
        title = "Intents"
        task = "intent"
        datasets = ["{corpus}"]
        baselines = ["xgboost"]
        encoders = ["vanilla", "meanpool"]
        metrics = ["f1"]
        """
    )
    asked = ("--device", "cpu", "--out", runs, "--json")
    both = bench_here("score", file, "--slice", "product-turns", *asked)
    assert both.code == 0, both.err
    assert {(row["part"], row["metric"]) for row in both.rows} == {("clicks", "nDCG@10"), ("intents", "f1")}
    f1 = bench_here("score", file, "--metric", "f1,AP", "--part", "intents", *asked)
    assert {row["metric"] for row in f1.rows} == {"f1", "AP"}
    assert "no part 'click'" in bench_here("score", file, "--part", "click", "--out", runs).error


def test_tables_are_written_in_the_formats_asked_for(corpus: Path, runs: Path, tmp_path: Path) -> None:
    scored("ctr", corpus, runs, "--metric", "MAP", "--format", "md,tex,csv,html", "--to", tmp_path / "scores")
    written = {path.name for path in (tmp_path / "scores").iterdir()}
    tables = {f"run-small-scores.{ending}" for ending in ("md", "tex", "csv", "html")}
    assert written == {*tables, "tables.md", "provenance.json"}
    assert json.loads((tmp_path / "scores" / "provenance.json").read_text())["command"].startswith("bench score --task")
    assert r"\multicolumn{3}{c}{AP}" in (tmp_path / "scores" / "run-small-scores.tex").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--task", "ctr", "--metric", "nDGC@5"), "did you mean nDCG"),
        (("--task", "ctr", "--metric", "P"), "P needs a cut-off (such as P@10)"),
        (("--task", "ctr", "--slice", "frist-query"), "did you mean first-query"),
        (
            ("--task", "suggest", "--metric", "AUC"),
            "suggest: AUC needs all ranks, and predictions have the first 10 only",
        ),
        (("--task", "suggest", "--metric", "nDCG@20"), "nDCG@20 needs 20 ranks"),
        (("--task", "ctr", "--part", "table2"), "--part: is for an experiment"),
        (("--task", "ctr", "--format", "pdf"), "no format 'pdf'"),
    ],
)
def test_what_cannot_be_had_is_one_line(words: tuple[str, ...], said: str, corpus: Path, runs: Path) -> None:
    task, *more = words[1:]
    assert said in bench_here("score", *selection(task, corpus, runs), *more).error


def test_a_selection_is_needed_and_there_is_one() -> None:
    assert "--task: is missing" in bench_here("score").error
    assert "--encoder: is missing" in bench_here("score", "--task", "ctr").error
    assert "--task: is for a run, and the experiment quick says" in bench_here("score", "quick", "--task", "ctr").error


def test_measures_and_slices_are_listed() -> None:
    listed = bench_here("score", "--list").out
    for said in ("nDCG[@k]", "AUC   ", "long-sessions    Queries at which", "(steps=5)", "unseen-items"):
        assert said in listed


def test_bench_run_says_how_many_queries_its_metrics_leave_out(corpus: Path, runs: Path) -> None:
    opened = Corpus(corpus)
    offsets, sessions = opened.columns.session_queries, opened.session_rows("test")
    queries = int((offsets[sessions + 1] - offsets[sessions]).sum())
    for task, of in (("ctr", queries), ("suggest", queries), ("intent", len(sessions))):
        for row in bench_here("run", *selection(task, corpus, runs), "--json").rows:
            assert row["n_left_out"] == of - row["n_queries"]
