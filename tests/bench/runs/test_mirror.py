"""Results at a URL: put there as they are finished, brought from there, and believed by their checksums alone."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from command_line import bench_here
from small_corpora import random_corpus

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket of a server that speaks S3, on this machine."""
    if find_spec("s3fs") is None or find_spec("moto") is None:  # an environment without the extra dev
        pytest.skip("needs s3fs, moto, flask and flask-cors")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=-3, stderr=-3
    )
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        for _ in range(200):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        fsspec.filesystem("s3").mkdir("results")
        yield "s3://results/runs"
    server.terminate()
    server.wait()


@pytest.fixture(params=["memory", "local", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "memory":
        yield "memory://results/runs"
        fsspec.filesystem("memory").rm("/results", recursive=True)
    else:
        yield request.getfixturevalue("s3") if request.param == "s3" else f"file://{tmp_path}/at a url"


def _files(url: str) -> dict[str, bytes]:
    files, root = fsspec.core.url_to_fs(url)
    return {path.partition(root.strip("/"))[2]: files.cat_file(path) for path in files.find(root)}


def test_results_go_to_the_url_and_come_back(url: str, tmp_path: Path) -> None:
    """A second machine finds all of it and computes nothing; what was damaged there is computed and put again."""
    corpus = random_corpus(tmp_path / "small", sessions=30).folder
    words = ["run", "--task", "ctr", "--encoder", "vanilla", "--baseline", "transearch", "--dataset", corpus]
    words += ["--seeds", "1", "--set", "epochs=1", "--device", "cpu", "--jobs", "1", "--json", "--store", url]
    first = bench_here(*words, "--out", tmp_path / "one")
    assert first.code == 0, first.err
    there = _files(url)
    (key,) = [folder.name for folder in (tmp_path / "one/cells").iterdir()]
    assert {name.rpartition("/")[2] for name in there} >= {"cell.json", "scores.parquet"}
    assert there[f"/cells/{key}/cell.json"] == (tmp_path / "one/cells" / key / "cell.json").read_bytes()

    second = bench_here(*words, "--out", tmp_path / "two")
    assert [row["cached"] for row in second.rows] == [True] * len(second.rows)
    assert [row | {"cached": 0} for row in second.rows] == [row | {"cached": 0} for row in first.rows]

    files, root = fsspec.core.url_to_fs(url)
    files.pipe_file(f"{root}/cells/{key}/scores.parquet", b"damaged")
    third = bench_here(*words, "--out", tmp_path / "three")
    assert third.code == 0
    assert "it does not count" in third.err
    assert not any(row["cached"] for row in third.rows)
    assert _files(url)[f"/cells/{key}/scores.parquet"] == (tmp_path / "one/cells" / key / "scores.parquet").read_bytes()
    record = json.loads(_files(url)[f"/cells/{key}/cell.json"])
    assert record["files"]["scores.parquet"]["bytes"] == len(_files(url)[f"/cells/{key}/scores.parquet"])


def test_a_url_that_nothing_reads_is_one_line(tmp_path: Path) -> None:
    words = ["run", "--task", "ctr", "--encoder", "vanilla", "--out", tmp_path / "out", "--store", "nowhere://x"]
    assert "Protocol not known" in bench_here(*words).error
    assert not (tmp_path / "out").exists()


def test_a_url_that_cannot_be_written_to_loses_nothing(tmp_path: Path) -> None:
    """The run ends with one line, its results are in the folder, and the next run puts them there."""
    corpus = random_corpus(tmp_path / "small", sessions=30).folder
    blocked = tmp_path / "there/cells"
    blocked.parent.mkdir()
    blocked.write_text("a file where a folder should be")
    words = ["run", "--task", "ctr", "--encoder", "vanilla", "--baseline", "transearch", "--dataset", corpus]
    words += ["--seeds", "1", "--set", "epochs=1", "--device", "cpu", "--jobs", "1", "--out", tmp_path / "out"]
    words += ["--store", f"file://{blocked.parent}"]
    ran = bench_here(*words)
    assert ran.code == 2
    assert "what is finished is in --out" in ran.err
    assert len(list((tmp_path / "out/cells").iterdir())) == 1
    blocked.unlink()
    _reads_only(corpus, tmp_path, blocked.parent)
    assert bench_here(*words).code == 0
    assert [path.name for path in blocked.iterdir()] == [path.name for path in (tmp_path / "out/cells").iterdir()]


def _reads_only(corpus: Path, folder: Path, there: Path) -> None:
    """A dry run finds the results that the URL lacks, and puts none there."""
    (folder / "e.toml").write_text(
        f"""
        title = "One"
        seeds = 1
        settings = {{ ctr.epochs = 1 }}
        [[part]]
        id = "one"
        title = "One"
        task = "ctr"
        datasets = ["{corpus}"]
        baselines = ["transearch"]
        encoders = ["vanilla"]
        metrics = ["ndcg@10"]
        """
    )
    words = ["--device", "cpu", "--out", folder / "out", "--store", f"file://{there}"]
    for how in ("--dry-run", "--no-run"):
        ran = bench_here("tables", folder / "e.toml", how, *words)
        assert ran.code == 0, ran.err
        assert "1 cell" in ran.out + ran.err
    assert not list(there.iterdir())
