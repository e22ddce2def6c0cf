"""Damaged logs, corpora, vectors, encoders give sound corpora or one line: a sample of the fuzzer, what it found."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tomli_w
from event_logs import small_log, write_log
from readers import Reader, broken_by, case, main, readers
from released_files import write_mmsession
from small_corpora import random_corpus

from bench.data import expansion
from bench.data.checks.corpus_checks import problems
from bench.data.checksums import mark, record_checksum, sha256_of
from bench.data.columns import build_columns
from bench.data.corpus import Corpus
from bench.data.npy import mapped
from bench.datasets import mmsession
from bench.datasets.ingest import IngestOptions, ingest
from bench.errors import BenchError
from bench.files import read_toml
from bench.golden.tables import read_golden

SAMPLES = {
    **dict.fromkeys(("log CSV", "log Parquet", "log JSON", "mapped log", "mmsession", "ubi", "qilin", "coveo"), 4),
    **dict.fromkeys(("corpus", "sealed corpus", "vectors", "encoder", "golden"), 30),
}
"""Cases of each reader that run here; `make fuzz` runs as many as are asked for."""


@pytest.fixture(scope="module")
def every() -> dict[str, Reader]:
    return readers()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_damaged_files_gives_sound_corpora_or_one_line(name: str, every: dict[str, Reader]) -> None:
    for number in range(SAMPLES[name]):
        wrong = broken_by(every[name], case(name, number, every[name]))
        assert not wrong, f"{name} {number}: {wrong}"


def test_the_fuzzer_knows_no_reader_that_is_not_sampled(every: dict[str, Reader]) -> None:
    assert set(every) == set(SAMPLES)


@pytest.mark.parametrize("name", ["log CSV", "ubi", "corpus", "vectors", "encoder", "golden"])
def test_undamaged_files_are_read(name: str, every: dict[str, Reader]) -> None:
    """Otherwise the fuzzer would only ever see refusals."""
    for files in every[name].samples[:1]:
        assert broken_by(every[name], files) == ""


def test_a_reader_that_breaks_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    def raises(folder: Path, to: Path, files: object) -> str:
        raise KeyError("columns")

    assert "KeyError" in broken_by(Reader(({"a.csv": b"x"},), raises), {"a.csv": b"x"})
    assert broken_by(Reader(({"a.csv": b"x"},), lambda folder, to, files: "a wrong count"), {"a.csv": b"x"})
    assert main(["--case", "golden", "3"]) == 0
    assert "--- encoders.json" in capsys.readouterr().out


# ---- what it found ---------------------------------------------------------------------------------------------------


def test_a_packed_log_that_is_damaged_within_is_one_line(tmp_path: Path) -> None:
    """zlib has an error of its own, which is no OSError."""
    folder = write_log(tmp_path / "log", small_log(), "csv")
    whole = bytearray(gzip.compress((folder / "queries.csv").read_bytes(), mtime=0))
    whole[12:16] = b"\xff\xff\xff\xff"
    (folder / "queries.csv.gz").write_bytes(whole)
    (folder / "queries.csv").unlink()
    with pytest.raises(BenchError, match="cannot be unpacked"):
        ingest(folder, tmp_path / "to")


def test_a_packed_log_with_one_flipped_bit_is_not_read_as_another_log(tmp_path: Path) -> None:
    """DuckDB compares no checksum of a packed file: words were others, without a word."""
    folder = write_log(tmp_path / "log", small_log(), "csv")
    whole = bytearray(gzip.compress((folder / "queries.csv").read_bytes(), compresslevel=0, mtime=0))
    at = whole.index(b"red shoe")
    whole[at] ^= 1
    (folder / "queries.csv.gz").write_bytes(whole)
    (folder / "queries.csv").unlink()
    with pytest.raises(BenchError, match="cannot be unpacked: CRC check failed"):
        ingest(folder, tmp_path / "to")


def test_what_unpacks_to_more_than_a_log_can_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(expansion, "MOST_ROWS", 1_000)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"\0" * (8 << 20)))
    with pytest.raises(BenchError, match="bytes say that they are over"):
        expansion.check_packed(tmp_path / "a.csv.gz")
    pq.write_table(pa.table({"a": pa.array([b"\0" * (4 << 20)])}), tmp_path / "a.parquet", compression="zstd")
    with pytest.raises(BenchError, match="bytes say that they are"):
        expansion.check_parquet(tmp_path / "a.parquet")
    pq.write_table(pa.table({"a": pa.nulls(1_000_000, pa.int8())}), tmp_path / "rows.parquet")
    with pytest.raises(BenchError, match="1,000,000 rows"):
        expansion.check_parquet(tmp_path / "rows.parquet")


def test_a_query_of_too_many_words_and_a_line_too_long_are_refused_by_name(tmp_path: Path) -> None:
    log = small_log()
    log["queries"]["text"][0] = "word " * 1_001
    folder = write_log(tmp_path / "log", log, "csv")
    with pytest.raises(BenchError, match=r"query 'q1' has 1,001 words, and 1,000 is the most .*--max-words"):
        ingest(folder, tmp_path / "to")
    made = ingest(folder, tmp_path / "dropped", options=IngestOptions(on_conflict="drop"))
    assert made.dropped["queries of over 1000 words"] == 1
    assert ingest(folder, tmp_path / "all", options=IngestOptions(max_words=0)).kept["queries"] > made.kept["queries"]
    log["queries"]["text"][0] = "x" * 3_000_000
    with pytest.raises(BenchError, match=r"line 2: a line of 3,000,\d+ bytes, and 2,000,000 is the most .*Parquet"):
        ingest(write_log(tmp_path / "long", log, "csv"), tmp_path / "to")


def test_json_that_is_nested_too_deep_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("[" * 100_000)
    with pytest.raises(BenchError, match="not readable"):
        read_golden(tmp_path / "t.json")
    folder = random_corpus(tmp_path / "mine", 10).folder
    _ = Corpus(folder).columns
    (folder / "columns" / "meta.json").write_text("[" * 100_000)
    assert problems(folder) == []
    assert len(Corpus(folder).columns.session_split) == 10  # derived again


def test_a_released_file_with_carriage_returns_alone_is_one_line(tmp_path: Path) -> None:
    folder = write_mmsession(tmp_path / "beauty")
    (folder / "session.csv").write_bytes((folder / "session.csv").read_bytes().replace(b"\n", b"\r"))
    with pytest.raises(BenchError, match="header is not a line of a table"):
        mmsession.make(tmp_path / "to", name="m", source=folder)


def test_a_matrix_whose_header_is_no_python_is_a_value_error(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.zeros((2, 3), np.float32))
    whole = (tmp_path / "m.npy").read_bytes()
    (tmp_path / "m.npy").write_bytes(whole.replace(b"{'descr'", b"{'''escr"))
    with pytest.raises(ValueError, match="header"):
        mapped(tmp_path / "m.npy")


@pytest.mark.parametrize(
    ("column", "number", "said"),
    [
        ("query_words", 10**9, "1,000,000,000"),
        ("query_words", -5, "-5"),
        ("query_image", 10**6, "1,000,000"),
        ("impression_item", -1, "-1"),
        ("item_words", 10**6, "1,000,000"),
        ("item_image", -2, "-2"),
        ("session_split", 9, "has a 9"),
        ("query_kind", -1, "-1"),
        ("session_user", 10**9, "1,000,000,000"),
        ("query_session", 29, "descends"),
        ("session_queries", 3, "descends|other sessions"),
        ("session_queries", None, "a session without a query"),
        ("query_word_offsets", 10**12, "descends"),
        ("query_impressions", -1, "descends|go from"),
    ],
)
def test_a_corpus_with_fitting_checksums_whose_numbers_lead_nowhere_is_refused(
    column: str, number: int | None, said: str, tmp_path: Path
) -> None:
    """Whoever hands a corpus over can write the checksums too; a compiled loop would read beyond its arrays."""
    folder = random_corpus(tmp_path / "theirs", 30, image_share=0.5).folder
    _ = Corpus(folder).columns
    file = folder / "columns" / f"{column}.npy"
    values = np.load(file)
    values[2] = values[1] if number is None else number
    np.save(file, values)
    meta = json.loads((folder / "columns" / "meta.json").read_text())
    meta["files"][file.name] = mark(file)
    meta["checksum"] = record_checksum(meta)
    (folder / "columns" / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(BenchError, match=said):
        Corpus(folder).check()


def test_a_corpus_whose_tables_lead_nowhere_is_refused_though_its_fingerprint_fits(tmp_path: Path) -> None:
    folder = random_corpus(tmp_path / "theirs", 30).folder
    np.save(folder / "word_vectors.npy", np.load(folder / "word_vectors.npy")[:3])
    said = read_toml(folder / "corpus.toml")
    said["fingerprint"] = build_columns(folder)["fingerprint"]
    said["checksums"] = {name: sha256_of(folder / name) for name in said["checksums"]}
    del said["checksum"]
    (folder / "corpus.toml").write_text(tomli_w.dumps(said))
    with pytest.raises(BenchError, match="query_words has a"):
        Corpus(folder).check()
