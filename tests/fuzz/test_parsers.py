"""Nothing that people hand over gives a traceback or takes long: a sample of the fuzzer, and what it once found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tomli_w
from parsers import Parser, fuzz, parsers
from small_corpora import random_corpus

from bench.data.corpus import Corpus, read_info
from bench.data.vector_file import read_vector_file
from bench.errors import BenchError
from bench.evaluation.load import load_experiment
from bench.files import parsed_toml, read_toml
from bench.golden.gate import load_gate
from bench.plugins.registry import registry

SAMPLE, SEED = 40, 7
NAMES = ("corpus.toml", "experiment", "gate", "mapping", "setting", "variant", "size", "record", "vectors")


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_of_damaged_inputs_gives_values_or_one_line(name: str, tmp_path: Path) -> None:
    found = list(fuzz(parsers(tmp_path)[name], SAMPLE, SEED))
    assert not found, found[0]


def test_the_fuzzer_knows_no_parser_that_is_not_sampled(tmp_path: Path) -> None:
    assert tuple(parsers(tmp_path)) == NAMES


def test_a_parser_that_breaks_is_noticed(tmp_path: Path) -> None:
    broken = Parser(lambda data: data.decode("ascii"), (b"text",))
    assert list(fuzz(broken, 200, SEED))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a = " + "[" * 5_000, "nested too deep"),
        ("a = " + "9" * 5_000, "4300 digits"),
        ("a." * 3_000 + "b = 1", "a key of more than 100 parts"),
        ("d = 1979-02-30", "not TOML"),
        ("a = 1\na = 2", "not TOML"),
        ("x" * 20_000, "not TOML"),
    ],
)
def test_toml_that_breaks_its_parser_is_one_line_in_every_file(text: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=what):
        parsed_toml(text, "here")
    for name, read in (
        ("corpus.toml", read_info),
        ("gate.toml", load_gate),
        ("e.toml", lambda folder: load_experiment(str(folder / "e.toml"), registry())),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(BenchError, match=what) as refused:
            read(tmp_path)
        assert len(str(refused.value)) < 800


def test_a_toml_file_of_many_megabytes_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "big.toml"
    with file.open("wb") as writing:
        writing.truncate(5 << 20)
    with pytest.raises(BenchError, match="longer than 4 MiB"):
        read_toml(file)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=30).folder


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 1),
        ("name", ""),
        ("name", "x" * 1_000),
        ("origin", [1]),
        ("caveats", 1),
        ("caveats", "one"),
        ("caveats", [1]),
        ("licence", {}),
        ("counts", {"sessions": -1}),
        ("counts", 3),
        ("counts", {"sessions": 3}),
        ("counts", {"sessions": 30, "queries": 90, "impressions": 540, "vocabulary": 40, "images": 90}),  # no items
        ("source", "mine"),
        ("checksums", {"../../etc/passwd": "0"}),
        ("checksums", {"a": 1}),
        ("split", 1),
        ("format_version", "one"),
    ],
)
def test_a_key_of_a_corpus_that_is_of_another_kind_is_named(
    key: str, value: object, corpus: Path, tmp_path: Path
) -> None:
    said = read_toml(corpus / "corpus.toml") | {key: value}
    (tmp_path / "corpus.toml").write_text(tomli_w.dumps(said))
    with pytest.raises(BenchError, match="corpus format" if key == "format_version" else key):
        read_info(tmp_path)


def test_columns_that_lead_out_of_a_corpus_are_neither_read_nor_replaced(tmp_path: Path) -> None:
    mine = random_corpus(tmp_path / "mine", sessions=30).folder
    outside = tmp_path / "outside"
    (mine / "columns").rename(outside)
    (mine / "columns").symlink_to(outside)
    before = sorted(path.name for path in outside.iterdir())
    with pytest.raises(BenchError, match="columns: is a link"):
        _ = Corpus(mine).columns
    assert sorted(path.name for path in outside.iterdir()) == before


def test_names_and_metadata_of_a_vector_file_that_are_no_text(tmp_path: Path) -> None:
    vectors = pa.array([np.ones(2, np.float32)])
    twice = pa.Table.from_arrays([pa.array(["a"]), vectors, vectors], names=["query_id", "vector", "vector"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(BenchError, match="two columns are called vector"):
        read_vector_file(tmp_path / "twice.parquet")
    odd = pa.table({"query_id": ["a"], "vector": vectors}, metadata={b"\xff": b"\xfe", "made": json.dumps({})})
    pq.write_table(odd, tmp_path / "odd.parquet")
    assert read_vector_file(tmp_path / "odd.parquet").about["made"] == "{}"


@pytest.mark.parametrize("seeds", [0, -1, 10**9])
def test_seeds_have_an_end_in_files_too(seeds: int, tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(f'seeds = {seeds}\ntask = "ctr"\nencoders = ["vanilla"]\n')
    with pytest.raises(BenchError, match=rf"seeds: {seeds:,} seeds \(1 to 1,000"):
        load_gate(tmp_path)
