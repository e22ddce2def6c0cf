"""``bench data truth``: what simulated shoppers wanted as finished vectors, and what is said beside their numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import bench_here
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.data.truth import read_truth
from bench.data.vector_file import read_vector_file
from bench.datasets.simulated import make
from bench.plugins.registry import registry
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store
from bench.runs.work import perform


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("truth") / "digital"
    make(folder, name="digital", sessions=200, downstream=100)
    return Corpus(folder)


@pytest.mark.parametrize(
    ("half", "dimensions"), [("both", slice(0, 12)), ("text", slice(0, 6)), ("visual", slice(6, 12))]
)
def test_each_query_has_its_intent(corpus: Corpus, tmp_path: Path, half: str, dimensions: slice) -> None:
    file = tmp_path / "intents.parquet"
    ran = bench_here("data", "truth", corpus.folder, "--to", file, "--half", half)
    assert ran.code == 0, ran.err
    assert "never for a claim" in ran.out
    (row,) = bench_here("data", "truth", corpus.folder, "--to", file, "--half", half, "--json").rows
    assert row == {"file": str(file), "intents": corpus.info.counts["queries"], "half": half}
    queries = np.arange(corpus.info.counts["queries"])[::-3]
    found = read_vector_file(file).of_prefixes(corpus, queries, "ctr")
    np.testing.assert_array_equal(found, np.asarray(read_truth(corpus).intents)[queries, dimensions])


def test_they_stand_for_an_encoder_and_every_cell_says_what_they_are(corpus: Corpus, tmp_path: Path) -> None:
    file, store = tmp_path / "intents.parquet", Store(tmp_path)
    bench_here("data", "truth", corpus.folder, "--to", file)
    encoders = [f"{file}[name=true-intents]"]
    request = RunRequest("ctr", encoders, ["transearch"], [str(corpus.folder)], 1, ["epochs=1"], "cpu")
    (cell,) = (cell for cell in make_plan(request, registry(), store).cells if cell.encoder == "true-intents")
    records = [perform(job, store) for job in cell.jobs]
    assert [record["status"] for record in records] == ["done", "done"], "also where the truth itself is sealed"
    assert (
        "true-intents is what a simulated corpus hides from models: a ceiling, never a claim" in records[-1]["warnings"]
    )


def test_a_log_has_no_truth_and_a_half_is_one_of_three(corpus: Corpus, tmp_path: Path) -> None:
    log = random_corpus(tmp_path / "log", sessions=20)
    file = tmp_path / "intents.parquet"
    assert "has no known truth" in bench_here("data", "truth", log.folder, "--to", file).error
    assert (
        "is not text, visual or both" in bench_here("data", "truth", corpus.folder, "--to", file, "--half", "txt").error
    )
    assert not file.exists()
