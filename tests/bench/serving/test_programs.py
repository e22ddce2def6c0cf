"""Programs for torch.export and onnxruntime give the vectors of the encoder, at any number of steps, words, images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import bench_here
from exported import export, plain_sessions, small_corpus

import bench
from bench.data.corpus import Corpus
from bench.serving.programs import INPUTS, program_inputs

ODD: list[list[dict[str, Any]]] = [
    [],
    [{}],
    [{"words": ["w1"]}],
    [{"words": ["w1", "w1"]}, {}, {"words": ["w1"], "kind": "product"}, {"words": ["never heard"]}],
    [{"image": [0.5] * 12}, {"image": [0.5] * 12, "words": ["w1"]}, {"image": [0.1] * 12}],
    [{"words": [f"w{i % 40}" for i in range(90)]}] * 30,
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return small_corpus(tmp_path_factory.mktemp("corpora"))


@pytest.mark.slow  # traces and converts
@pytest.mark.parametrize("name", ["meanpool", "muvcog-m", "muvcog-plus"])
def test_programs_give_the_vectors_of_the_encoder(name: str, corpus: Corpus, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    file = export(name, corpus, tmp_path / "model.safetensors")
    export(name, corpus, tmp_path / "model.pt2", "--format", "torch")
    export(name, corpus, tmp_path / "model.onnx", "--format", "onnx")
    encoder = bench.ExportedEncoder.read(file)
    program = torch.export.load(tmp_path / "model.pt2").module()
    runtime = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    taken = {one.name for one in runtime.get_inputs()}
    sessions = plain_sessions(corpus) + ODD
    for session, expected in zip(sessions, encoder.encode(sessions), strict=True):
        inputs = program_inputs(encoder.batch([session]))
        with torch.inference_mode():
            assert np.abs(program(*inputs).numpy() - expected).max() <= 1e-5
        arrays = {key: value.numpy() for key, value in zip(INPUTS, inputs, strict=True) if key in taken}
        assert np.abs(runtime.run(["vector"], arrays)[0] - expected).max() <= 1e-5
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "model.pt2", "model.onnx", "runs"}


def test_what_has_no_program_says_why(corpus: Corpus, tmp_path: Path) -> None:
    named = ("--dataset", corpus.folder, "--out", tmp_path, "--device", "cpu", "--set", "steps=1")
    said = bench_here("export", "gat", *named, "--format", "torch", "--to", tmp_path / "x.pt2")
    assert said.code == 2
    assert "cannot be traced: PyTorch Geometric" in said.err
    assert not (tmp_path / "x.pt2").exists()
    with pytest.raises(bench.BenchError, match="one session, not 2"):
        program_inputs(
            bench.ExportedEncoder.read(export("meanpool", corpus, tmp_path / "m.safetensors")).batch([[], []])
        )


def test_latency_says_where_and_how(corpus: Corpus, tmp_path: Path) -> None:
    file = export("meanpool", corpus, tmp_path / "model.safetensors")
    text = bench_here("latency", file, "--steps", 2).out
    assert "one session of 2 steps of 3 words, on this machine (" in text
    rows = bench_here("latency", file, "--json").rows
    assert [row["way"] for row in rows] == ["eager", "torch.export", "onnxruntime"]
    assert all(row["why_not"] or 0 < row["p50_ms"] <= row["p95_ms"] for row in rows)
    assert rows[0]["calls"] == 200
