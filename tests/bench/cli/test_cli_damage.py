"""A flipped bit in what is stored changes no number: it is said, set aside, and computed again."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Ran, bench_here
from small_corpora import random_corpus

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=60).folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def first(corpus: Path, runs: Path) -> Ran:
    ran = bench_here(*command(corpus, runs))
    assert ran.code == 0, ran.err
    return ran


def command(corpus: Path, runs: Path) -> list[object]:
    names = ["run", "--task", "ctr", "--baseline", "transearch", "--encoder", "random", "--dataset", corpus]
    return [*names, "--seeds", 1, "--set", "epochs=1", "--device", "cpu", "--out", runs, "--json"]


def numbers(ran: Ran) -> list[dict[str, object]]:
    return [{name: value for name, value in row.items() if name != "cached"} for row in ran.rows]


@pytest.mark.parametrize(
    ("kind", "name", "computed"),
    [
        ("cells", "scores.parquet", 1),
        ("cells", "predictions.parquet", 1),
        ("cells", "cell.json", 1),
        ("embeddings", "vectors.npy", 0),
        ("encoders", "encoder.safetensors", 0),
    ],
)
def test_a_flipped_bit_is_said_and_the_table_stays_the_same(
    first: Ran, corpus: Path, runs: Path, kind: str, name: str, computed: int
) -> None:
    encoder = next(row for row in first.rows if row["encoder"] == "random")
    folder = runs / kind / encoder["key"] if kind == "cells" else next((runs / kind).glob(f"*/{name}")).parent
    whole = bytearray((folder / name).read_bytes())
    whole[len(whole) // 2] ^= 1
    (folder / name).write_bytes(whole)
    again = bench_here(*command(corpus, runs))
    assert again.code == 0, again.err
    assert numbers(again) == numbers(first)
    (said,) = [line for line in again.err.splitlines() if "set aside" in line]
    assert str(folder) in said
    assert f"2 cells, {computed} computed now" in again.err
    assert (folder / name).exists(), "it is there again"
    aside = folder.with_name(said.partition("set aside as ")[2].partition(",")[0])
    assert (aside / name).read_bytes() == whole, "nothing is lost"
    assert "set aside" not in bench_here(*command(corpus, runs)).err


@pytest.mark.parametrize("text", ["", '{"status": "done"', "\x00"], ids=["empty", "half-written", "garbage"])
def test_an_unreadable_record_ends_no_run(first: Ran, corpus: Path, runs: Path, text: str) -> None:
    (runs / "cells" / first.rows[0]["key"] / "cell.json").write_text(text)
    again = bench_here(*command(corpus, runs))
    assert again.code == 0, again.err
    assert numbers(again) == numbers(first)
    assert "the record is not readable; set aside as" in again.err
