"""``bench.run``, ``bench.load_corpus`` and ``bench.load_encoder`` find what the command line finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from command_line import bench_here
from small_corpora import random_corpus

import bench

TINY = {"muvcog-m.steps": 4, "batch_size": 16, "warmup": 1, "validate_every": 2, "epochs": 1}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("library") / "small").folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library-runs")


@pytest.mark.slow
def test_a_run_gives_rows_a_table_and_a_frame_and_shares_cells_with_the_command_line(corpus: Path, runs: Path) -> None:
    told: list[str] = []
    result = bench.run(
        "ctr",
        "muvcog-m",
        "transearch",
        corpus,
        seeds=2,
        settings=TINY,
        device="cpu",
        jobs=1,
        out=runs,
        watch=lambda job, part, record: told.append(job.title),
    )
    assert result.complete
    assert told
    frame = result.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert set(frame["encoder"]) == {"vanilla", "muvcog-m"}
    assert "| transearch | muvcog-m" in " ".join(result.table().split())
    assert str(result) == result.table()
    contrasts = [one for one in result.differences() if one.minus == "vanilla"]
    assert {(one.encoder, one.reading) for one in contrasts} == {("muvcog-m", "too few seeds to say")}
    by_metric = frame[frame["encoder"] == "muvcog-m"].set_index("metric")["delta"]
    assert {one.metric: one.delta for one in contrasts} == by_metric.to_dict()
    assert "muvcog-m" in result._repr_html_()

    words = ["--task", "ctr", "--encoder", "muvcog-m", "--baseline", "transearch", "--dataset", corpus, "--seeds", 2]
    words += [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    typed = bench_here("run", *words, "--device", "cpu", "--out", runs, "--json")
    assert typed.code == 0, typed.err
    assert {row["cached"] for row in typed.rows} == {True}
    same = [column for column in frame.columns if column != "cached"]
    pd.testing.assert_frame_equal(frame[same], pd.DataFrame(typed.rows)[same])

    scored = bench.score(result, ["MAP", "nDCG@3"], "product-turns")
    assert scored.complete
    asked = ("--metric", "MAP,nDCG@3", "--slice", "product-turns", "--device", "cpu", "--out", runs, "--json")
    assert list(scored.rows) == bench_here("score", *words, *asked).rows
    assert set(scored.to_pandas()["slice"]) == {"all", "product-turns"}
    assert "| product-turns | transearch" in " ".join(str(scored).split())


def test_a_wrong_name_is_an_error_before_anything_runs(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(bench.BenchError, match="did you mean lstm"):
        bench.run("ctr", "lstn", dataset=corpus, out=tmp_path / "runs")
    with pytest.raises(bench.BenchError, match="epohs"):
        bench.run("ctr", "lstm", dataset=corpus, settings={"epohs": 1}, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_an_encoder_is_pretrained_once_and_found_again_by_key_and_folder(corpus: Path, runs: Path) -> None:
    settings = {key: value for key, value in TINY.items() if key != "epochs"}
    encoder = bench.load_encoder("muvcog-m", corpus, settings=settings, out=runs)
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    typed = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    named = ("--encoder", "muvcog-m", "--dataset", corpus, "--device", "cpu", "--out", runs, *typed)
    said = bench_here("pretrain", *named)
    assert said.code == 0, said.err
    folder = Path(said.out.strip())

    opened = bench.load_corpus(corpus)
    features = bench.Features.of(opened)
    batch = bench.SessionBatch.from_sessions(opened, np.arange(5), features)
    for other in (bench.load_encoder(folder), bench.load_encoder(folder.name[:10], out=runs)):
        torch.testing.assert_close(other(batch), encoder(batch), atol=0, rtol=0)
    assert bench_here("embed", *named, "--to", runs / "vectors.parquet").code == 0
    vectors = pq.read_table(runs / "vectors.parquet")["vector"].to_pylist()[:5]
    torch.testing.assert_close(encoder(batch), torch.tensor(vectors))


def test_wrong_encoders_are_one_line(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(bench.BenchError, match="no stored encoder is called '3f2a'"):
        bench.load_encoder("3f2a", out=tmp_path)
    with pytest.raises(bench.BenchError, match="is trained with a baseline"):
        bench.load_encoder("lstm", corpus, out=tmp_path)
    with pytest.raises(bench.BenchError, match="has its options already"):
        bench.load_encoder("3f2a", settings={"steps": 1}, out=tmp_path)
    with pytest.raises(bench.BenchError, match="no stored encoder is called"):
        bench.load_encoder("x" * 5000, out=tmp_path)


def test_a_dataset_of_an_impossible_name_is_one_line(tmp_path: Path) -> None:
    for name in ("x" * 5000, "a/" + "x" * 5000, "a\0b"):
        with pytest.raises(bench.BenchError):
            bench.load_corpus(name, out=tmp_path)


def test_a_dataset_is_made_once(tmp_path: Path) -> None:
    made = bench.load_corpus("beauty", out=tmp_path, sessions=120, downstream=60)
    (folder,) = (tmp_path / "corpora").iterdir()
    assert made.folder == folder
    assert made.info.counts["sessions"] == 120
    before = folder.stat().st_mtime_ns
    assert bench.load_corpus("beauty", out=tmp_path, sessions=120, downstream=60).folder == folder
    assert folder.stat().st_mtime_ns == before
    with pytest.raises(bench.BenchError, match="sesions"):
        bench.load_corpus("beauty", out=tmp_path, sesions=120)
