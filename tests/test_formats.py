"""What was written in a format that there is now, or was, can be read; another version is refused with what to do.

The samples in tests/samples stand for what people have on their disks: none of them is ever written again.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from command_line import bench_here
from format_samples import SAMPLES as PRESENT

from bench.data.checks.corpus_checks import problems
from bench.data.checksums import record_checksum
from bench.data.corpus import Corpus
from bench.data.vector_file import read_vector_file
from bench.data.vector_scan import pieces
from bench.data.vector_writer import VECTOR
from bench.errors import BenchError
from bench.files import read_toml
from bench.golden.tables import read_golden
from bench.runs.store import Store
from bench.serving.encoder_file import read_encoder_file
from bench.training.checkpoint import load_checkpoint, save_checkpoint

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "tests" / "samples"


def sample(name: str, to: Path) -> Path:
    """A copy, for reading may write beside what is read: derived columns, a lock, what is set aside."""
    source, target = SAMPLES / name, to / name
    return Path(shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target))


def test_the_samples_are_small_and_of_the_present_versions_at_least() -> None:
    files = [path for path in SAMPLES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 50_000
    assert all((SAMPLES / name).exists() for name in PRESENT.values()), "python -m tests.format_samples writes them"


def test_a_corpus_of_format_1_is_read_and_another_is_refused(tmp_path: Path) -> None:
    folder = sample("corpus-1", tmp_path)
    corpus = Corpus(folder)
    corpus.verify()
    assert len(corpus.session_rows()) == 12
    assert corpus.word_vectors.shape == (12, corpus.word_vectors.shape[1])
    assert problems(folder) == []
    info = read_toml(folder / "corpus.toml") | {"format_version": 2}
    (folder / "corpus.toml").write_text(tomli_w.dumps(info | {"checksum": record_checksum(info)}))
    with pytest.raises(BenchError, match=r"corpus format 2, this version reads 1 \(make the corpus again\)"):
        Corpus(folder)


def test_a_record_of_format_1_is_read_and_another_is_set_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(sample("store-1", tmp_path))
    (cell,) = (store.root / "cells").iterdir()
    record = store.read("cells", cell.name)
    assert record is not None
    assert record["status"] == "done"
    assert "valid" in bench_here("results", "validate", cell / "cell.json").out
    merged = bench_here("merge", store.root, "--to", tmp_path / "to")
    assert merged.out.startswith("1 result: 1 taken"), merged
    record["format"] = 2
    (cell / "cell.json").write_text(json.dumps({**record, "checksum": record_checksum(record)}))
    assert bench_here("merge", store.root, "--to", tmp_path / "to").code == 1, "left out, and said"
    assert store.read("cells", cell.name) is None
    assert "the record is of format 2, this version reads 1; set aside as" in capsys.readouterr().err


def test_an_exported_encoder_of_version_1_encodes_and_another_is_refused(tmp_path: Path) -> None:
    file = sample("encoder-1.safetensors", tmp_path)
    encoder = read_encoder_file(file)
    vectors = encoder.encode([[{"words": [encoder.vocabulary[0]]}], [{"words": [encoder.vocabulary[1]]}]])
    assert vectors.shape == (2, encoder.output_dim)
    assert np.isfinite(vectors).all()
    assert not np.array_equal(vectors[0], vectors[1])
    tensors, facts = load_checkpoint(file)
    save_checkpoint(file, tensors, {**facts, "version": 2})
    with pytest.raises(BenchError, match=r"format version 2 is not 1 \(export the encoder again, or install"):
        read_encoder_file(file)


def test_rows_of_version_1_are_valid_and_others_are_not(tmp_path: Path) -> None:
    file = sample("rows-1.json", tmp_path)
    assert bench_here("results", "validate", file).code == 0
    rows = json.loads(file.read_text())
    file.write_text(json.dumps([{**row, "mean": "0.5"} for row in rows]))
    assert "the schema is" in bench_here("results", "validate", file).error


def vectors_in(file: Path) -> np.ndarray:
    (piece,) = pieces(file, [VECTOR])
    return piece[VECTOR].flatten().to_numpy().reshape(len(piece), -1)


def test_golden_tables_and_vectors_of_version_1_are_read(tmp_path: Path) -> None:
    golden = read_golden(sample("golden-1.json", tmp_path))
    assert [number.value for number in golden.numbers.values()] == [0.25]
    old = tmp_path / "golden-1.json"
    old.write_text(old.read_text().replace('"numbers"', '"figures"'))
    with pytest.raises(BenchError, match=r"unknown key 'figures' \(known: checksum"):
        read_golden(old)
    vectors = read_vector_file(sample("vectors-1.parquet", tmp_path))
    assert vectors_in(vectors.file).shape == (12, 28)
    assert vectors.about["corpus"] == Corpus(SAMPLES / "corpus-1").info.fingerprint


def test_a_flipped_bit_in_vectors_is_noticed(tmp_path: Path) -> None:
    """Each page of what `bench embed` writes has its checksum."""
    file = sample("vectors-1.parquet", tmp_path)
    whole = file.read_bytes()
    vectors = vectors_in(file).tobytes()
    at = whole.find(vectors[:16]) if vectors[:16] in whole else len(whole) // 3  # stored plainly, else compressed
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(BenchError, match="not readable as Parquet"):
        read_vector_file(file)


def test_the_page_names_each_sample() -> None:
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`tests/samples/([\w.-]+)`", text))
    assert named == {path.name for path in SAMPLES.iterdir()}
