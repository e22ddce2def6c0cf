"""What plugins and libraries print and warn of: to the record and to a file beside it, never raw onto the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import BENCH, Ran, bench_fork, environment
from noisy_encoders import install_noisy_encoder
from odd_encoders import install_odd_encoders
from small_corpora import random_corpus

from bench.runs.output import LOG_BYTES, collected_warnings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=60).folder


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_noisy_encoder(tmp_path_factory.mktemp("plugins"))


def run(corpus: Path, plugins: Path, out: Path, *more: object) -> Ran:
    command = ["run", "--task", "ctr", "--baseline", "transearch", "--encoder", "noisy", "--dataset", corpus]
    command += ["--seeds", 1, "--set", "epochs=1", "--device", "cpu", "--out", out, *more]
    return bench_fork(*command, plugins=[plugins])


def pretraining(runs: Path) -> tuple[dict[str, object], Path]:
    """The record of the one pretraining, and its folder."""
    (file,) = runs.glob("encoders/*/encoder.json")
    return json.loads(file.read_text()), file.parent


def test_a_noisy_plugin_leaves_standard_output_and_standard_error_clean(
    corpus: Path, plugins: Path, tmp_path: Path
) -> None:
    ran = run(corpus, plugins, tmp_path, "--json", "--set", "noisy.lines=2000")
    assert ran.code == 0, ran.err
    assert [row["encoder"] for row in ran.rows][::3] == ["vanilla", "noisy"]
    for line in ran.err.splitlines():
        assert line.startswith(("[", "Warning: noisy on small: ")) or "cells, " in line, line
    assert ran.err.count("noisy warns: the weights are one (3 times)") == 1

    record, folder = pretraining(tmp_path)
    warned = record["warnings"]
    assert isinstance(warned, list)
    assert "noisy warns: the weights are one (3 times)" in warned
    assert any(line.startswith("noisy warns: divide by zero") for line in warned)
    assert not any("old" in line for line in warned), "what Python ignores by default is ignored here"
    log = (folder / "output.log").read_bytes()
    for line in (b"imported, says noisy_models", b"printed", b"to standard error", b"from below Python"):
        assert line in log
    assert b"from a child" in log
    assert LOG_BYTES < len(log) < LOG_BYTES + 100
    assert log.endswith(b"... the rest is left out\n")
    (cell,) = [path.parent for path in tmp_path.glob("cells/*/cell.json") if "vanilla" in path.read_text()]
    assert not (cell / "output.log").exists(), "a job that prints nothing has no file"


def test_warnings_of_a_pretraining_in_this_process_are_one_line_each(
    corpus: Path, plugins: Path, tmp_path: Path
) -> None:
    ran = bench_fork("pretrain", "--encoder", "noisy", "--dataset", corpus, "--out", tmp_path, plugins=[plugins])
    assert ran.code == 0, ran.err
    assert "Warning: noisy warns: the weights are one (3 times)" in ran.err.splitlines()
    assert "UserWarning" not in ran.err


def test_a_job_that_takes_longer_is_ended_and_the_others_go_on(corpus: Path, plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    settings = ("--set", f"noisy.folder={tmp_path / 'marks'}", "--set", "noisy.seconds=600", "--jobs", 2)
    ran = run(corpus, plugins, tmp_path / "runs", *settings, "--cell-timeout", 10, "--json")
    assert ran.code == 1, ran.err
    assert {row["encoder"]: row["status"] for row in ran.rows} == {"vanilla": "done", "noisy": "failed"}
    why = "took longer than --cell-timeout 10 s"
    assert f"failed: {why}" in ran.err
    record, _ = pretraining(tmp_path / "runs")
    assert (record["status"], record["error"]) == ("failed", why)
    failed = [json.loads(path.read_text()) for path in tmp_path.glob("runs/cells/*/cell.json")]
    assert any(why in cell.get("error", "") for cell in failed)
    began = (tmp_path / "marks" / "began").read_text().split()
    assert len(began) == 1
    assert not Path("/proc", began[0]).exists(), "its process is gone"
    assert not list(tmp_path.glob("runs/*/*.writing-*"))

    again = run(corpus, plugins, tmp_path / "runs", *settings, "--cell-timeout", 3, "--json")
    assert again.code == 1, again.err
    assert len((tmp_path / "marks" / "began").read_text().split()) == 2, "what failed is tried again"
    assert "took longer than --cell-timeout 3 s" in again.err
    vanilla = next(row for row in again.rows if row["encoder"] == "vanilla")
    assert vanilla["cached"], "what is done is not"


def test_what_a_block_prints_goes_to_its_file_and_nothing_after_it(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from bench.runs.output import printed_to
print("before")
with printed_to(Path(sys.argv[1], "a.log")):
    print("inside")
with printed_to(Path(sys.argv[1], "b.log")):
    pass
print("after")
"""
    ran = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert ran.stdout == "before\nafter\n"
    assert (tmp_path / "a.log").read_text() == "inside\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.log"]


def test_filters_of_the_user_stay(recwarn: pytest.WarningsRecorder) -> None:
    import warnings

    warnings.simplefilter("error", FutureWarning)
    with collected_warnings({}) as lines:
        warnings.warn("twice", stacklevel=1)
        warnings.warn("twice", stacklevel=1)
        with pytest.raises(FutureWarning):
            warnings.warn("an error", FutureWarning, stacklevel=1)
    assert [line.partition(" ")[2] for line in lines()] == ["warns: twice (2 times)"]


def test_a_flood_ends_in_a_file_of_one_mebibyte_and_takes_no_memory_of_the_command(
    corpus: Path, tmp_path: Path
) -> None:
    plugins = install_odd_encoders(tmp_path / "odd")
    words = ["run", "--task", "ctr", "--baseline", "transearch", "--encoder", "floods,steady", "--dataset", corpus]
    words += ["--seeds", 1, "--set", "epochs=1", "--set", f"floods.folder={tmp_path}", "--device", "cpu", "--jobs", 2]
    words += ["--out", tmp_path / "runs", "--json"]
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        ran = subprocess.Popen([BENCH, *map(str, words)], env=environment([plugins]), stdout=out, stderr=err)
        before = most = 0
        while ran.poll() is None:
            most = max(most, _most_memory(ran.pid))
            before = before if (tmp_path / "flooding").exists() else most
            time.sleep(0.02)
    assert ran.returncode == 0, (tmp_path / "err").read_text()
    assert 0 < before <= most < before + 30e6
    rows = json.loads((tmp_path / "out").read_text())
    assert {row["encoder"]: row["status"] for row in rows} == dict.fromkeys(("vanilla", "floods", "steady"), "done")
    said = (tmp_path / "err").read_bytes()
    assert b"\x1b" not in said
    assert len(said) < 100_000

    (record,) = [
        json.loads(file.read_text())
        for file in (tmp_path / "runs").glob("encoders/*/encoder.json")
        if "floods" in file.read_text()
    ]
    assert len(record["warnings"]) == 101
    assert record["warnings"][-1] == "2,900 further warnings are left out"
    log = tmp_path / "runs" / "encoders" / record["key"] / "output.log"
    assert LOG_BYTES < log.stat().st_size < LOG_BYTES + 100


def _most_memory(process: int) -> int:
    """The most bytes that a process has had in memory; 0 of one that is gone."""
    try:
        status = Path("/proc", str(process), "status").read_text()
    except OSError:
        return 0
    return 1024 * int(status.partition("VmHWM:")[2].split()[0]) if "VmHWM:" in status else 0
