"""Runs on corpora of odd numbers, from the command line: a table of numbers without a warning, or one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from command_line import bench_here
from whole_corpora import Content, read, write

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.testing.corpora import random_corpus


def odd_corpus(folder: Path) -> Corpus:
    """One user; one time; no word vector says anything; queries with no candidates; test words that training lacks."""
    content = read(random_corpus(folder / "plain", 60, image_share=0.5, user_sessions=60))
    content.matrices["word_vectors"][:] = 0
    for table, column in (("sessions", "start"), ("queries", "time"), ("impressions", "click_time")):
        values = content.tables[table][column].to_pylist()
        content.replace(table, column, [None if value is None else datetime(2020, 1, 1) for value in values])
    split = content.tables["sessions"]["split"].to_pylist()
    of_query = [split[session] == "test" for session in content.tables["queries"]["session"].to_pylist()]
    words = content.tables["queries"]["words"].to_pylist()
    unseen = [[word % 20 + 20 * test for word in query] for query, test in zip(words, of_query, strict=True)]
    content.replace("queries", "words", unseen)
    shown = content.tables["impressions"]
    content.tables["impressions"] = shown.filter(shown["query"].to_numpy() % 3 > 0)
    return write(folder / "odd", content)


def test_one_user_one_time_no_vectors_empty_lists_and_unseen_words_give_a_table(tmp_path: Path) -> None:
    corpus = odd_corpus(tmp_path).folder
    what = ("--task", "ctr", "--baseline", "transearch", "--encoder", "meanpool", "--dataset", corpus)
    words = ("run", *what, "--seeds", 5, "--set", "ctr.epochs=1", "--out", tmp_path / "runs")
    ran = bench_here(*words)
    assert ran.code == 0, ran.err
    assert "FAILED" not in ran.out
    assert "nan" not in ran.out.lower()
    assert "RuntimeWarning" not in ran.err
    for row in bench_here(*words, "--json").rows:
        assert math.isfinite(row["mean"])
        assert row["n_users"] in (1, None)
        assert row["p"] in (1.0, None), "one user proves nothing"
        assert row["ci_low"] is None


def nan_words(content: Content) -> None:
    content.matrices["word_vectors"][3, 1] = math.nan


def infinite_images(content: Content) -> None:
    content.matrices["image_vectors"] = content.matrices["image_vectors"].astype(np.float32)
    content.matrices["image_vectors"][2, 0] = math.inf


def time_backwards(content: Content) -> None:
    times = content.tables["queries"]["time"].to_pylist()
    content.replace("queries", "time", times[::-1])


@pytest.mark.parametrize(
    ("change", "said"),
    [(nan_words, "row 3, column 1: a value is not finite"), (infinite_images, "row 2, column 0: a value is not")],
)
def test_a_corpus_of_numbers_that_are_none_is_never_written(
    tmp_path: Path, change: Callable[[Content], None], said: str
) -> None:
    content = read(random_corpus(tmp_path / "plain", 12))
    change(content)
    with pytest.raises(BenchError, match=said):
        write(tmp_path / "odd", content)
    assert not (tmp_path / "odd").exists()


def test_a_corpus_in_which_time_goes_backwards_is_never_written(tmp_path: Path) -> None:
    content = read(random_corpus(tmp_path / "plain", 12))
    time_backwards(content)
    with pytest.raises(BenchError, match="is before the time of the query before it"):
        write(tmp_path / "odd", content)


def test_one_session_is_refused_before_anything_runs(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", 1).folder
    for task in ("ctr", "suggest", "intent"):
        encoder = ("--encoder", "meanpool", "--dataset", corpus, "--seeds", 1, "--out", tmp_path / "runs")
        assert f"{task} cannot run on small" in bench_here("run", "--task", task, *encoder).error
    assert not (tmp_path / "runs").exists()


def test_one_class_is_refused_before_anything_runs(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", 40, categories=1).folder
    encoder = ("--encoder", "meanpool", "--dataset", corpus, "--seeds", 1, "--out", tmp_path / "runs")
    assert "are of one category, 'c0'" in bench_here("run", "--task", "intent", *encoder).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("embed", "--to", "vectors.parquet", "--seed", -1), "--seed: -1 is no seed"),
        (("embed", "--to", "vectors.parquet", "--jobs", 10**6), "--jobs: 1,000,000 processes"),
        (("pretrain", "--seed", 10**30), "is no seed"),
    ],
)
def test_absurd_seeds_and_processes_are_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    corpus = random_corpus(tmp_path / "corpus", 12).folder
    assert said in bench_here(*words, "--encoder", "meanpool", "--dataset", corpus, "--out", tmp_path / "runs").error
    assert not list(tmp_path.glob("runs/encoders/*"))
