"""``bench export`` writes one file that encodes plain sessions as the harness does, and that is safe to read."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import bench_fork, bench_here
from exported import export, plain_sessions, small_corpus
from safetensors.torch import save_file

import bench
from bench.data.corpus import Corpus
from bench.training.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return small_corpus(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def file(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export("muvcog-m", corpus, tmp_path_factory.mktemp("export") / "model.safetensors")


@pytest.mark.parametrize("name", ["muvcog-m", "meanpool", "word2vec"])
def test_plain_sessions_have_the_vectors_of_the_harness(name: str, corpus: Corpus, file: Path, tmp_path: Path) -> None:
    if name != "muvcog-m":
        file = export(name, corpus, tmp_path / "model.safetensors")
    whole = bench.SessionBatch.from_sessions(corpus, np.arange(40), bench.Features.of(corpus))
    encoder = bench.load_encoder(file)
    assert isinstance(encoder, bench.ExportedEncoder)
    assert not encoder.training
    with torch.inference_mode():
        expected = encoder.encoder(whole).numpy()
    assert np.abs(encoder.encode(plain_sessions(corpus)) - expected).max() <= 1e-5
    stored = next((file.parent / "runs" / "encoders").glob("[0-9a-f]*"))
    with torch.inference_mode():
        assert torch.equal(bench.load_encoder(stored)(whole), torch.from_numpy(expected))


def test_the_file_stands_alone(file: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes(file.read_bytes())
    encoder = bench.ExportedEncoder.read(alone)
    vectors = encoder.encode([[{"words": ["w1", "w2"]}], [], [{"words": ["never heard"]}]])
    assert vectors.shape == (3, encoder.output_dim)
    assert not vectors[1].any()
    assert np.isfinite(vectors).all()
    assert [path.name for path in tmp_path.iterdir()] == ["alone.safetensors"]


def test_the_card_says_what_is_known_and_no_more(file: Path, corpus: Corpus, tmp_path: Path) -> None:
    card = bench.ExportedEncoder.read(file).card
    assert card["data"]["fingerprint"] == corpus.info.fingerprint
    assert card["data"]["simulated"] is True
    assert card["pretraining"]["steps"] == 2
    assert card["measured"] == []
    by_key = bench_here(
        "export",
        card["key"],
        "--out",
        file.parent / "runs",
        "--to",
        tmp_path / "x.safetensors",
        "--card",
        tmp_path / "c",
    )
    assert by_key.code == 0, by_key.err
    text = (tmp_path / "c").read_text()
    assert "Nothing was measured" in text
    assert "simulated: no claim about real shoppers follows" in text
    assert corpus.info.fingerprint in text


def test_what_was_written_is_said_to_programs_too(file: Path, corpus: Corpus, tmp_path: Path) -> None:
    read, to = bench.ExportedEncoder.read(file), tmp_path / "again.safetensors"
    ran = bench_here("export", read.card["key"], "--out", file.parent / "runs", "--to", to, "--json")
    assert ran.code == 0, ran.err
    said = {"file": str(to), "format": "safetensors", "key": read.card["key"], "encoder": "muvcog-m"}
    assert ran.rows == [said | {"dataset": corpus.info.name, "output_dim": read.output_dim, "latency": []}]
    assert bench.ExportedEncoder.read(to).card == read.card


@pytest.mark.slow  # trains two cells
def test_the_card_has_the_difference_that_the_store_has(corpus: Corpus, tmp_path: Path) -> None:
    named = ("--task", "ctr", "--encoder", "meanpool", "--baseline", "transearch", "--dataset", corpus.folder)
    quick = ("--set", "epochs=1", "--device", "cpu", "--jobs", 1, "--out", tmp_path / "runs", "--json")
    run = bench_fork("run", *named, "--seeds", 2, *quick)
    assert run.code == 0, run.err
    export("meanpool", corpus, tmp_path / "model.safetensors")
    (row,) = bench.ExportedEncoder.read(tmp_path / "model.safetensors").card["measured"]
    (said,) = [one for one in run.rows if one["encoder"] == "meanpool" and one["metric"] == row["metric"]]
    assert row == {name: said[name] for name in row}
    assert row["seeds"] == 2


SESSIONS = [
    ("text", "sessions: is not a list"),
    ([{"words": []}], "session 0: is not a list"),
    ([[["red"]]], "session 0, step 0: is not a step"),
    ([[{"words": "red"}]], "session 0, step 0, words: is not a list"),
    ([[{"words": [1]}]], "session 0, step 0: words are strings"),
    ([[{"wrods": ["red"]}]], "did you mean words"),
    ([[{}], [{}, {"kind": "image"}]], "is no kind of step"),
    ([[{}], [{}, {"image": [1.0]}]], "session 1, step 1, image: is not a vector of 12 numbers"),
    ([[{"image": ["1"] * 12}]], "is not a vector of 12 numbers"),
    ([[{"image": [[1], [1, 2]]}]], "is not a vector of 12 numbers"),
    ([[{"image": [10**400] * 12}]], "is not a vector of 12 numbers"),
    ([[{"image": [float("nan")] * 12}]], "not finite"),
    ([[{"image": [1e300] * 12}]], "not finite"),
]


@pytest.mark.parametrize(("sessions", "said"), SESSIONS)
def test_what_is_no_session_is_one_line(sessions: Any, said: str, file: Path) -> None:
    with pytest.raises(bench.BenchError, match=said) as error:
        bench.ExportedEncoder.read(file).encode(sessions)
    assert "\n" not in str(error.value)


def forged(file: Path, to: Path, change: Callable[[dict[str, torch.Tensor], dict[str, Any]], object]) -> Path:
    """The file with other contents and a checksum that fits them."""
    tensors, facts = load_checkpoint(file)
    change(tensors, facts)
    save_checkpoint(to, tensors, facts)
    return to


FORGERIES: dict[str, tuple[Callable[[Any, Any], object], str]] = {
    "a module to import": (lambda t, f: f.update(encoder="os:system"), "no encoder is called"),
    "too wide": (lambda t, f: f["options"].update(view_dim=10**7), "view_dim must be from 1 to 100,000"),
    "no option": (lambda t, f: f["options"].update(view_dmi=8), "view_dmi"),
    "a folder": (lambda t, f: f["options"].update(path="/etc"), "reads a folder of the machine"),
    "dims": (lambda t, f: f.update(dims={"words": 10**12, "images": 12}), "no widths of vectors"),
    "dims of others": (lambda t, f: f.update(dims={"words": 9, "images": 12}), "vocabulary and word vectors"),
    "another version": (lambda t, f: f.update(version=99), "format version 99"),
    "another format": (lambda t, f: f.update(format="x"), "not an exported encoder"),
    "a list": (lambda t, f: f.update(options=[]), "no options that could be one"),
    "a lacking weight": (lambda t, f: t.pop("encoder.sources.project_image.weight"), "cannot be built from it"),
    "no vocabulary": (lambda t, f: t.pop("vocabulary.ends"), "vocabulary and word vectors"),
    "words beyond the end": (lambda t, f: t["vocabulary.ends"].add_(7), "vocabulary and word vectors"),
    "no text": (lambda t, f: t["vocabulary.letters"].fill_(255), "vocabulary and word vectors"),
    "descending": (lambda t, f: t["vocabulary.ends"].copy_(t["vocabulary.ends"].flip(0)), "vocabulary and word"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_file_that_lies_is_refused_in_one_line(forgery: str, file: Path, tmp_path: Path) -> None:
    change, said = FORGERIES[forgery]
    with pytest.raises(bench.BenchError, match=said) as error:
        bench.load_encoder(forged(file, tmp_path / "forged.safetensors", change))
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    bytes_, damaged = file.read_bytes(), tmp_path / "x.safetensors"
    save_file({"weight": torch.zeros(2)}, tmp_path / "weights.safetensors")
    header = json.dumps({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    for contents in (
        b"",
        bytes_[:-1],
        bytes_[:-1] + bytes([bytes_[-1] ^ 1]),
        struct.pack("<Q", 2**62) + bytes_[8:],
        struct.pack("<Q", len(header)) + header,
        (tmp_path / "weights.safetensors").read_bytes(),
        b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    ):
        damaged.write_bytes(contents)
        with pytest.raises(bench.BenchError, match="not an exported encoder") as error:
            bench.load_encoder(damaged)
        assert "\n" not in str(error.value)
    with pytest.raises(bench.BenchError, match="there is no such file"):
        bench.load_encoder(tmp_path / "none.safetensors")


def test_what_cannot_be_exported_is_one_line(corpus: Corpus, tmp_path: Path) -> None:
    to = ("--to", tmp_path / "x.safetensors", "--out", tmp_path)
    assert "trained with a baseline" in bench_here("export", "lstm", "--dataset", corpus.folder, *to).error
    assert "no stored encoder is called" in bench_here("export", "abcdef12", *to).error
