"""Corpora as replicates from outside: ``bench run --corpus-seeds``, an experiment with ``corpus_seeds``, and Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Ran, bench_fork, bench_here
from third_party import install

import bench

pytestmark = pytest.mark.slow  # worker processes import torch

SIZES = ("sessions=150", "downstream=80", "ctr.epochs=1")

FILE = """
title = "Worlds"
seeds = 1
corpus_seeds = 2
champion = "meanpool"
[settings]
sessions = 150
downstream = 80
ctr.epochs = 1
[claims]
X1 = "typed means help"
[[part]]
id = "clicks"
title = "Clicks"
task = "ctr"
datasets = ["beauty"]
baselines = ["popularity", "transearch"]
encoders = ["vanilla", "meanpool"]
metrics = ["ndcg@10", "mrr@10"]
layout = "bars"
[[family]]
name = "X1"
part = "clicks"
claim = "X1"
hypotheses = [{ encoder = "meanpool", reference = "vanilla", alternative = "greater" }]
"""

PICKY = """
    from bench import EncoderSpec, hookimpl
    @hookimpl
    def bench_encoders():
        return [EncoderSpec("picky", "picky_model:Picky", "likes one world", "ourselves", frozen=True)]
"""
PICKY_MODEL = '''
    import torch
    from bench.contracts import SessionEncoder

    class Picky(SessionEncoder):
        """Pretrains on the first corpus only."""
        output_dim = 1
        def __init__(self, dims):
            super().__init__(dims)
            self.weight = torch.nn.Parameter(torch.ones(1))
        def forward(self, batch):
            return self.weight * batch.num_steps.float().unsqueeze(1)
        def pretrain(self, context):
            if context.seed >= 1000:
                raise ArithmeticError("not this world")
'''


def command(out: Path, *more: object, encoders: str = "meanpool") -> list[object]:
    names = ["run", "--task", "ctr", "--baseline", "popularity,transearch", "--encoder", encoders]
    sizes = [word for size in SIZES for word in ("--set", size)]
    return [*names, "--corpus-seeds", 2, "--seeds", 1, *sizes, "--device", "cpu", "--out", out, *more]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpora-runs")


@pytest.fixture(scope="module")
def first(runs: Path) -> Ran:
    ran = bench_here(*command(runs, "--json", "--record", runs / "record"))
    assert ran.code == 0, ran.err
    return ran


def test_the_corpora_are_reported_under_one_name_as_the_replicates(first: Ran) -> None:
    assert {row["dataset"] for row in first.rows} == {"beauty"}
    for row in first.rows:
        assert (row["n_corpora"], row["seeds"], row["status"]) == (2, 2, "done")
        assert len(row["keys"]) == 2, "a reference has one of each corpus as well"
        assert row["std"] > 0
        if row["encoder"] == "vanilla":
            assert row["corpus_deltas"] == []
        else:
            assert row["delta"] == pytest.approx(sum(row["corpus_deltas"]) / 2)
            half = 12.706 * abs(row["corpus_deltas"][0] - row["corpus_deltas"][1]) / 2  # t of one degree of freedom
            assert row["ci_high"] - row["delta"] == pytest.approx(half, rel=1e-3)


def test_a_second_run_does_no_work_and_the_table_says_the_design(first: Ran, runs: Path) -> None:
    again = bench_here(*command(runs))
    assert again.code == 0, again.err
    assert "6 cells, 0 computed now" in again.out
    assert "in the test splits, 2 corpora × 1 seed." in again.out
    assert "mean ± deviation over corpora" in " ".join(again.out.split())
    assert "bench show transearch/meanpool/1000" in again.out
    shown = json.loads(bench_here("show", "transearch/meanpool/1000", "--out", runs).out)
    assert "--corpus-seeds 2 --seeds 1 " in shown["repeat"]
    assert shown["title"] == "ctr beauty corpus 2 transearch meanpool seed 1000"


def test_the_record_has_every_corpus_and_the_command(first: Ran, runs: Path) -> None:
    provenance = json.loads((runs / "record" / "provenance.json").read_text())
    assert "--seeds 1 --device cpu --corpus-seeds 2" in provenance["command"]
    about = provenance["corpora"]["beauty"]
    assert list(about["replicates"]) == ["1", "2"]
    assert about["replicates"]["1"] == about["fingerprint"] != about["replicates"]["2"]
    assert f"2: {about['replicates']['2'][:12]}" in (runs / "record" / "table.md").read_text()


def test_python_finds_the_same_cells(first: Ran, runs: Path) -> None:
    result = bench.run(
        "ctr",
        "meanpool",
        ["popularity", "transearch"],
        seeds=1,
        corpus_seeds=2,
        settings=SIZES,
        device="cpu",
        jobs=1,
        out=runs,
    )
    assert [json.loads(json.dumps(row.as_dict())) for row in result.rows] == [
        {**row, "cached": True} for row in first.rows
    ]
    assert "2 corpora × 1 seed" in result.table()


def test_an_experiment_has_tables_claims_and_figures_over_corpora(first: Ran, runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "worlds.toml"
    file.write_text(FILE)
    tables = bench_here("tables", file, "--device", "cpu", "--out", runs)
    assert tables.code == 0, tables.err
    assert "6 cells, 0 computed now" in tables.err, "those of the run"
    assert "in the test splits, 2 corpora × 1 seed." in tables.out
    assert "intervals are over 2 corpora" in tables.out
    assert "No second p: sign flips of 2 corpora cannot go below p = 0.5." in tables.out
    rows = json.loads((runs / "tables" / "worlds" / "clicks-differences.json").read_text())
    flat = rows if isinstance(rows, list) else rows["rows"]
    assert {(row["test"], row["n_corpora"]) for row in flat} == {("t over corpora", 2)}
    claims = bench_here("claims", file, "--device", "cpu", "--out", runs)
    assert "Intervals and p are over 2 corpora" in claims.out
    assert "(by corpus " in claims.out
    figures = bench_here("figures", file, "--only", "clicks,deltas", "--device", "cpu", "--out", runs)
    assert figures.code == 0, figures.err
    for name, words in (("clicks", "mean over queries and 2 corpora × 1 seed"), ("deltas", "over 2 corpora")):
        assert words in (runs / "figures" / "worlds" / f"{name}.md").read_text()


def test_a_corpus_that_fails_is_named_and_no_number_is_made_of_the_others(
    first: Ran, runs: Path, tmp_path: Path
) -> None:
    plugins = install(tmp_path / "plugins", "picky", {"picky_offer": PICKY, "picky_model": PICKY_MODEL})
    ran = bench_fork(*command(runs, "--json", encoders="meanpool,picky"), plugins=[plugins])
    assert ran.code == 1, ran.err
    primary = {(r["baseline"], r["encoder"]): r for r in ran.rows if r["metric"] == "ndcg@10"}
    picky, meanpool = primary["transearch", "picky"], primary["transearch", "meanpool"]
    assert (picky["status"], picky["seeds"], picky["mean"], picky["p"]) == ("failed", 1, None, None)
    assert "corpus 2 transearch picky seed 1000" in ran.err
    assert "not this world" in ran.err
    assert meanpool["p_adjusted"] == pytest.approx(min(1, 2 * meanpool["p"])), "a failure counts as p = 1"


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("--corpus-seeds", 1), "bench: --corpus-seeds: 1 corpus (2 to 100"),
        (("--dataset", "mmsession"), "bench: --corpus-seeds: mmsession is not simulated"),
        (("--set", "beauty.seed=9"), "bench: --corpus-seeds: beauty.seed=9 is set"),
    ],
)
def test_what_cannot_be_replicated_is_one_line(more: tuple[object, ...], line: str, tmp_path: Path) -> None:
    sizes = () if "mmsession" in more else ("--set", "sessions=150", "--set", "downstream=80")
    names = ("run", "--task", "ctr", "--baseline", "popularity", "--encoder", "vanilla", "--corpus-seeds", 2)
    assert bench_here(*names, *sizes, "--out", tmp_path, *more).error.startswith(line)
